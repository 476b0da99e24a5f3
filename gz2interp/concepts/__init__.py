"""Channels, neuron groups and positions of a layer, and their effects on scores. Arrays in, frozen records out."""
