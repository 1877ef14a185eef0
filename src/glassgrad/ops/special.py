"""Special functions: the error, gamma and entropy families."""
