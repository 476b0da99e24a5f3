"""Real galaxies, and painted ones made as bright and as large as each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gz2interp.painting import Recipe
from gz2interp.schema import BANDS

from .painted import SEEING_RADIUS, rescaled, seen
from .photometry import Subject, subject_of
from .real import Field, Seen, cutouts_by_eye

__all__ = ["Match", "matches", "real_galaxies"]

R_BAND = BANDS.index("r")
FAINTEST, SMALLEST, LARGEST = 20.0, 2.1, 8.5
"""r magnitude, and Petrosian radii [arcsec]: what is smaller is a star or looks like one."""

CLOSE = (0.15, 0.12)
"""A match agrees in r to so many magnitudes, and in the Petrosian radius to this fraction."""


@dataclass(frozen=True, eq=False)
class Match:
    """One real galaxy and the painted ones that are as bright and as large.

    Attributes
    ----------
    real : Seen
    subject : Subject
        The real galaxy measured.
    painted : sequence of (Seen, Subject)
    """

    real: Seen
    subject: Subject
    painted: Sequence[tuple[Seen, Subject]]


def real_galaxies(real: Path, field: Field, most: int = 250) -> list[tuple[Seen, Subject]]:
    """Cutouts that an eye called galaxies, and extended objects of the frame that are not among them."""
    chosen = cutouts_by_eye(real, "galaxy")
    galaxies = [one for one, _, _ in chosen]
    r_map = field.frames[R_BAND].wcs
    taken = [tuple(map(float, r_map.world_to_pixel_values(ra, dec))) for _, ra, dec in chosen]
    for x, y in field.found(most):
        image = field.cut(x, y)
        if image is not None and not any(np.hypot(x - a, y - b) < 12 for a, b in taken):
            galaxies.append(Seen(image, field.region(x, y), "frame"))
    measured = [(galaxy, subject_of(galaxy.image)) for galaxy in galaxies]
    return [(galaxy, subject) for galaxy, subject in measured if _usable(subject)]


def matches(real: Sequence[tuple[Seen, Subject]], recipes: Sequence[Recipe], each: int) -> list[Match]:
    """For each real galaxy a few painted ones; every recipe serves once, until all have served."""
    galaxies = [recipe for recipe in recipes if recipe.kind not in ("star", "artefact")]
    found = []
    for number, (galaxy, subject) in enumerate(real):
        alike: list[tuple[Seen, Subject]] = []
        for turn in range(2 * each):
            place = (number * 2 * each + turn) % len(galaxies)
            painted = _alike(galaxies[place], subject, f"recipe {place}") if len(alike) < each else None
            if painted is not None:
                alike.append(painted)
        found.append(Match(galaxy, subject, alike))
    return found


def _usable(subject: Subject) -> bool:
    bright = bool(subject.magnitudes[R_BAND] < FAINTEST) and bool(subject.magnitudes[R_BAND] > 15)
    return bright and SMALLEST < subject.petro_radius < LARGEST


def _alike(recipe: Recipe, wanted: Subject, group: str) -> tuple[Seen, Subject] | None:
    """The recipe rescaled, painted and measured; once more, corrected, if it missed; None if it missed twice."""
    brighter = 10 ** (0.4 * (recipe.magnitudes[R_BAND] - wanted.magnitudes[R_BAND]))
    larger = _intrinsic(wanted.petro_radius) / _intrinsic(recipe.petro_radius)
    for _ in range(3):
        painted = seen(rescaled(recipe, brighter, larger), group)
        subject = subject_of(painted.image)
        apart = float(subject.magnitudes[R_BAND] - wanted.magnitudes[R_BAND])
        ratio = subject.petro_radius / wanted.petro_radius
        if not np.isfinite(apart + ratio):
            return None
        if abs(apart) < CLOSE[0] and abs(ratio - 1) < CLOSE[1]:
            return painted, subject
        brighter *= 10 ** (0.4 * apart)
        larger *= _intrinsic(wanted.petro_radius) / _intrinsic(subject.petro_radius)
    return None


def _intrinsic(petro_radius: float) -> float:
    return float(np.sqrt(max(petro_radius**2 - SEEING_RADIUS**2, 0.5)))
