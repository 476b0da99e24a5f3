"""What other networks say of a channel's feature image."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from dashboards.loading.features import Shelf, agreements_for
from dashboards.parts.style import caption, heading, show_table
from gz2interp.concepts.partners import LEVEL, NOBODY

__all__ = ["show_agreement"]

COLUMNS = ["Its channel", "*r", "*Answer", "*Best galaxy", "*Beyond", "*Other images"]


def show_agreement(shelf: Shelf, channel: int) -> None:
    """A row for each network that was asked; nothing where none was."""
    found = agreements_for(shelf)
    if not found:
        return
    heading("In other networks", "their channel that goes with it most, and what the feature image does there")
    rows = [_row(each.second, _of(each.table, channel)) for each in found]
    show_table("In other networks", COLUMNS, rows)
    caption(
        "r: over the survey's galaxies. Answer: what the image brings that channel to. Beyond: the share of the real "
        f"galaxies that excite it less. Other images: of those of all other channels, how many go beyond {LEVEL:.0%} "
        f"of the galaxies there. {_chance(found[0].table, channel)}"
    )


def _row(name: str, row: pd.Series[Any]) -> list[str]:
    if row["partner"] == NOBODY:
        return [f"{escape(name)}: none goes with it", *[""] * 5]
    values = f"{row['r']:.2f}", _number(row["answer"]), _number(row["best"])
    return [f"{escape(name)} {int(row['partner'])}", *values, _share(row["place"]), _share(row["unlike"], 0)]


def _chance(table: pd.DataFrame, channel: int) -> str:
    row = _of(table, channel)
    told = f"By chance r is {row['r_shuffled']:.2f} (galaxies exchanged)" if np.isfinite(row["r_shuffled"]) else ""
    if np.isfinite(row["r_forgotten"]):
        told += f"{', ' if told else 'By chance r is '}{row['r_forgotten']:.2f} (the first one asked, weights shuffled"
        told += f", where the image goes beyond {_share(row['place_forgotten'])})" if told else ")"
    return told + "." if told else ""


def _of(table: pd.DataFrame, channel: int) -> pd.Series[Any]:
    return table[table["number"] == channel].iloc[0]


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else ""


def _share(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}%}" if np.isfinite(value) else ""
