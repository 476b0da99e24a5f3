"""One sentence about each cluster, flags for observational artefacts, and correlated columns reported once.

A cluster is flagged where it differs from the rest in a column of image quality with an effect of at least `FLAGGED`,
among all galaxies and among galaxies of similar size in the image: large galaxies reach the edge and leave light in the
sky without any defect of the image. The thresholds were fixed on development seeds (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.cluster_differences import DISCOVERY_RATE, ComparedColumn

__all__ = [
    "CAUSES",
    "FLAGGED",
    "ArtefactCause",
    "CorrelatedColumns",
    "cause_of",
    "distinguishing_columns",
    "flags_of",
    "sentence",
]


SAMPLE: Final = 4000
"""Galaxies by which columns are correlated."""

CORRELATED: Final = 0.7
"""Absolute rank correlation from which on two columns are redundant."""


class CorrelatedColumns:
    """Rank correlations between columns of n galaxies, from a random sample of them."""

    def __init__(self, n: int, seed: int = 0) -> None:
        self._rows = np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])
        self._values: dict[str, NDArray[np.float32]] = {}

    def add(self, column: ComparedColumn) -> None:
        """Store the sample of a column."""
        self._values[column.name] = column.values[self._rows].astype(np.float32)

    def alike(self, one: str, two: str) -> bool:
        """Whether two columns are correlated or anti-correlated, where both are finite."""
        a, b = self._values[one], self._values[two]
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() < 10:
            return False
        ranks = [_ranks(values[both]) for values in (a, b)]
        if not all(np.ptp(values) for values in ranks):
            return False
        return bool(abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) >= CORRELATED)


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Ranks; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


FLAGGED: Final = 0.6
"""Rank-biserial correlation: a member exceeds another galaxy in 80 of 100 pairs."""

NEAR_END: Final = 0.4
"""The least end of its 95 % interval nearest to 0."""

ABOUT: Final = 0.05
"""Effects that differ by less count as equal."""


@dataclass(frozen=True)
class ArtefactCause:
    """An observational cause of a cluster.

    Attributes
    ----------
    name : str
        In the sentence: "Probably caused by the seeing".
    columns : tuple of str
        Prefixes of the names of image-quality columns.
    """

    name: str
    columns: tuple[str, ...]


CAUSES: Final = (
    ArtefactCause("seeing", ("psf_",)),
    ArtefactCause("depth", ("sky_", "depth_")),
    ArtefactCause("background", ("background_", "gradient_")),
    ArtefactCause("edge", ("edge", "invalid", "zero")),
    ArtefactCause("quality", ("smoothing", "flat")),
    ArtefactCause("neighbours", ("neighbour",)),
)
"""In the order in which they are named; a depth that follows from the seeing counts as seeing."""


def flags_of(table: pd.DataFrame, columns: Mapping[str, ComparedColumn]) -> list[tuple[str, str]]:
    """Probable observational causes of a cluster, the strongest first: pairs of a cause's name and a sentence.

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
    strong = (effect.abs() >= FLAGGED) & (matched.abs() >= FLAGGED) & (effect * matched > 0) & (near >= NEAR_END)
    significant = quality[strong & (quality["q"] <= DISCOVERY_RATE)]
    flags: list[tuple[float, str, str]] = []
    for cause in CAUSES:
        rows = significant[[cause_of(str(name)) == cause.name for name in significant["column"]]]
        if len(rows):
            row = _strongest(rows)
            flags.append((abs(float(row["effect"])), cause.name, _sentence(cause.name, row, columns[row["column"]])))
    names = set(significant["column"])
    noisier = any(str(name).startswith("sky_") for name in significant.loc[significant["effect"] > 0, "column"])
    if not noisier and (names & {"smoothing"} or any(str(name).startswith("psf_") for name in names)):
        flags = [flag for flag in flags if flag[1] != "depth"]  # it follows from the seeing, or from the smoothing
    return [(name, words) for _, name, words in sorted(flags, key=lambda flag: -flag[0])]


def cause_of(column: str) -> str:
    """The cause that a column of image quality indicates; "" for one of the galaxy itself."""
    return next((cause.name for cause in CAUSES if column.startswith(cause.columns)), "")


def _strongest(rows: pd.DataFrame) -> Any:
    """The row of the largest effect; of those about as large the one in r, the band of the selection."""
    strength = np.abs(rows["effect"].to_numpy())
    in_r = np.array([str(name).endswith("_r") for name in rows["column"]])
    order = np.lexsort((-strength, ~(in_r & (strength > strength.max() - ABOUT))))
    return rows.iloc[int(order[0])]


def _sentence(name: str, row: Any, column: ComparedColumn) -> str:
    inside, elsewhere = (column.format_value(float(row[side])) for side in ("inside", "elsewhere"))
    return f"Probably caused by the {name}: {column.label} {inside} against {elsewhere}."


MOST: Final = 3
"""Columns that one sentence names."""

MAINLY: Final = 0.5
"""Share of a cluster from which on the sentence says "mostly"."""


def distinguishing_columns(table: pd.DataFrame, mirrors: CorrelatedColumns, most: int = MOST) -> list[str]:
    """Names of the columns in which a cluster differs most from the rest, correlated ones once.

    Properties of the galaxies come before image quality.

    Parameters
    ----------
    table : DataFrame
        The comparisons of one cluster, with ``sure``.
    mirrors : CorrelatedColumns
    most : int
    """
    sure = table[table["sure"]]
    # Of two equal effects, such as the votes for yes and for no, the positive one.
    order = sure.assign(
        of_image=sure["source"] == "quality", strength=sure["effect"].abs().round(2), fewer=sure["effect"] < 0
    ).sort_values(["of_image", "strength", "fewer", "column"], ascending=[True, False, True, True])
    names: list[str] = []
    for name in order["column"]:
        if len(names) < most and not any(mirrors.alike(name, other) for other in names):
            names.append(str(name))
    return names


def sentence(
    table: pd.DataFrame, size: int, columns: Mapping[str, ComparedColumn], names: Sequence[str], tests: int
) -> str:
    """A cluster in one sentence.

    Parameters
    ----------
    table : DataFrame
        The comparisons of this cluster.
    size : int
        Its galaxies.
    columns : mapping
        Name -> the column; their values are not used.
    names : sequence of str
        Of `distinguishing_columns`.
    tests : int
        Comparisons in all, to which the false discovery rate refers.
    """
    rows = table.set_index("column")
    parts = [(columns[name], rows.loc[name]) for name in names]
    shares = [_share(column, row) for column, row in parts if column.is_share]
    numbers = [_number(column, row) for column, row in parts if not column.is_share]
    words = ", ".join(shares) + ("; " if shares and numbers else "")
    words += f"{_listed(numbers)} than the rest" if numbers else ""
    rate = f"at a false discovery rate of {DISCOVERY_RATE:.0%}".replace("%", " %")
    comparisons = f"{len(table):,} comparisons ({tests:,} for all clusters)"
    if not parts:
        return f"{size:,} galaxies: none of {comparisons} is significant {rate}."
    return f"{size:,} galaxies: {words}; {int(table['sure'].sum()):,} of {comparisons} are significant {rate}."


def _share(column: ComparedColumn, row: Any) -> str:
    if row["effect"] < 0:
        how = "hardly any" if row["inside"] < 0.02 else "fewer"
    else:
        how = "mostly" if row["inside"] >= MAINLY else "more often"
    return f"{how} {column.more} ({_percent(row['inside'])}, {_percent(row['elsewhere'])} elsewhere)"


def _number(column: ComparedColumn, row: Any) -> str:
    inside, elsewhere = (column.format_value(float(row[side])) for side in ("inside", "elsewhere"))
    words = column.more if row["effect"] > 0 else column.less
    return f"{words} ({' '.join(part for part in (column.label, inside) if part)}, {elsewhere} elsewhere)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1f} %"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
