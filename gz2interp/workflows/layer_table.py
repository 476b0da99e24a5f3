"""A layer's channels, classes, groups and cells as a table to sort and filter, from stored results."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from gz2interp.concepts.partners import LEVEL
from gz2interp.errors import InputError, choices
from gz2interp.schema import name_in_words
from gz2interp.stores.layer_results import BlocksFolder, FeaturesFolder
from gz2interp.workflows.building_blocks import ALL
from gz2interp.workflows.feature_agreement import FeatureAgreement

__all__ = ["CORRELATES_WITH", "FILTERS", "ORDERS", "atlas_names", "column_in_words", "layer_table", "sort_and_filter"]

CORRELATES_WITH: Final = "correlates with "
"""Prefix of a column's name that makes a filter."""

EVALUATION_COLUMNS: Final = (
    "objective",
    "reached",
    "transformed",
    "best",
    "best_id",
    "above",
    "random",
    "spectrum",
    "colours",
    "agreement",
)

FILTERS: Final[Mapping[str, Callable[[pd.DataFrame], pd.Series[bool]]]] = {
    ALL: lambda table: pd.Series(data=True, index=table.index),
    "never active": lambda table: table["silent"],
    "redundant channels": lambda table: table["twin"] >= 0,
    "observational artefacts": lambda table: table["artefact"] != "",
    "beyond real galaxies": lambda table: table["beyond"] > 0,
    "not beyond real galaxies": lambda table: table["beyond"] <= 0,
    "excite other networks": lambda table: table["elsewhere"] >= LEVEL,
    "do not excite other networks": lambda table: table["elsewhere"] < LEVEL,
}
"""Filters of rows by name."""

ORDERS: Final[Mapping[str, tuple[list[str], list[bool]]]] = {
    "number": (["number"], [True]),
    "strongest correlation": (["goes_with", "strength", "number"], [True, False, True]),
    "activity": (["active", "number"], [False, True]),
    "beyond real galaxies": (["beyond", "number"], [False, True]),
    "agreement of starts": (["agreement", "number"], [False, True]),
    "agreement of networks": (["elsewhere", "r_elsewhere", "number"], [False, False, True]),
}
"""Columns to sort by, and whether each ascends."""


def layer_table(
    blocks: BlocksFolder | None,
    features: FeaturesFolder | None,
    kind: str = "channel",
    agreements: Sequence[FeatureAgreement] = (),
) -> pd.DataFrame:
    """A row for each channel, class, group or cell.

    Parameters
    ----------
    blocks : BlocksFolder, optional
        Statistics and correlations, for channels.
    features : FeaturesFolder, optional
        Evaluation of the feature images.
    kind : str, optional
        ``"channel"``, ``"class"``, ``"group"`` or ``"cell"``.
    agreements : sequence of FeatureAgreement, optional
        Responses of other networks to the images of channels.

    Returns
    -------
    DataFrame
        ``number``; for channels ``active``, ``loud``, ``silent``, ``twin``, ``twin_r``, ``artefact``,
        ``artefact_share``, ``goes_with`` (the column of the strongest significant correlation, "" for none), ``rho``
        and ``strength``, its absolute value; for the feature image of the first seed its evaluation, ``unexcited``, and
        ``beyond``, its excess over the best real galaxy in units of that galaxy's value; ``elsewhere``, the least share
        of the real galaxies that it exceeds in any other network, and ``r_elsewhere``, the correlation of the channel
        with its partner there. Unknown values are NaN or "".
    """
    evaluations = _evaluations(features, kind)
    if kind == "channel" and blocks is not None:
        table = _channels(blocks)
    else:
        table = pd.DataFrame({"number": evaluations["number"].to_numpy(np.int64)})
        table = table.assign(active=np.nan, loud=np.nan, silent=False, twin=-1, twin_r=np.nan, artefact="")
        table = table.assign(artefact_share=np.nan, goes_with="", rho=np.nan)
    table = table.merge(evaluations, on="number", how="left").assign(strength=table["rho"].abs())
    table = table.merge(_other_networks(agreements if kind == "channel" else ()), on="number", how="left")
    beyond = (table["reached"] - table["best"]) / table["best"].abs().where(table["best"] != 0)
    return table.assign(beyond=beyond, unexcited=table["unexcited"].eq(other=True))


def sort_and_filter(
    table: pd.DataFrame, order: str, rows: str = ALL, correlates: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The rows that pass a filter, in an order.

    Parameters
    ----------
    table : DataFrame
        From `layer_table`.
    order : str
        One of `ORDERS`; unknown values come last.
    rows : str, optional
        One of `FILTERS`, or `CORRELATES_WITH` and a column.
    correlates : DataFrame, optional
        All tests, for the latter.

    Raises
    ------
    InputError
        There is no such order or filter.
    """
    if order not in ORDERS:
        raise InputError(f"The order {order!r} was requested", f"{choices(list(ORDERS))}")
    if rows.startswith(CORRELATES_WITH) and correlates is not None:
        column = rows.removeprefix(CORRELATES_WITH)
        significant = correlates[correlates["sure"] & (correlates["column"] == column)]
        selected = table["number"].isin(significant["channel"])
    elif rows in FILTERS:
        selected = FILTERS[rows](table)
    else:
        raise InputError(f"{rows!r} were requested", f"{choices(list(FILTERS))}, or {CORRELATES_WITH}and a column")
    by, ascending = ORDERS[order]
    named = table.assign(goes_with=table["goes_with"].where(table["goes_with"] != ""))
    return table.loc[named[selected].sort_values(by, ascending=ascending, kind="stable").index]


def atlas_names(blocks: BlocksFolder) -> list[str]:
    """Names of the stored atlases: of all places, and of each class to which some place adds most."""
    names = (ALL, *map(str, blocks.arrays("atlas-0")["scores"]))
    return [name for k, name in enumerate(names) if (blocks.path / f"atlas-{k}.npz").is_file()]


def column_in_words(name: str) -> str:
    """A column name in words: for votes the answer, and for yes and no also the question.

    >>> plain_column("t07_rounded_a16_completely_round_debiased"), plain_column("t03_bar_a06_bar_fraction")
    ('votes completely round', 'votes bar')
    >>> plain_column("t02_edgeon_a04_yes_debiased"), plain_column("label = edge_on")
    ('votes edgeon yes', 'label = edge-on')
    """
    match = re.fullmatch(r"t\d\d_(.+)_a\d\d_(.+?)_(?:weighted_)?(?:debiased|fraction|flag|weight|count)", name)
    if match is None:
        return name_in_words(name)
    question, answer = match.groups()
    return name_in_words(f"votes {question + ' ' if answer in ('yes', 'no') else ''}{answer}")


def _evaluations(features: FeaturesFolder | None, kind: str) -> pd.DataFrame:
    if features is None:
        empty = pd.DataFrame({name: np.zeros(0) for name in (*EVALUATION_COLUMNS, "unexcited")})
        return empty.assign(number=np.zeros(0, np.int64))
    table = features.judged
    rows = table[(table["kind"] == kind) & (table["seed"] == 0)]
    return (
        rows[["number", *EVALUATION_COLUMNS, "silent"]].rename(columns={"silent": "unexcited"}).reset_index(drop=True)
    )


def _other_networks(agreements: Sequence[FeatureAgreement]) -> pd.DataFrame:
    """For each channel, its place in the network where its image ranks lowest."""
    names = {"place": "elsewhere", "r": "r_elsewhere"}
    if not agreements:
        return pd.DataFrame({"number": np.zeros(0, np.int64), **{name: np.zeros(0) for name in names.values()}})
    places = pd.concat([agreement.table[["number", *names]] for agreement in agreements]).rename(columns=names)
    return places.sort_values("elsewhere", kind="stable").drop_duplicates("number")


def _channels(blocks: BlocksFolder) -> pd.DataFrame:
    channels, tests = blocks.channels, blocks.correlates
    sure = tests[tests["sure"]].assign(strength=lambda tests: tests["rho"].abs())
    best = sure.sort_values("strength", ascending=False, kind="stable").drop_duplicates("channel")
    table = channels.rename(columns={"channel": "number"})
    names = ["number", "active", "loud", "silent", "twin", "twin_r", "artefact", "artefact_share"]
    strongest = best[["channel", "column", "rho"]].rename(columns={"channel": "number", "column": "goes_with"})
    return table[names].merge(strongest, on="number", how="left").fillna({"goes_with": ""})
