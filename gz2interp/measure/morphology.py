"""The morphology of each galaxy as standard numbers, measured on the pixels, without a network.

Non-parametric, as surveys measure it (Conselice 2003, ApJS 147, 1), and the residuals of ellipses (Lochner & Bassett
2021, Astronomy and Computing 36, 100481). A pure function of pixels, so that any engine may run it, block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError
from gz2interp.measure.shape.isophotes import above_sky, isophotes
from gz2interp.measure.shape.profiles import RADII, colours, profile_shape, sizes
from gz2interp.measure.shape.residuals import ARC, ZONES, one_band, residuals

__all__ = ["SMALLEST", "morphology", "morphology_words"]

Floats = NDArray[np.float32]

BLOCK: Final = 32
"""Galaxies measured at a time."""

SMALLEST: Final = 16
"""Pixels on each side of an image."""

_CONTROLS: Final = {
    "signal": "its brightness",
    "petrosian": "its size",
    "axis_ratio": "its axis ratio",
    "concentration": "its concentration",
}
_ZONES: Final = {
    "inside": "within 0.7 Petrosian radii",
    "rim": "at 0.7 to 1.3 Petrosian radii",
    "outside": "at 1.3 to 2.2 Petrosian radii",
}
_SPOTS: Final = {
    "spot": "the brightest spot",
    "hole": "the darkest spot",
    "one_sided": "what is on one side alone",
    "one_band": "what is in one band alone",
}
_OTHERS: Final = {
    "half": "its half-light radius",
    "bump": "the bump in its radial profile",
    "gap": "the gap in its radial profile",
    "bend": "the bend in its radial profile",
    "asymmetry": "its asymmetry",
    "arms_1": "its lopsidedness",
    "arms_2": "its two arms or bar",
    "arms_3": "its three arms",
    "line": "a straight line",
    "line_in_a_band": "a straight line in one band alone",
}


def morphology_words(bands: Sequence[str]) -> dict[str, str]:
    """Every number that `morphology` gives, in order, and what it is called."""
    words = dict(_CONTROLS) | {f"profile_{radius:g}": f"its light at {radius:g} Petrosian radii" for radius in RADII}
    for name, spot in _SPOTS.items():
        words |= {f"{name}_{zone}": f"{spot} {_ZONES[zone]}" for zone in ZONES}
    for name in ARC:
        words |= {f"arc_{name}": f"a {name} arc", f"arc_{name}_in_a_band": f"a {name} arc in one band"}
    words |= _OTHERS
    words |= {f"colour_{band}": f"its light in {band} against the other bands" for band in bands}
    words |= {f"inner_{band}": f"the light of its middle in {band} against the other bands" for band in bands}
    lacking = ("one_band_", "line_in_a_band") if len(bands) < 2 else ()
    return {name: values for name, values in words.items() if not name.startswith(lacking or "\0")}


def morphology(images: ArrayLike, bands: Sequence[str]) -> dict[str, Floats]:
    """The numbers of `morphology_words`, float32 (n,) each and finite.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    bands : sequence of str

    Returns
    -------
    dict of float32 (n,)
        Controls: natural logarithms of the signal-to-noise ratio within two Petrosian radii and of the Petrosian radius
        [pixel], axis ratio, concentration. Of the profile, natural logarithms of the light in units of the mean within
        a Petrosian radius; colours, asinh magnitudes against the mean of all bands, in natural logarithms; asymmetry,
        the inverse hyperbolic sine of five times its share; all others in standard deviations of the noise.
        Besides, ``bump_at``: where the bump is [Petrosian radii].

    Raises
    ------
    InputError
        They are no images of these bands, or smaller than 16 pixels.
    """
    pixels = np.asarray(images, np.float32)
    if pixels.ndim != 4 or pixels.shape[3] != len(bands) or min(pixels.shape[1:3], default=0) < SMALLEST:
        raise InputError(
            f"Images of shape {pixels.shape} and {len(bands)} bands were given",
            f"(n, y, x, band) with at least {SMALLEST} pixels a side, and the name of each band",
        )
    parts = [_block(pixels[start : start + BLOCK], bands) for start in range(0, len(pixels), BLOCK)]
    none = [np.empty(0, np.float32)]
    names = (*morphology_words(bands), "bump_at")
    return {name: np.concatenate(none + [part[name] for part in parts]) for name in names}


def _block(images: Floats, bands: Sequence[str]) -> dict[str, Floats]:
    fitted = isophotes(above_sky(images))
    size = sizes(fitted)
    results = {
        "signal": np.arcsinh(size.signal / 2),
        "petrosian": np.log(size.petrosian),
        "half": np.log(np.maximum(size.half, 0.1)),
        "axis_ratio": fitted.axis_ratio,
        "concentration": size.concentration,
    }
    results |= profile_shape(fitted, size) | residuals(fitted, size) | one_band(fitted, size)
    for name, of_bands in zip(("colour", "inner"), colours(fitted, size), strict=True):
        results |= {f"{name}_{band}": of_bands[:, at] for at, band in enumerate(bands)}
    return {name: np.nan_to_num(values).astype(np.float32) for name, values in results.items()}
