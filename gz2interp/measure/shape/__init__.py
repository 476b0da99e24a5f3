"""The shape of galaxies in numbers that need no network, in units of the noise."""
