"""Drawing figures: where everything stands, and SVG of it."""
