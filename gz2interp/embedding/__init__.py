"""Galaxies in the network's own space: who is near whom, and a map of it."""
