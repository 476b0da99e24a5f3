"""Measured from maps: pure functions of arrays."""
