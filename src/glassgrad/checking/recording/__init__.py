"""A person's program, run as it is, with every NumPy call of its first training steps written down."""
