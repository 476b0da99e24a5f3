"""A layer's channels, classes, groups and cells as rows that can be sorted and filtered, from what has been kept.

Nothing is computed with the network: TensorFlow is not loaded.
"""

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

__all__ = ["FILTERS", "GOES_WITH", "ORDERS", "atlas_names", "column_in_words", "layer_table", "sort_and_filter"]

GOES_WITH: Final = "goes with "
"""Before a column's name, a filter too."""

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
    "do nothing": lambda table: table["silent"],
    "twins": lambda table: table["twin"] >= 0,
    "see artefacts": lambda table: table["artefact"] != "",
    "beyond real galaxies": lambda table: table["beyond"] > 0,
    "not beyond real galaxies": lambda table: table["beyond"] <= 0,
    "excite other networks": lambda table: table["elsewhere"] >= LEVEL,
    "do not excite other networks": lambda table: table["elsewhere"] < LEVEL,
}
"""Which rows are shown."""

ORDERS: Final[Mapping[str, tuple[list[str], list[bool]]]] = {
    "number": (["number"], [True]),
    "what they go with": (["goes_with", "strength", "number"], [True, False, True]),
    "activity": (["active", "number"], [False, True]),
    "beyond real galaxies": (["beyond", "number"], [False, True]),
    "agreement of starts": (["agreement", "number"], [False, True]),
    "agreement of networks": (["elsewhere", "r_elsewhere", "number"], [False, False, True]),
}
"""Columns, and whether they ascend."""


def layer_table(
    blocks: BlocksFolder | None,
    features: FeaturesFolder | None,
    kind: str = "channel",
    agreements: Sequence[FeatureAgreement] = (),
) -> pd.DataFrame:
    """A row for each of a kind.

    Parameters
    ----------
    blocks : BlocksFolder, optional
        For channels: what they do and go with.
    features : FeaturesFolder, optional
        What feature images reach.
    kind : str, optional
        ``"channel"``, ``"class"``, ``"group"`` or ``"cell"``.
    agreements : sequence of FeatureAgreement, optional
        What other networks say of the images of channels.

    Returns
    -------
    DataFrame
        ``number``; of channels ``active``, ``loud``, ``silent``, ``twin``, ``twin_r``, ``artefact``,
        ``artefact_share``, ``goes_with`` (the column of the strongest sure correlation, "" for none), ``rho`` and
        ``strength``, its absolute value; of the first start's feature image what has been judged, ``unexcited``, and
        ``beyond``: by how much it exceeds the best real galaxy, in units of what that reaches; ``elsewhere``, the share
        of the real galaxies that it exceeds in another network, in that where it is least, and ``r_elsewhere``, how
        well the channel goes with that network's. What is not known is NaN or "".
    """
    judged = _evaluations(features, kind)
    if kind == "channel" and blocks is not None:
        table = _channels(blocks)
    else:
        table = pd.DataFrame({"number": judged["number"].to_numpy(np.int64)})
        table = table.assign(active=np.nan, loud=np.nan, silent=False, twin=-1, twin_r=np.nan, artefact="")
        table = table.assign(artefact_share=np.nan, goes_with="", rho=np.nan)
    table = table.merge(judged, on="number", how="left").assign(strength=table["rho"].abs())
    table = table.merge(_other_networks(agreements if kind == "channel" else ()), on="number", how="left")
    beyond = (table["reached"] - table["best"]) / table["best"].abs().where(table["best"] != 0)
    return table.assign(beyond=beyond, unexcited=table["unexcited"].eq(other=True))


def sort_and_filter(
    table: pd.DataFrame, order: str, shown: str = ALL, correlates: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The rows that are shown, in an order.

    Parameters
    ----------
    table : DataFrame
        From `layer_table`.
    order : str
        One of `ORDERS`; what is not known comes last.
    shown : str, optional
        One of `FILTERS`, or `GOES_WITH` and a column.
    correlates : DataFrame, optional
        Every test, for the latter.

    Raises
    ------
    InputError
        There is no such order or filter.
    """
    if order not in ORDERS:
        raise InputError(f"The order {order!r} was asked for", f"{choices(list(ORDERS))}")
    if shown.startswith(GOES_WITH) and correlates is not None:
        column = shown.removeprefix(GOES_WITH)
        own = correlates[correlates["sure"] & (correlates["column"] == column)]
        kept = table["number"].isin(own["channel"])
    elif shown in FILTERS:
        kept = FILTERS[shown](table)
    else:
        raise InputError(f"{shown!r} were asked for", f"{choices(list(FILTERS))}, or {GOES_WITH}and a column")
    by, ascending = ORDERS[order]
    named = table.assign(goes_with=table["goes_with"].where(table["goes_with"] != ""))
    return table.loc[named[kept].sort_values(by, ascending=ascending, kind="stable").index]


def atlas_names(blocks: BlocksFolder) -> list[str]:
    """The atlases there are: that of all places, and those of classes that some place speaks most for."""
    names = (ALL, *map(str, blocks.arrays("atlas-0")["scores"]))
    return [name for k, name in enumerate(names) if (blocks.path / f"atlas-{k}.npz").is_file()]


def column_in_words(name: str) -> str:
    """A column as one reads it: of the volunteers' votes the answer, and for yes and no the question too.

    >>> plain_column("t07_rounded_a16_completely_round_debiased"), plain_column("t03_bar_a06_bar_fraction")
    ('votes completely round', 'votes bar')
    >>> plain_column("t02_edgeon_a04_yes_debiased"), plain_column("label = edge_on")
    ('votes edgeon yes', 'label = edge-on')
    """
    found = re.fullmatch(r"t\d\d_(.+)_a\d\d_(.+?)_(?:weighted_)?(?:debiased|fraction|flag|weight|count)", name)
    if found is None:
        return name_in_words(name)
    question, answer = found.groups()
    return name_in_words(f"votes {question + ' ' if answer in ('yes', 'no') else ''}{answer}")


def _evaluations(features: FeaturesFolder | None, kind: str) -> pd.DataFrame:
    if features is None:
        empty = pd.DataFrame({name: np.zeros(0) for name in (*EVALUATION_COLUMNS, "unexcited")})
        return empty.assign(number=np.zeros(0, np.int64))
    table = features.judged
    own = table[(table["kind"] == kind) & (table["seed"] == 0)]
    return own[["number", *EVALUATION_COLUMNS, "silent"]].rename(columns={"silent": "unexcited"}).reset_index(drop=True)


def _other_networks(agreements: Sequence[FeatureAgreement]) -> pd.DataFrame:
    """Of each channel, the network where its image says least."""
    names = {"place": "elsewhere", "r": "r_elsewhere"}
    if not agreements:
        return pd.DataFrame({"number": np.zeros(0, np.int64), **{name: np.zeros(0) for name in names.values()}})
    told = pd.concat([each.table[["number", *names]] for each in agreements]).rename(columns=names)
    return told.sort_values("elsewhere", kind="stable").drop_duplicates("number")


def _channels(blocks: BlocksFolder) -> pd.DataFrame:
    channels, tests = blocks.channels, blocks.correlates
    sure = tests[tests["sure"]].assign(strength=lambda each: each["rho"].abs())
    best = sure.sort_values("strength", ascending=False, kind="stable").drop_duplicates("channel")
    table = channels.rename(columns={"channel": "number"})
    names = ["number", "active", "loud", "silent", "twin", "twin_r", "artefact", "artefact_share"]
    told = best[["channel", "column", "rho"]].rename(columns={"channel": "number", "column": "goes_with"})
    return table[names].merge(told, on="number", how="left").fillna({"goes_with": ""})
