"""The pull: how much more a network says "b" when a galaxy is given the nuisance of a galaxy of class b.

It is zero if the nuisance has nothing to do with the classes, whatever the network makes of it, and zero if the network
makes nothing of it, whatever it has to do with them. So one number says that a shortcut is there and is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.statistics import Estimate, Z
from gz2interp.trust.donors import Pairs
from gz2interp.trust.nuisances import Measured, Nuisance

__all__ = ["FEWEST", "Answering", "Pull", "Side", "answers", "pulls"]

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Side = Literal["towards", "away"]

PORTION = 32
"""Recipients in the works at a time."""

FEWEST = 12
"""Recipients of a side, and galaxies of a class: with fewer, chance looks like a pull."""

DRAWS = 400
"""Of the bootstrap."""


class Answering(Protocol):
    """What is asked of a probe."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of its outputs."""

    def probabilities(self, images: Any, /) -> Floats:
        """Float32 (n, class)."""


@dataclass(frozen=True)
class Pull:
    """Of one class, on one side.

    Attributes
    ----------
    number : int
        Of the class among those that were asked about.
    side : str
        ``"towards"``: other galaxies get the nuisance of this class, and its probability rises by `value`. ``"away"``:
        galaxies of this class get that of others, and it falls by `value`.
    value, error : float
        In probability, and its standard error over recipients and donors.
    count : int
        Recipients.
    """

    number: int
    side: Side
    value: float
    error: float
    count: int

    @property
    def estimate(self) -> Estimate:
        """With a 95 % interval."""
        low, high = max(self.value - Z * self.error, -1.0), min(self.value + Z * self.error, 1.0)
        return Estimate(self.value, low, high, self.count)

    def bound(self, tests: int) -> float:
        """The lower end of a one-sided 95 % interval that holds for that many tests together."""
        return self.value - NormalDist().inv_cdf(1 - 0.05 / max(tests, 1)) * self.error


def answers(
    probe: Answering,
    family: Nuisance,
    galaxies: Measured,
    pairs: Pairs,
    generator: Generator,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """What the network says of each recipient with the nuisance of each of its donors.

    Returns
    -------
    float32 (n, donor, class)
        NaN where it cannot be done.
    """
    count, kinds = pairs.donors.shape
    said = np.full((count, kinds, len(probe.class_names)), np.nan, np.float32)
    for first in range(0, count, PORTION):
        some = np.arange(first, min(first + PORTION, count))
        recipients, donors = _parties(galaxies, pairs, some)
        which = np.flatnonzero(family.usable(recipients, donors))
        if len(which):
            images = family.transplant(recipients.of(which), [donor.of(which) for donor in donors], generator)
            said[some[which]] = _told(probe, recipients.images[which], images)
        if progress:
            progress(int(some[-1]) + 1, count)
    return said


def pulls(said: Floats, outputs: Sequence[int], classes: Ints, pairs: Pairs, generator: Generator) -> tuple[Pull, ...]:
    """The pull of every class on both sides.

    Parameters
    ----------
    said : float32 (n, donor, class)
        As from `answers`; donors in the order of the classes asked about.
    outputs : sequence of int
        Which output of the network each of these is.
    classes : int64 (galaxy,)
        Of all galaxies, among those asked about.
    pairs : Pairs
    generator : Generator
        Of the bootstrap, which draws galaxies anew, as recipients and as donors: one that gives or takes often counts
        as one.
    """
    done = np.isfinite(said[:, 0, 0])
    recipients, donors = pairs.recipients[done], pairs.donors[done]
    drawn = np.concatenate([np.ones((1, len(classes))), _drawn(len(classes), generator)])
    own = classes[recipients]
    found = []
    for number, output in enumerate(outputs):
        told = said[done, :, output].astype(np.float64)
        sides: tuple[tuple[Side, NDArray[np.bool_]], ...] = (("towards", own != number), ("away", own == number))
        for side, where in sides:
            if where.sum() < FEWEST:
                continue  # a bootstrap over a handful knows nothing of its own error
            given = donors[where]
            rises = told[where][:, [number]] - np.delete(told[where], number, axis=1)
            weights = drawn[:, recipients[where], None] * drawn[:, given[:, [number]]]
            weights = weights * drawn[:, np.delete(given, number, axis=1)]
            total = weights.sum(axis=1)
            means = np.einsum("dnk,nk->dk", weights, rises) / np.where(total > 0, total, np.nan)
            rise = means.mean(axis=1)
            found.append(Pull(number, side, float(rise[0]), float(np.nanstd(rise[1:], ddof=1)), int(where.sum())))
    return tuple(found)


def _told(probe: Answering, before: Floats, after: Floats) -> Floats:
    """What is said of images (donor, n, y, x, band), float32 (n, donor, class); those left as they were count once."""
    changed = (after != before).any(axis=(2, 3, 4))
    told = np.broadcast_to(probe.probabilities(before), (*changed.shape, len(probe.class_names))).copy()
    if changed.any():
        told[changed] = probe.probabilities(after[changed])
    return np.asarray(np.moveaxis(told, 0, 1))


def _parties(galaxies: Measured, pairs: Pairs, some: Ints) -> tuple[Measured, list[Measured]]:
    return galaxies.of(pairs.recipients[some]), [galaxies.of(column) for column in pairs.donors[some].T]


def _drawn(count: int, generator: Generator) -> Doubles:
    """How often each galaxy is in each sample drawn with replacement, (draw, galaxy)."""
    return generator.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)
