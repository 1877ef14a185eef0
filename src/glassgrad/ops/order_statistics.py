"""Statistics of order: median, quantile, running maxima, the largest few."""
