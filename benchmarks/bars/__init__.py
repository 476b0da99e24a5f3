"""Bars measured from maps: against the painted truth, on galaxies no network saw, beside a direct regression."""
