"""Adding values up at places: scatter and segment sums."""
