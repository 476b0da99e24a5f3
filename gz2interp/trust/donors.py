"""Matched donors and recipients, and the change of a score when a donor's nuisance is transplanted to a recipient.

The effect is zero if the nuisance is independent of the classes, and zero if the network does not use it: one number
measures both that a shortcut exists and that it is used.
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

__all__ = [
    "CALIPER",
    "FEWEST",
    "DonorPairs",
    "ShortcutEffect",
    "Side",
    "draw_pairs",
    "shortcut_effects",
    "transplanted_predictions",
]


Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

CALIPER = 0.35
"""Radius within which donors are matched, in standard deviations of size and brightness."""

WIDER = 4
"""How often the caliper may be doubled where too few galaxies match."""

LEAST, ENOUGH = 3, 0.1
"""Galaxies of each class that must match, and the share of all galaxies around which they must."""


@dataclass(frozen=True, eq=False)
class DonorPairs:
    """Recipients with a donor of each class.

    Attributes
    ----------
    recipients : int64 (n,)
        Positions among the galaxies.
    donors : int64 (n, class)
    caliper : float
        Within which the donors of a recipient match; infinite where no matches exist.
    """

    recipients: Ints
    donors: Ints
    caliper: float


def draw_pairs(classes: Ints, looks: Doubles, most: int, generator: Generator) -> DonorPairs:
    """Draw recipients, the same number of each class where possible and `most` in all, and matched donors for each.

    The donors of one recipient, one of each class, match in size and brightness, which would otherwise be confounded
    with the class. They need not match the recipient.

    Parameters
    ----------
    classes : int64 (n,)
        From 0, each with galaxies.
    looks : float (n, feature)
        Size and brightness, or other properties in which donors are matched.
    most : int
        Recipients at most.
    generator : Generator
    """
    count = int(classes.max()) + 1
    per_class = max(most // count, 1)
    members = [np.flatnonzero(classes == number) for number in range(count)]
    recipients = np.concatenate([generator.permutation(rows)[:per_class] for rows in members])
    balls, caliper = _alike(classes, members, looks)
    donors = np.empty((len(recipients), count), np.int64)
    for place, recipient in enumerate(recipients):
        ball = balls[int(generator.integers(len(balls)))]
        for number, rows in enumerate(ball):
            others = rows[rows != recipient]
            donors[place, number] = generator.choice(others if len(others) else rows)
    return DonorPairs(recipients, donors, caliper)


def _alike(classes: Ints, members: list[Ints], looks: Doubles) -> tuple[list[list[Ints]], float]:
    """Sets of matching galaxies, each as its members of every class."""
    scaled = _scaled(looks)
    trees = [KDTree(scaled[rows]) for rows in members]
    caliper = CALIPER
    for _ in range(WIDER):
        neighbours = [tree.query_ball_point(scaled, caliper) for tree in trees]
        balls = [
            [rows[np.asarray(near, np.int64)] for rows, near in zip(members, ball, strict=True)]
            for ball in zip(*neighbours, strict=True)
            if min(map(len, ball)) >= LEAST
        ]
        if len(balls) >= max(ENOUGH * len(classes), 1):
            return balls, caliper
        caliper *= 2
    return [members], float("inf")


def _scaled(looks: Doubles) -> Doubles:
    values = np.where(np.isfinite(looks), looks, np.nan)
    if not values.size:
        return np.zeros((len(looks), 1))
    values = np.where(np.isfinite(values).any(axis=0), values, 0.0)
    middle = np.nanmedian(values, axis=0)
    filled = np.where(np.isfinite(values), values, middle)
    spread = filled.std(axis=0)
    return np.asarray((filled - middle) / np.where(spread > 0, spread, 1.0))


Floats = NDArray[np.float32]
Side = Literal["towards", "away"]

PORTION = 32
"""Recipients in a batch."""

FEWEST = 12
"""Least number of recipients of a side, and of galaxies of a class."""

DRAWS = 400
"""Of the bootstrap."""


@dataclass(frozen=True)
class ShortcutEffect:
    """The effect of a nuisance on the probability of one class, on one side.

    Attributes
    ----------
    number : int
        Of the class among those tested.
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


def transplanted_predictions(
    probe: ModelProbe,
    family: Nuisance,
    galaxies: MeasuredImages,
    pairs: DonorPairs,
    generator: Generator,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Predictions of each recipient with the nuisance of each of its donors.

    Returns
    -------
    float32 (n, donor, class)
        NaN where the transplant is not possible.
    """
    count, kinds = pairs.donors.shape
    predictions = np.full((count, kinds, len(probe.class_names)), np.nan, np.float32)
    for first in range(0, count, PORTION):
        some = np.arange(first, min(first + PORTION, count))
        recipients, donors = _parties(galaxies, pairs, some)
        which = np.flatnonzero(family.usable(recipients, donors))
        if len(which):
            images = family.transplant(recipients.of(which), [donor.of(which) for donor in donors], generator)
            predictions[some[which]] = _predict_changed(probe, recipients.images[which], images)
        if progress:
            progress(int(some[-1]) + 1, count)
    return predictions


def shortcut_effects(
    predictions: Floats, outputs: Sequence[int], classes: Ints, pairs: DonorPairs, generator: Generator
) -> tuple[ShortcutEffect, ...]:
    """The effect of every class on both sides.

    Parameters
    ----------
    predictions : float32 (n, donor, class)
        Of `transplanted_predictions`; donors in the order of the tested classes.
    outputs : sequence of int
        The network's output of each tested class.
    classes : int64 (galaxy,)
        Of all galaxies, among the tested ones.
    pairs : DonorPairs
    generator : Generator
        Of the bootstrap, which resamples galaxies, both as recipients and as donors.
    """
    done = np.isfinite(predictions[:, 0, 0])
    recipients, donors = pairs.recipients[done], pairs.donors[done]
    drawn = np.concatenate([np.ones((1, len(classes))), _drawn(len(classes), generator)])
    labels = classes[recipients]
    effects = []
    for number, output in enumerate(outputs):
        probabilities = predictions[done, :, output].astype(np.float64)
        sides: tuple[tuple[Side, NDArray[np.bool_]], ...] = (
            ("towards", labels != number),
            ("away", labels == number),
        )
        for side, where in sides:
            if where.sum() < FEWEST:
                continue  # too few for a bootstrap
            matched = donors[where]
            rises = probabilities[where][:, [number]] - np.delete(probabilities[where], number, axis=1)
            weights = drawn[:, recipients[where], None] * drawn[:, matched[:, [number]]]
            weights = weights * drawn[:, np.delete(matched, number, axis=1)]
            total = weights.sum(axis=1)
            means = np.einsum("dnk,nk->dk", weights, rises) / np.where(total > 0, total, np.nan)
            rise = means.mean(axis=1)
            effects.append(
                ShortcutEffect(number, side, float(rise[0]), float(np.nanstd(rise[1:], ddof=1)), int(where.sum()))
            )
    return tuple(effects)


def _predict_changed(probe: ModelProbe, before: Floats, after: Floats) -> Floats:
    """Predictions of images (donor, n, y, x, band), float32 (n, donor, class); unchanged ones are computed once."""
    changed = (after != before).any(axis=(2, 3, 4))
    predictions = np.broadcast_to(probe.probabilities(before), (*changed.shape, len(probe.class_names))).copy()
    if changed.any():
        predictions[changed] = probe.probabilities(after[changed])
    return np.asarray(np.moveaxis(predictions, 0, 1))


def _parties(galaxies: MeasuredImages, pairs: DonorPairs, some: Ints) -> tuple[MeasuredImages, list[MeasuredImages]]:
    return galaxies.of(pairs.recipients[some]), [galaxies.of(column) for column in pairs.donors[some].T]


def _drawn(count: int, generator: Generator) -> Doubles:
    """How often each galaxy is in each sample drawn with replacement, (draw, galaxy)."""
    return generator.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)
