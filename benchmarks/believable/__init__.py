"""How well painted galaxies pass for real ones: see `__main__`."""
