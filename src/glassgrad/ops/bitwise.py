"""Bits of whole numbers: no gradient flows through them."""
