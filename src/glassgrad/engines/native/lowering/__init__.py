"""From a graph to kernels: what is computed, what in one pass, how matrices lie, and where everything lives."""
