"""How many electrons a count of SDSS' camera is."""

from __future__ import annotations

from typing import Final

__all__ = ["electrons_per_count"]

_GAINS: Final = {
    1: {"u": 1.62, "g": 3.32, "r": 4.71, "i": 5.165, "z": 4.745},
    2: {"u": 1.595, "g": 3.855, "r": 4.6, "i": 6.565, "z": 5.155},
    3: {"u": 1.59, "g": 3.845, "r": 4.72, "i": 4.86, "z": 4.885},
    4: {"u": 1.6, "g": 3.995, "r": 4.76, "i": 4.885, "z": 4.775},
    5: {"u": 1.47, "g": 4.05, "r": 4.725, "i": 4.64, "z": 3.48},
    6: {"u": 2.17, "g": 4.035, "r": 4.895, "i": 4.76, "z": 4.69},
}
"""By column of the camera and band, from the data model of SDSS' frames (its "frame" page)."""

_NEW_AMPLIFIER, _ITS_GAIN = 1100, 1.825
"""In runs after this one the u band of the second column has another gain."""


def electrons_per_count(band: str, camcol: int, run: int) -> float:
    """The gain of one chip; NaN where the camera has no such chip.

    >>> electrons_per_count("r", 6, 1035)
    4.895
    """
    if (band, camcol) == ("u", 2) and run > _NEW_AMPLIFIER:
        return _ITS_GAIN
    return _GAINS.get(camcol, {}).get(band, float("nan"))
