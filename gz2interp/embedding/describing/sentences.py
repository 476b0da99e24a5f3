"""One sentence about a cluster: how many galaxies, what they are, how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from gz2interp.embedding.describing.columns import Column
from gz2interp.embedding.describing.comparing import DISCOVERY_RATE
from gz2interp.embedding.describing.mirrors import Mirrors

__all__ = ["sentence", "told"]

MOST: Final = 3
"""Things that one sentence tells."""

MAINLY: Final = 0.5
"""Share of a cluster from which on its galaxies are mostly so."""


def told(table: pd.DataFrame, mirrors: Mirrors, most: int = MOST) -> list[str]:
    """The names of the columns that tell a cluster from the rest, the strongest first, each thing once.

    What galaxies are comes before what their images are.

    Parameters
    ----------
    table : DataFrame
        The comparisons of one cluster, with ``sure``.
    mirrors : Mirrors
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


def sentence(table: pd.DataFrame, size: int, columns: Mapping[str, Column], names: Sequence[str], tests: int) -> str:
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


def _share(column: Column, row: Any) -> str:
    if row["effect"] < 0:
        how = "hardly any" if row["inside"] < 0.02 else "fewer"
    else:
        how = "mostly" if row["inside"] >= MAINLY else "more often"
    return f"{how} {column.more} ({_percent(row['inside'])}, {_percent(row['elsewhere'])} elsewhere)"


def _number(column: Column, row: Any) -> str:
    inside, elsewhere = (column.says(float(row[side])) for side in ("inside", "elsewhere"))
    words = column.more if row["effect"] > 0 else column.less
    return f"{words} ({' '.join(part for part in (column.label, inside) if part)}, {elsewhere} elsewhere)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1f} %"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
