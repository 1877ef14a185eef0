"""Surfaces: the loss along directions, paths of descent on it, and several starts that end apart."""
