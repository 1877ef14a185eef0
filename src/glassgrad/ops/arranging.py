"""Rearranging elements: rolling, repeating, tiling, padding, triangles."""
