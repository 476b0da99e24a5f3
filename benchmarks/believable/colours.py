"""Colours and sizes of the painted catalogue, and of its images, beside those of Galaxy Zoo 2's Stripe 82."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.painting import Recipe, catalog_of
from gz2interp.schema import BANDS, PETRO_RADIUS

from .photometry import Subject
from .report import Line, by_change, by_ratio

__all__ = ["compare_catalogues", "compare_images", "compare_sizes"]

Array = NDArray[np.floating]

SMOOTH = "t01_smooth_or_features_a01_smooth_debiased"
FEATURES = "t01_smooth_or_features_a02_features_or_disk_debiased"
DECIDED = 0.8
COLOURS = tuple(pairwise(BANDS))

SIZE_BINS = ((14.0, 16.0), (16.0, 16.7), (16.7, 17.2), (17.2, 17.5), (17.5, 17.8))
"""r magnitudes."""


def compare_catalogues(table: pd.DataFrame, recipes: Sequence[Recipe]) -> list[Line]:
    """Colours of smooth galaxies and of discs, as the catalogues have them."""
    painted = catalog_of(recipes)
    lines = []
    for name, column in (("smooth", SMOOTH), ("disc", FEATURES)):
        real_part, painted_part = (rows[rows[column] > DECIDED] for rows in (table, painted))
        for blue, red in COLOURS:
            one, other = (_colour(rows, blue, red) for rows in (real_part, painted_part))
            what = f"{name} {blue}-{red}, median (n {len(one)}, {len(other)})"
            lines.append(by_change(what, (float(np.median(one)), float(np.median(other))), 0.05))
            lines.append(by_ratio(f"{name} {blue}-{red}, scatter", (one.std(), other.std()), 0.2))
        sizes = [np.median(rows[key]) for rows, key in ((real_part, "petroRad_r"), (painted_part, PETRO_RADIUS))]
        lines.append(by_ratio(f"{name} Petrosian radius, median [arcsec]", sizes, 0.1, ".2f"))
        lines.append(by_change(f"{name} r, median", (rows["r"].median() for rows in (real_part, painted_part)), 0.1))
    return lines


def compare_sizes(table: pd.DataFrame, recipes: Sequence[Recipe]) -> list[Line]:
    """Petrosian radius at a given magnitude."""
    galaxies = [recipe for recipe in recipes if recipe.kind not in ("star", "artefact")]
    painted_r = np.array([recipe.magnitudes[BANDS.index("r")] for recipe in galaxies])
    painted_size = np.log10([recipe.petro_radius for recipe in galaxies])
    good = (table["petroRad_r"] > 0.5) & (table["petroRad_r"] < 40)
    real_r, real_size = table["r"][good].to_numpy(), np.log10(table["petroRad_r"][good].to_numpy())
    lines, outside, counted = [], 0, 0
    for low, high in SIZE_BINS:
        one, other = (sizes[(r >= low) & (r < high)] for r, sizes in ((real_r, real_size), (painted_r, painted_size)))
        if len(other) < 8:
            continue
        edges = np.percentile(one, [1, 99])
        outside += int(((other < edges[0]) | (other > edges[1])).sum())
        counted += len(other)
        what = f"log radius at r {low:g} to {high:g}"
        lines.append(by_change(f"{what}, median (n {len(other)})", (np.median(one), np.median(other)), 0.05))
        lines.append(by_ratio(f"{what}, scatter", (one.std(), other.std()), 0.2))
    share = outside / max(counted, 1)
    goal = "2 % would be theirs"
    lines.append(Line("painted outside the real 1 to 99 %", "2 %", f"{share:.1%}", "", share < 0.04, goal))
    return lines


def compare_images(recipes: Sequence[Recipe], subjects: Sequence[Subject]) -> list[Line]:
    """What the painted images show against what the painted catalogue says, kind by kind."""
    radius = np.array([subject.petro_radius for subject in subjects])
    wanted = np.array([recipe.petro_radius for recipe in recipes])
    shown = np.array([subject.magnitudes for subject in subjects]) - np.array([recipe.magnitudes for recipe in recipes])
    kinds = np.array([recipe.kind for recipe in recipes])
    lines = []
    for kind in dict.fromkeys(kinds.tolist()):
        ratio = (radius / wanted)[(kinds == kind) & np.isfinite(radius) & (wanted < 9)]
        if len(ratio) >= 3:
            middle = float(np.median(ratio))
            scatter = 1.4826 * float(np.median(np.abs(ratio - middle)))
            what = f"{kind}: Petrosian radius shown / said (n {len(ratio)})"
            passed = abs(middle - 1) < 0.1
            lines.append(Line(what, "", f"+- {scatter:.2f}", f"{middle:.2f}", passed, "within 0.1"))
    fits = np.isfinite(radius) & (wanted < 9) & ~np.isin(kinds, ("star", "artefact"))
    lines.append(_shown("r magnitude within it - catalogue", shown[fits, BANDS.index("r")]))
    for index, (blue, red) in enumerate(COLOURS):
        lines.append(_shown(f"{blue}-{red} within it - catalogue", (shown[:, index] - shown[:, index + 1])[fits], 0.05))
    return lines


def _shown(what: str, change: Array, limit: float = np.inf) -> Line:
    """How an image differs from the catalogue; no goal by default."""
    middle = float(np.nanmedian(change))
    passed, goal = (abs(middle) < limit, f"within {limit:g}") if np.isfinite(limit) else (None, "")
    return Line(what, "", f"+- {np.nanstd(change):.3f}", f"{middle:+.3f}", passed, goal)


def _colour(rows: pd.DataFrame, blue: str, red: str) -> Array:
    return np.asarray((rows[blue] - rows[red]).to_numpy(float))
