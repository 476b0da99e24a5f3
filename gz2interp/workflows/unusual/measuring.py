"""What is measured on the pixels of galaxies, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import SCORES
from gz2interp.embedding.unusual.morphology import CONTROLS, FAMILIES, Morphology
from gz2interp.embedding.unusual.reasons import deviations_in_words, place_in_words
from gz2interp.measure.morphology import SMALLEST, morphology, morphology_words
from gz2interp.schema import name_in_words

__all__ = ["Measuring", "details_of", "told_of", "votes_in_words"]

Floats = NDArray[np.float32]

TOLD: Final = 2
"""Numbers that are named."""

EXCESSES: Final = ("residuals", "one_band")
"""Scores that say that something is there: what is less than expected is no reason for them."""

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
    """Of each galaxy, for each score of its morphology, what deviates most, and by how many standard deviations.

    Parameters
    ----------
    usual : Morphology
    bands : sequence of str
    numbers : float32 (n, number + 1)
        From `Measuring`.
    """
    words, names = morphology_words(bands), [str(name) for name in usual.names[len(CONTROLS) :]]
    values = numbers[:, len(CONTROLS) :]
    told: list[dict[str, list[tuple[str, float]]]] = [{} for _ in numbers]
    for family in FAMILIES:
        mine, deviations = np.flatnonzero(usual.of_family(family)), usual.deviations(numbers[:, :-1], family)
        sizes = deviations[:, mine] if family in EXCESSES else np.abs(deviations[:, mine])
        order = mine[np.argsort(-sizes, axis=1, kind="stable")[:, :TOLD]]
        for at, each in enumerate(told):
            named = [(_said(words, names[k], values[at], k), float(deviations[at, k])) for k in order[at]]
            each[family] = [(name, value) for name, value in named if value > 0 or family not in EXCESSES]
    return told


def details_of(
    features: Sequence[tuple[str, float]],
    places: Mapping[str, int],
    grid: tuple[int, int],
    measured: Mapping[str, Sequence[tuple[str, float]]],
    votes: str,
) -> dict[str, str]:
    """What of one galaxy shows each of its scores, in words.

    Parameters
    ----------
    features : sequence of (str, float)
        Of the network's activations: what deviates most, and by how many standard deviations.
    places : mapping of str to int
        Score of the image to the cell that deviates most.
    grid : (int, int)
        Cells (y, x) of an image.
    measured : mapping
        Of `told_of`.
    votes : str
        Of `votes_in_words`.
    """
    together = "No single number stands out; their combination is unusual"
    details = dict.fromkeys(SCORES, deviations_in_words(features) or together)
    details |= {name: f"Most of all {place_in_words(place, grid)}" for name, place in places.items()}
    details |= {name: deviations_in_words(named) or together for name, named in measured.items()}
    return details | {"votes": votes}


def votes_in_words(classes: Sequence[str], shares: NDArray[np.floating], probabilities: NDArray[np.floating]) -> str:
    """What most volunteers chose, and what the network gives most probability, of one galaxy (class,).

    >>> votes_in_words(["round", "edge_on"], np.array([0.2, 0.8]), np.array([0.97, 0.03]))
    'Volunteers: 80 % edge-on (network 3 %); network: 97 % round (volunteers 20 %)'
    """
    if not np.isfinite(shares).all():
        return ""
    voted, predicted = int(np.argmax(shares)), int(np.argmax(probabilities))
    names = [name_in_words(name) for name in classes]
    return (
        f"Volunteers: {_percent(shares[voted])} {names[voted]} (network {_percent(probabilities[voted])}); "
        f"network: {_percent(probabilities[predicted])} {names[predicted]} (volunteers {_percent(shares[predicted])})"
    )


def _percent(share: float) -> str:
    return f"{100 * float(share):.0f} %"


def _said(words: dict[str, str], name: str, values: Floats, k: int) -> str:
    """As in "the bump in its radial profile (12 sigma at 0.8 Petrosian radii)"."""
    if not name.startswith(SIGMA):
        return words[name]
    where = f" at {values[-1]:.1f} Petrosian radii" if name == "bump" else ""
    return f"{words[name]} ({values[k]:.0f} sigma{where})"
