"""Clusters that the sky, the telescope or the cutting out has made, so that nobody chases them.

A cluster is flagged where a column of image quality tells it from the rest as strongly as `FLAGGED` says: among all
galaxies, and again among galaxies of like size in the image, because large galaxies reach the edge and leave light in
the sky without being badly imaged. The thresholds were fixed on development seeds (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from gz2interp.embedding.describing.columns import Column
from gz2interp.embedding.describing.comparing import DISCOVERY_RATE

__all__ = ["CAUSES", "FLAGGED", "SURELY", "Cause", "cause_of", "flags_of"]

FLAGGED: Final = 0.6
"""Rank-biserial correlation: a member has more of it than another galaxy in 80 of 100 pairs."""

SURELY: Final = 0.4
"""The near end of its 95 % interval."""


ABOUT: Final = 0.05
"""Differences of the effect that do not matter for what is told."""


@dataclass(frozen=True)
class Cause:
    """What a cluster may be made by.

    Attributes
    ----------
    name : str
        In the sentence: "Probably made by the seeing".
    columns : tuple of str
        Beginnings of names of columns of image quality.
    """

    name: str
    columns: tuple[str, ...]


CAUSES: Final = (
    Cause("seeing", ("psf_",)),
    Cause("depth", ("sky_", "depth_")),
    Cause("background", ("background_", "gradient_")),
    Cause("edge", ("edge", "invalid", "zero")),
    Cause("quality", ("smoothing", "flat")),
    Cause("neighbours", ("neighbour",)),
)
"""In the order in which they are named; a depth that follows from the seeing is the seeing's."""


def flags_of(table: pd.DataFrame, columns: Mapping[str, Column]) -> list[tuple[str, str]]:
    """What a cluster is probably made by, the strongest first: pairs of a cause's name and a sentence.

    Parameters
    ----------
    table : DataFrame
        The comparisons of one cluster, with ``q`` and ``matched``.
    columns : mapping
        Name -> the column.
    """
    quality = table[table["source"] == "quality"]
    effect, matched = quality["effect"], quality["matched"]
    near = quality["low"].where(effect > 0, -quality["high"])
    strong = (effect.abs() >= FLAGGED) & (matched.abs() >= FLAGGED) & (effect * matched > 0) & (near >= SURELY)
    found = quality[strong & (quality["q"] <= DISCOVERY_RATE)]
    flags: list[tuple[float, str, str]] = []
    for cause in CAUSES:
        rows = found[[cause_of(str(name)) == cause.name for name in found["column"]]]
        if len(rows):
            row = _told(rows)
            flags.append((abs(float(row["effect"])), cause.name, _sentence(cause.name, row, columns[row["column"]])))
    names = set(found["column"])
    noisier = any(str(name).startswith("sky_") for name in found.loc[found["effect"] > 0, "column"])
    if not noisier and (names & {"smoothing"} or any(str(name).startswith("psf_") for name in names)):
        flags = [flag for flag in flags if flag[1] != "depth"]  # it follows from the seeing, or from the smoothing
    return [(name, words) for _, name, words in sorted(flags, key=lambda flag: -flag[0])]


def cause_of(column: str) -> str:
    """The cause that a column of image quality speaks of; "" for one of the galaxy itself."""
    return next((cause.name for cause in CAUSES if column.startswith(cause.columns)), "")


def _told(rows: pd.DataFrame) -> Any:
    """The strongest; of those about as strong the one in r, the band that galaxies are chosen by."""
    strength = np.abs(rows["effect"].to_numpy())
    in_r = np.array([str(name).endswith("_r") for name in rows["column"]])
    order = np.lexsort((-strength, ~(in_r & (strength > strength.max() - ABOUT))))
    return rows.iloc[int(order[0])]


def _sentence(name: str, row: Any, column: Column) -> str:
    inside, elsewhere = (column.says(float(row[side])) for side in ("inside", "elsewhere"))
    return f"Probably made by the {name}: {column.label} {inside} against {elsewhere}."
