"""One channel, class or group: feature images, most activating galaxies, correlates, and agreement."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.gallery_component import GalleryItem, show_button, show_gallery
from dashboards.loading.features import (
    StoredLayer,
    agreements_for,
    feature_pictures,
    feature_stretch,
    patch_pictures,
    peak_pictures,
)
from dashboards.loading.pictures import pictures_of, stretch_for
from dashboards.loading.surveys import table_of
from dashboards.parts.galleries import pick
from dashboards.parts.layer_sheet import BLACK, name_of
from dashboards.parts.style import caption, heading, show_table
from dashboards.selection import change, current
from gz2interp.concepts.correlates import DISCOVERY_RATE, LEAST, strongest_correlates
from gz2interp.concepts.partners import LEVEL, NO_PARTNER
from gz2interp.schema import name_in_words
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.layer_table import column_in_words

__all__ = ["channel_cards", "show_agreement", "show_block"]


COLUMNS = ["Its channel", "*r", "*Answer", "*Best galaxy", "*Beyond", "*Other images"]


def show_agreement(shelf: StoredLayer, channel: int) -> None:
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
    if row["partner"] == NO_PARTNER:
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


SIDES: Final = {
    "top": ("Loudest as a whole", "its mean over the galaxy; framed: where it is greatest"),
    "peak": ("Loudest at one place", "framed"),
    "bottom": ("Quietest", "its mean over the galaxy"),
}
GALAXIES: Final = 6
CHANNELS: Final = 8


def show_block(shelf: StoredLayer, kind: str, number: int) -> None:
    """Everything that is known of it; its name is written last, when all that stands below is of it."""
    title = st.container(key="block-title")
    _show_parts(shelf, kind, number)
    title.html(f'<div class="gz2-id" data-testid="block">{escape(name_of(shelf, kind, number))}</div>')


def _show_parts(shelf: StoredLayer, kind: str, number: int) -> None:
    if kind == "channel" and shelf.blocks is not None:
        _show_diagnostics(shelf.blocks, number)
    if shelf.features is not None:
        _show_images(shelf, kind, number)
        if kind == "channel":
            show_agreement(shelf, number)
    if shelf.blocks is None:
        return
    if kind == "channel":
        for side in SIDES:
            _show_galaxies(shelf, shelf.blocks, number, side)
        _show_correlates(shelf.blocks, number)
    elif kind == "group":
        _show_channels(shelf, shelf.blocks, number)


def channel_cards(shelf: StoredLayer, channels: np.ndarray[Any, Any], notes: list[str]) -> list[GalleryItem]:
    """Channels by their feature images, or by the place where they are greatest."""
    assert shelf.blocks is not None
    pictures = feature_pictures(shelf, "channel")
    if not pictures:
        tops = shelf.blocks.arrays("tops")
        at = [tops[f"peak_{name}"][channels, 0] for name in ("rows", "y", "x")]
        pictures = dict(zip(channels.tolist(), patch_pictures(shelf, *at), strict=True))
    return [
        GalleryItem(
            f"channel-{channel}", pictures.get(channel, BLACK), f"channel {channel}", note, f"channel {channel}"
        )
        for channel, note in zip(channels.tolist(), notes, strict=True)
    ]


def _show_diagnostics(blocks: BlocksFolder, channel: int) -> None:
    row, told = blocks.channels.iloc[channel], list[str]()
    if row["silent"]:
        told.append("It does nothing: it says the same everywhere.")
    if row["twin"] >= 0:
        told.append(f"It says what channel {row['twin']} says (r {row['twin_r']:+.2f}).")
    if row["artefact"]:
        told.append(
            f"It may see no galaxy but {column_in_words(row['artefact'])}: that stands out in "
            f"{row['artefact_share']:.0%} of its loudest, "
            f"and in {row['artefact_expected']:.0%} of galaxies of like size."
        )
    words = "".join(f'<p class="gz2-flag">{escape(each)}</p>' for each in told)
    st.html(f'<div class="gz2-message">{words}Above 0 at {row["active"]:.0%} of all places.</div>')


def _show_images(shelf: StoredLayer, kind: str, number: int) -> None:
    assert shelf.features is not None
    table = shelf.features.judged
    own = table[(table["kind"] == kind) & (table["number"] == number)]
    if not len(own):
        return
    heading(
        "Feature images" if len(own) > 1 else "Feature image",
        f"light that excites it most: {own['objective'].iloc[0]}",
    )
    parts = []
    for row in own.to_dict("records"):
        picture = feature_pictures(shelf, kind, row["seed"]).get(number, BLACK)
        told = "nothing was found that excites it" if row["silent"] else f"reaches {row['reached']:.3g}"
        parts.append(_figure(picture, f"feature image, start {row['seed'] + 1}", f"start {row['seed'] + 1}", told))
    first = own.iloc[0]
    best = str(int(first["best_id"]))
    (picture,) = pictures_of(shelf.survey, [shelf.survey.row_of(best)])
    parts.append(_figure(picture, f"galaxy {best}", "best real galaxy", f"{first['best']:.3g}"))
    st.html(f'<div class="gz2-images">{"".join(parts)}</div>')
    _show_reach(own)
    agreed = "" if np.isnan(first["agreement"]) else f" Images from different starts agree by {first['agreement']:.2f}"
    unlike = first.get("unlike", np.nan)
    if agreed:
        agreed += "." if np.isnan(unlike) else f", of different objectives by {unlike:.2f}."
    beyond = "all" if first["above"] == 1 else f"{first['above']:.1%}"
    caption(
        f"Beyond {beyond} of the real galaxies looked at; {first['transformed']:.3g} when turned, moved and blurred "
        f"under noise. {first['spectrum']:.0%} of its spectrum and {first['colours']:.0%} of its colours are inside "
        f"what the survey has.{agreed} In colour: {feature_stretch(shelf)}; galaxies: {stretch_for(shelf.survey)}."
    )
    show_button(f"Select the best real galaxy, {best}", "best_galaxy", best, pick)


def _figure(picture: str, alt: str, name: str, told: str) -> str:
    return (
        f'<figure class="gz2-part"><img src="{picture}" alt="{escape(alt)}">'
        f"<figcaption>{name}<small>{told}</small></figcaption></figure>"
    )


def _show_reach(own: pd.DataFrame) -> None:
    """What the images reach, the best real galaxy, and random images: bars from nothing, or from the least."""
    first = own.iloc[0]
    values = {f"start {row['seed'] + 1}": float(row["reached"]) for row in own.to_dict("records")}
    values |= {"best real galaxy": float(first["best"]), "best of random images": float(first["random"])}
    low, high = min(0.0, *values.values()), max(0.0, *values.values())
    rows = "".join(
        f'<dt>{name}</dt><dd><i style="width: {70 * (value - low) / ((high - low) or 1.0):.1f}%"></i>{value:.3g}</dd>'
        for name, value in values.items()
    )
    st.html(f'<dl class="gz2-scores">{rows}</dl>')


def _show_galaxies(shelf: StoredLayer, blocks: BlocksFolder, channel: int, side: str) -> None:
    tops = blocks.arrays("tops")
    rows, y, x, values = (tops[f"{side}_{name}"][channel, :GALAXIES] for name in ("rows", "y", "x", "values"))
    there = rows >= 0
    rows, y, x, values = rows[there], y[there], x[there], values[there]
    heading(*SIDES[side])
    known = table_of(shelf.survey, shelf.model, rows)
    quiet = side == "bottom"  # where it says nothing there is no place to frame
    pictures = pictures_of(shelf.survey, rows) if quiet else peak_pictures(shelf, rows, y, x)
    cards = [
        GalleryItem(
            galaxy_id, picture, name_in_words(prediction) if isinstance(prediction, str) else "", f"{value:.3g}"
        )
        for galaxy_id, prediction, picture, value in zip(
            known["galaxy_id"], known["prediction"], pictures, values, strict=True
        )
    ]
    key = f"gallery-{side}"
    show_gallery(cards, key, pick, selected=current().galaxy_id, width=84)


def _show_correlates(blocks: BlocksFolder, channel: int) -> None:
    tests = blocks.correlates
    found = strongest_correlates(tests, channel, 8)
    heading("What it goes with", "Spearman's rank correlation with its mean over the galaxy")
    if len(found):
        rows = [
            [
                escape(column_in_words(row["column"])),
                f"{_signed(row['rho'])} ({_signed(row['low'])} to {_signed(row['high'])})",
                f"{row['known']:,}",
            ]
            for row in found.to_dict("records")
        ]
        show_table("What it goes with", ["Column", "*rho (95 %)", "*Galaxies"], rows)
    own = int((tests["channel"] == channel).sum())
    caption(
        f"{'' if len(found) else 'With nothing. '}Told: at least {LEAST} and sure at a false discovery rate of "
        f"{DISCOVERY_RATE:.0%} among all {len(tests):,} tests of the layer, {own} of them of this channel."
    )


def _show_channels(shelf: StoredLayer, blocks: BlocksFolder, group: int) -> None:
    direction = blocks.arrays("groups")["directions"][group]
    order = np.argsort(-direction, kind="stable")[:CHANNELS]
    heading("Its strongest channels", "their share of the group's direction")
    notes = [f"{value**2:.0%}" for value in direction[order]]
    key = "gallery-of-group"
    show_gallery(channel_cards(shelf, order, notes), key, _pick, width=84)


def _pick(block: str) -> None:
    change(block=block)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
