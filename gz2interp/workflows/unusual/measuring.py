"""What is measured on the pixels of galaxies, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.morphology import CONTROLS, FAMILIES, Morphology
from gz2interp.measure.morphology import SMALLEST, morphology, morphology_words

__all__ = ["Measuring", "told_of"]

Floats = NDArray[np.float32]

TOLD: Final = 2
"""Numbers that are named."""

SIGMA: Final = ("bump", "gap", "spot_", "hole_", "one_sided_", "one_band_", "arc_", "line")
"""How the names of those begin that are told in standard deviations of the noise too."""


class Measuring:
    """Measures images of some bands.

    Parameters
    ----------
    bands : sequence of str
    shape : (int, int)
        Of the images.

    Attributes
    ----------
    names : list of str
        Of the numbers; empty where the images are too small for any.
    """

    def __init__(self, bands: Sequence[str], shape: tuple[int, int]) -> None:
        self.bands = tuple(bands)
        self.names = list(morphology_words(bands)) if min(shape) >= SMALLEST else []

    def __call__(self, images: Floats) -> Floats:
        """Numbers float32 (n, number + 1) of images (n, y, x, band), the last ``bump_at``; (n, 0) if too small."""
        if not self.names:
            return np.empty((len(images), 0), np.float32)
        found = morphology(images, self.bands)
        return np.stack([found[name] for name in (*self.names, "bump_at")], axis=1)


def told_of(usual: Morphology, bands: Sequence[str], numbers: Floats) -> list[dict[str, list[tuple[str, float]]]]:
    """Of each galaxy, for each score of its morphology, what is farthest off and by how many scatters.

    Parameters
    ----------
    usual : Morphology
    bands : sequence of str
    numbers : float32 (n, number + 1)
        From `Measuring`.
    """
    words, names = morphology_words(bands), [str(name) for name in usual.names[len(CONTROLS) :]]
    deviations, values = usual.deviations(numbers[:, :-1]), numbers[:, len(CONTROLS) :]
    told: list[dict[str, list[tuple[str, float]]]] = [{} for _ in numbers]
    for family in FAMILIES:
        mine = np.flatnonzero(usual.of_family(family))
        order = mine[np.argsort(-np.abs(deviations[:, mine]), axis=1, kind="stable")[:, :TOLD]]
        for at, each in enumerate(told):
            each[family] = [(_said(words, names[k], values[at], k), float(deviations[at, k])) for k in order[at]]
    return told


def _said(words: dict[str, str], name: str, values: Floats, k: int) -> str:
    """As in "the bump in its radial profile, 12 sigma at 0.8 Petrosian radii,"."""
    if not name.startswith(SIGMA):
        return words[name]
    where = f" at {values[-1]:.1f} Petrosian radii" if name == "bump" else ""
    return f"{words[name]}, {values[k]:.0f} sigma{where},"
