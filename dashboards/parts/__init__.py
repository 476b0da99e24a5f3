"""The parts of a screen; each takes what has been loaded and shows it."""
