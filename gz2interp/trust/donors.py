"""Matched donors and recipients, and the change of a score when a recipient is given a donor's nuisance.

It is zero if the nuisance has nothing to do with the classes, whatever the network makes of it, and zero if the network
makes nothing of it, whatever it has to do with them. So one number says that a shortcut is there and is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import KDTree

from gz2interp.measure.outskirts import MeasuredImages
from gz2interp.network.model_probe import ModelProbe
from gz2interp.statistics import Estimate, Z
from gz2interp.trust.nuisances import Nuisance

__all__ = ["CALIPER", "FEWEST", "DonorPairs", "ShortcutEffect", "Side", "answers", "draw_pairs", "pulls"]


Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

CALIPER = 0.35
"""How far donors may be from what they are to look like, in standard deviations of size and brightness."""

WIDER = 4
"""Times that this is doubled where too few galaxies are alike."""

LEAST, ENOUGH = 3, 0.1
"""Galaxies of each class that must be alike, and the share of all galaxies around which that must be so."""


@dataclass(frozen=True, eq=False)
class DonorPairs:
    """Recipients with a donor of each class.

    Attributes
    ----------
    recipients : int64 (n,)
        Positions among the galaxies.
    donors : int64 (n, class)
    caliper : float
        Within which the donors of a recipient are alike; infinite where that could not be had.
    """

    recipients: Ints
    donors: Ints
    caliper: float


def draw_pairs(classes: Ints, looks: Doubles, most: int, generator: Generator) -> DonorPairs:
    """Draw recipients, as many of each class as there are of the rarest or as `most` allows, and donors for each.

    The donors of one recipient, one of each class, are alike in size and brightness, so that what they differ in is not
    what makes large galaxies differ from small ones. They need not be like the recipient.

    Parameters
    ----------
    classes : int64 (n,)
        From 0, each with galaxies.
    looks : float (n, feature)
        Size and brightness, or whatever else the donors are to be alike in.
    most : int
        Recipients at most.
    generator : Generator
    """
    count = int(classes.max()) + 1
    each = max(most // count, 1)
    members = [np.flatnonzero(classes == number) for number in range(count)]
    recipients = np.concatenate([generator.permutation(rows)[:each] for rows in members])
    balls, caliper = _alike(classes, members, looks)
    donors = np.empty((len(recipients), count), np.int64)
    for place, recipient in enumerate(recipients):
        ball = balls[int(generator.integers(len(balls)))]
        for number, rows in enumerate(ball):
            others = rows[rows != recipient]
            donors[place, number] = generator.choice(others if len(others) else rows)
    return DonorPairs(recipients, donors, caliper)


def _alike(classes: Ints, members: list[Ints], looks: Doubles) -> tuple[list[list[Ints]], float]:
    """Sets of galaxies that are alike, each as its members of every class."""
    scaled = _scaled(looks)
    trees = [KDTree(scaled[rows]) for rows in members]
    caliper = CALIPER
    for _ in range(WIDER):
        found = [tree.query_ball_point(scaled, caliper) for tree in trees]
        balls = [
            [rows[np.asarray(near, np.int64)] for rows, near in zip(members, ball, strict=True)]
            for ball in zip(*found, strict=True)
            if min(map(len, ball)) >= LEAST
        ]
        if len(balls) >= max(ENOUGH * len(classes), 1):
            return balls, caliper
        caliper *= 2
    return [members], float("inf")


def _scaled(looks: Doubles) -> Doubles:
    known = np.where(np.isfinite(looks), looks, np.nan)
    if not known.size:
        return np.zeros((len(looks), 1))
    known = np.where(np.isfinite(known).any(axis=0), known, 0.0)
    middle = np.nanmedian(known, axis=0)
    filled = np.where(np.isfinite(known), known, middle)
    spread = filled.std(axis=0)
    return np.asarray((filled - middle) / np.where(spread > 0, spread, 1.0))


Floats = NDArray[np.float32]
Side = Literal["towards", "away"]

PORTION = 32
"""Recipients in the works at a time."""

FEWEST = 12
"""Recipients of a side, and galaxies of a class: with fewer, chance looks like a pull."""

DRAWS = 400
"""Of the bootstrap."""


@dataclass(frozen=True)
class ShortcutEffect:
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
    probe: ModelProbe,
    family: Nuisance,
    galaxies: MeasuredImages,
    pairs: DonorPairs,
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


def pulls(
    said: Floats, outputs: Sequence[int], classes: Ints, pairs: DonorPairs, generator: Generator
) -> tuple[ShortcutEffect, ...]:
    """The pull of every class on both sides.

    Parameters
    ----------
    said : float32 (n, donor, class)
        As from `answers`; donors in the order of the classes asked about.
    outputs : sequence of int
        Which output of the network each of these is.
    classes : int64 (galaxy,)
        Of all galaxies, among those asked about.
    pairs : DonorPairs
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
            found.append(
                ShortcutEffect(number, side, float(rise[0]), float(np.nanstd(rise[1:], ddof=1)), int(where.sum()))
            )
    return tuple(found)


def _told(probe: ModelProbe, before: Floats, after: Floats) -> Floats:
    """What is said of images (donor, n, y, x, band), float32 (n, donor, class); those left as they were count once."""
    changed = (after != before).any(axis=(2, 3, 4))
    told = np.broadcast_to(probe.probabilities(before), (*changed.shape, len(probe.class_names))).copy()
    if changed.any():
        told[changed] = probe.probabilities(after[changed])
    return np.asarray(np.moveaxis(told, 0, 1))


def _parties(galaxies: MeasuredImages, pairs: DonorPairs, some: Ints) -> tuple[MeasuredImages, list[MeasuredImages]]:
    return galaxies.of(pairs.recipients[some]), [galaxies.of(column) for column in pairs.donors[some].T]


def _drawn(count: int, generator: Generator) -> Doubles:
    """How often each galaxy is in each sample drawn with replacement, (draw, galaxy)."""
    return generator.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)
