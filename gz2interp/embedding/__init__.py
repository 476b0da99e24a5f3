"""Galaxies in a network's activation space: nearest neighbours, maps, clusters and anomaly scores."""
