"""The kernels: for each kind of work the loops around it."""
