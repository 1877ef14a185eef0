"""Sets: the different values of an array."""
