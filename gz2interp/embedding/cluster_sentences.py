"""One sentence about each cluster, flags for observational artefacts, and correlated columns reported once.

A cluster is flagged where a column of image quality tells it from the rest as strongly as `FLAGGED` says: among all
galaxies, and again among galaxies of like size in the image, because large galaxies reach the edge and leave light in
the sky without being badly imaged. The thresholds were fixed on development seeds (docs/benchmarks.md).
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
    "SURELY",
    "ArtefactCause",
    "CorrelatedColumns",
    "cause_of",
    "flags_of",
    "sentence",
    "told",
]


SAMPLE: Final = 4000
"""Galaxies among whom columns are compared."""

ALIKE: Final = 0.7
"""Rank correlation from which on two columns tell the same."""


class CorrelatedColumns:
    """Remembers a sample of each column, to say which of them tell the same.

    Parameters
    ----------
    n : int
        Galaxies.
    seed : int
        Of the sample.
    """

    def __init__(self, n: int, seed: int = 0) -> None:
        chosen = np.random.default_rng(seed).permutation(n)[:SAMPLE]
        self._rows = np.sort(chosen)
        self._seen: dict[str, NDArray[np.float32]] = {}

    def add(self, column: ComparedColumn) -> None:
        """Remember a column."""
        self._seen[column.name] = column.values[self._rows].astype(np.float32)

    def alike(self, one: str, two: str) -> bool:
        """Whether the ranks of two columns go together, or against one another, where both are known."""
        a, b = self._seen[one], self._seen[two]
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() < 10:
            return False
        ranks = [_ranks(values[known]) for values in (a, b)]
        if not all(np.ptp(each) for each in ranks):
            return False
        return bool(abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) >= ALIKE)


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


FLAGGED: Final = 0.6
"""Rank-biserial correlation: a member has more of it than another galaxy in 80 of 100 pairs."""

SURELY: Final = 0.4
"""The near end of its 95 % interval."""


ABOUT: Final = 0.05
"""Differences of the effect that do not matter for what is told."""


@dataclass(frozen=True)
class ArtefactCause:
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
    ArtefactCause("seeing", ("psf_",)),
    ArtefactCause("depth", ("sky_", "depth_")),
    ArtefactCause("background", ("background_", "gradient_")),
    ArtefactCause("edge", ("edge", "invalid", "zero")),
    ArtefactCause("quality", ("smoothing", "flat")),
    ArtefactCause("neighbours", ("neighbour",)),
)
"""In the order in which they are named; a depth that follows from the seeing is the seeing's."""


def flags_of(table: pd.DataFrame, columns: Mapping[str, ComparedColumn]) -> list[tuple[str, str]]:
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


def _sentence(name: str, row: Any, column: ComparedColumn) -> str:
    inside, elsewhere = (column.says(float(row[side])) for side in ("inside", "elsewhere"))
    return f"Probably made by the {name}: {column.label} {inside} against {elsewhere}."


MOST: Final = 3
"""Things that one sentence tells."""

MAINLY: Final = 0.5
"""Share of a cluster from which on its galaxies are mostly so."""


def told(table: pd.DataFrame, mirrors: CorrelatedColumns, most: int = MOST) -> list[str]:
    """The names of the columns that tell a cluster from the rest, the strongest first, each thing once.

    What galaxies are comes before what their images are.

    Parameters
    ----------
    table : DataFrame
        The comparisons of one cluster, with ``sure``.
    mirrors : CorrelatedColumns
    most : int
    """
    sure = table[table["sure"]]
    # Of two that are equally strong, such as the votes for yes and for no, the one that the cluster has more of.
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
        Name -> the column; their values are not looked at.
    names : sequence of str
        What to tell, from `told`.
    tests : int
        Comparisons made in all, which the false discovery rate is about.
    """
    rows = table.set_index("column")
    parts = [(columns[name], rows.loc[name]) for name in names]
    shares = [_share(column, row) for column, row in parts if column.is_share]
    numbers = [_number(column, row) for column, row in parts if not column.is_share]
    said = ", ".join(shares) + ("; " if shares and numbers else "")
    said += f"{_listed(numbers)} than the rest" if numbers else ""
    rate = f"at a false discovery rate of {DISCOVERY_RATE:.0%}".replace("%", " %")
    made = f"{len(table):,} comparisons ({tests:,} for all clusters)"
    if not parts:
        return f"{size:,} galaxies: none of {made} tells them from the rest {rate}."
    return f"{size:,} galaxies: {said}; {int(table['sure'].sum()):,} of {made} are sure {rate}."


def _share(column: ComparedColumn, row: Any) -> str:
    if row["effect"] < 0:
        how = "hardly any" if row["inside"] < 0.02 else "fewer"
    else:
        how = "mostly" if row["inside"] >= MAINLY else "more often"
    return f"{how} {column.more} ({_percent(row['inside'])}, {_percent(row['elsewhere'])} elsewhere)"


def _number(column: ComparedColumn, row: Any) -> str:
    inside, elsewhere = (column.says(float(row[side])) for side in ("inside", "elsewhere"))
    words = column.more if row["effect"] > 0 else column.less
    return f"{words} ({' '.join(part for part in (column.label, inside) if part)}, {elsewhere} elsewhere)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1f} %"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
