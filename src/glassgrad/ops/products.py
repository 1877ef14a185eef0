"""Products of arrays: along an axis, of vectors, and of any indices."""
