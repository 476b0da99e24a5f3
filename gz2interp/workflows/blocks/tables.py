"""Building blocks as tables that a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gz2interp.concepts.correlates import strongest_correlates
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.blocks.galaxy import GalaxyBlocks
from gz2interp.workflows.blocks.kept import ALL, kept_atlas

__all__ = ["atlas_table", "channels_in_words", "dictionary_table", "groups_table"]


def channels_in_words(folder: BlocksFolder, most: int = 2) -> pd.DataFrame:
    """A row per channel: how much of the survey it is active in, what it goes with, and what is odd about it.

    Parameters
    ----------
    folder : BlocksFolder
    most : int, optional
        Columns that it goes with.
    """
    channels, correlates = folder.channels, folder.correlates
    told = [strongest_correlates(correlates, channel, most) for channel in channels["channel"]]
    goes_with = [
        ", ".join(f"{name} ({rho:+.2f})" for name, rho in zip(each["column"], each["rho"], strict=True))
        for each in told
    ]
    return pd.DataFrame(
        {
            "channel": channels["channel"],
            "active": [f"{share:.0%}" for share in channels["active"]],
            "loud": channels["loud"],
            "goes with": goes_with,
            "odd": [_odd(row) for _, row in channels.iterrows()],
        }
    )


def dictionary_table(
    blocks: GalaxyBlocks, places: Sequence[tuple[int, int]] = (), most: int = 5
) -> tuple[pd.DataFrame, str]:
    """The strongest channels of some places of a galaxy, and how much of the evidence for its class is told by them.

    Parameters
    ----------
    blocks : GalaxyBlocks
    places : sequence of (int, int), optional
        (y, x) in the layer's plane; by default the three where it says most.
    most : int, optional
        Channels of each.
    """
    rows, words = [], []
    best = int(np.argmax([each.evidence[0] for each in blocks.effects.accounted]))
    for place in places or blocks.places():
        found = blocks.entries(place, most)
        words.append(f"Place {place[0]},{place[1]}: {found.accounted[best].words(name='channels')}")
        for entry in found.entries:
            effects = dict(zip(found.scores, entry.effects, strict=True))
            loudness = {"activation": entry.activation, "of loud": entry.loudness}
            rows.append({"place": f"{place[0]},{place[1]}", "channel": entry.channel, **loudness, **effects})
    return pd.DataFrame(rows), "\n".join(words)


def groups_table(blocks: GalaxyBlocks) -> pd.DataFrame:
    """Of each group what is attributed to it for every score, and by how much the score falls without it."""
    effects = blocks.effects
    columns: dict[str, Any] = {"group": np.arange(len(blocks.groups)) + 1}
    for k, score in enumerate(blocks.scores):
        columns[score] = effects.attributed[0, :, k]
        columns[f"without, {score}"] = -effects.removed[0, :, k]
    return pd.DataFrame(columns)


def atlas_table(folder: BlocksFolder, name: str = ALL) -> pd.DataFrame:
    """A row per cell, the fullest first: its places, and what they add to each class."""
    atlas = kept_atlas(folder, name)
    added = {score: atlas.attributed[:, k] for k, score in enumerate(atlas.scores)}
    where = {"column": atlas.column, "row": atlas.row, "places": atlas.counts, "alike": atlas.held}
    return pd.DataFrame({**where, **added})


def _odd(row: pd.Series) -> str:
    told = []
    if row["silent"]:
        told.append("does nothing")
    if row["twin"] >= 0:
        told.append(f"twin of {row['twin']} (r {row['twin_r']:.2f})")
    if row["artefact"]:
        told.append(f"sees {row['artefact']} ({row['artefact_share']:.0%} of its tops)")
    return ", ".join(told)
