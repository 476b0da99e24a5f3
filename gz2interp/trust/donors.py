"""Who gives and who receives: galaxies of each class that look equally large and bright, drawn for each recipient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import KDTree

__all__ = ["CALIPER", "Pairs", "draw_pairs"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

CALIPER = 0.35
"""How far donors may be from what they are to look like, in standard deviations of size and brightness."""

WIDER = 4
"""Times that this is doubled where too few galaxies are alike."""

LEAST, ENOUGH = 3, 0.1
"""Galaxies of each class that must be alike, and the share of all galaxies around which that must be so."""


@dataclass(frozen=True, eq=False)
class Pairs:
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


def draw_pairs(classes: Ints, looks: Doubles, most: int, generator: Generator) -> Pairs:
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
    return Pairs(recipients, donors, caliper)


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
