"""What an image has that is not the galaxy, one family a file: measured, and given from one galaxy to another.

A new family is a function with the decorator `nuisance`.
"""

from __future__ import annotations

from gz2interp.measure.outskirts import Measured, measure
from gz2interp.trust.nuisances import background, centring, missing, noise, seeing, smoothing, surroundings
from gz2interp.trust.nuisances.registry import NUISANCES, Nuisance, nuisance

__all__ = [
    "NUISANCES",
    "Measured",
    "Nuisance",
    "background",
    "centring",
    "measure",
    "missing",
    "noise",
    "nuisance",
    "seeing",
    "smoothing",
    "surroundings",
]
