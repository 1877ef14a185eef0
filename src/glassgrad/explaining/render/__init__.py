"""Showing a document: in a terminal, a notebook, a page, a worksheet."""
