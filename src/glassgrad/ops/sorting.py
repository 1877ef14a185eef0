"""Sorting and searching: order, ranks and places."""
