"""The trainer on real galaxies in three bands, by cross-validation."""
