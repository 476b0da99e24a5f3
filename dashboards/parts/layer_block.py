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
from dashboards.parts.galleries import pick, prediction_cards
from dashboards.parts.layer_sheet import BLACK, name_of
from dashboards.parts.style import caption, figure_html, heading, show_table
from dashboards.selection import change, current
from gz2interp.concepts.correlates import DISCOVERY_RATE, LEAST, strongest_correlates
from gz2interp.concepts.partners import LEVEL, NO_PARTNER
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.layer_table import column_in_words

__all__ = ["channel_cards", "show_agreement", "show_block"]


COLUMNS = ["Channel", "*r", "*Response", "*Best galaxy", "*Beyond", "*Other images"]


def show_agreement(results: StoredLayer, channel: int) -> None:
    """The agreement of other networks, a row for each; nothing where there is none."""
    agreements = agreements_for(results)
    if not agreements:
        return
    heading("In other networks", "the channel that correlates with it most, and its response to the feature image")
    rows = [_row(agreement.second, _of(agreement.table, channel)) for agreement in agreements]
    show_table("In other networks", COLUMNS, rows)
    caption(
        "r: correlation over the survey's galaxies. Response: the activation that the image reaches. Beyond: "
        "fraction of real galaxies that activate the channel less. Other images: fraction of the images of all other "
        f"channels that are beyond {LEVEL:.0%} of the galaxies. {_chance(agreements[0].table, channel)}"
    )


def _row(name: str, row: pd.Series[Any]) -> list[str]:
    if row["partner"] == NO_PARTNER:
        return [f"{escape(name)}: none correlates with it", *[""] * 5]
    values = f"{row['r']:.2f}", _number(row["answer"]), _number(row["best"])
    return [f"{escape(name)} {int(row['partner'])}", *values, _share(row["place"]), _share(row["unlike"], 0)]


def _chance(table: pd.DataFrame, channel: int) -> str:
    row = _of(table, channel)
    text = f"By chance r is {row['r_shuffled']:.2f} (galaxies permuted)" if np.isfinite(row["r_shuffled"]) else ""
    if np.isfinite(row["r_forgotten"]):
        text += f"{', ' if text else 'By chance r is '}{row['r_forgotten']:.2f} (weights of the first one shuffled"
        text += f", where the image goes beyond {_share(row['place_forgotten'])})" if text else ")"
    return text + "." if text else ""


def _of(table: pd.DataFrame, channel: int) -> pd.Series[Any]:
    return table[table["number"] == channel].iloc[0]


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else ""


def _share(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}%}" if np.isfinite(value) else ""


SIDES: Final = {
    "top": ("Most activating galaxies", "by the mean over the galaxy; the maximum is framed"),
    "peak": ("Most activating places", "framed"),
    "bottom": ("Least activating galaxies", "by the mean over the galaxy"),
}
GALAXIES: Final = 6
CHANNELS: Final = 8


def show_block(results: StoredLayer, kind: str, number: int) -> None:
    """All results of a block; its name is written last, when everything below belongs to it."""
    title = st.container(key="block-title")
    _show_parts(results, kind, number)
    title.html(f'<div class="gz2-id" data-testid="block">{escape(name_of(results, kind, number))}</div>')


def _show_parts(results: StoredLayer, kind: str, number: int) -> None:
    if kind == "channel" and results.blocks is not None:
        _show_diagnostics(results.blocks, number)
    if results.features is not None:
        _show_images(results, kind, number)
        if kind == "channel":
            show_agreement(results, number)
    if results.blocks is None:
        return
    if kind == "channel":
        for side in SIDES:
            _show_galaxies(results, results.blocks, number, side)
        _show_correlates(results.blocks, number)
    elif kind == "group":
        _show_channels(results, results.blocks, number)


def channel_cards(results: StoredLayer, channels: np.ndarray[Any, Any], notes: list[str]) -> list[GalleryItem]:
    """Channels as cards with their feature images, or with the patch of their maximum."""
    assert results.blocks is not None
    pictures = feature_pictures(results, "channel")
    if not pictures:
        tops = results.blocks.arrays("tops")
        at = [tops[f"peak_{name}"][channels, 0] for name in ("rows", "y", "x")]
        pictures = dict(zip(channels.tolist(), patch_pictures(results, *at), strict=True))
    return [
        GalleryItem(
            f"channel-{channel}", pictures.get(channel, BLACK), f"channel {channel}", note, f"channel {channel}"
        )
        for channel, note in zip(channels.tolist(), notes, strict=True)
    ]


def _show_diagnostics(blocks: BlocksFolder, channel: int) -> None:
    row, flags = blocks.channels.iloc[channel], list[str]()
    if row["silent"]:
        flags.append("Constant: its activation is the same everywhere.")
    if row["twin"] >= 0:
        flags.append(f"Redundant with channel {row['twin']} (r {row['twin_r']:+.2f}).")
    if row["artefact"]:
        flags.append(
            f"Possible artefact of {column_in_words(row['artefact'])}: extreme in {row['artefact_share']:.0%} of its "
            f"most activating galaxies, and in {row['artefact_expected']:.0%} of galaxies of similar size."
        )
    words = "".join(f'<p class="gz2-flag">{escape(flag)}</p>' for flag in flags)
    st.html(f'<div class="gz2-message">{words}Activation above 0 at {row["active"]:.0%} of all places.</div>')


def _show_images(results: StoredLayer, kind: str, number: int) -> None:
    assert results.features is not None
    table = results.features.judged
    images = table[(table["kind"] == kind) & (table["number"] == number)]
    if not len(images):
        return
    heading(
        "Feature images" if len(images) > 1 else "Feature image",
        f"light that excites it most: {images['objective'].iloc[0]}",
    )
    parts = []
    for row in images.to_dict("records"):
        picture = feature_pictures(results, kind, row["seed"]).get(number, BLACK)
        note = "no image excites it" if row["silent"] else f"reaches {row['reached']:.3g}"
        parts.append(figure_html(picture, f"feature image, start {row['seed'] + 1}", f"start {row['seed'] + 1}", note))
    first = images.iloc[0]
    best = str(int(first["best_id"]))
    (picture,) = pictures_of(results.survey, [results.survey.row_of(best)])
    parts.append(figure_html(picture, f"galaxy {best}", "best real galaxy", f"{first['best']:.3g}"))
    st.html(f'<div class="gz2-images">{"".join(parts)}</div>')
    _show_reach(images)
    agreed = "" if np.isnan(first["agreement"]) else f" Images from different starts agree by {first['agreement']:.2f}"
    unlike = first.get("unlike", np.nan)
    if agreed:
        agreed += "." if np.isnan(unlike) else f", of different objectives by {unlike:.2f}."
    beyond = "all" if first["above"] == 1 else f"{first['above']:.1%}"
    caption(
        f"Beyond {beyond} of the sampled real galaxies; {first['transformed']:.3g} after rotation, shift, blur and "
        f"noise. {first['spectrum']:.0%} of its spectrum and {first['colours']:.0%} of its colours lie within the "
        f"survey's range.{agreed} In colour: {feature_stretch(results)}; galaxies: {stretch_for(results.survey)}."
    )
    show_button(f"Select the best real galaxy, {best}", "best_galaxy", best, pick)


def _show_reach(images: pd.DataFrame) -> None:
    """Activations of the images, the best real galaxy and random images, as bars from 0 or from the least."""
    first = images.iloc[0]
    values = {f"start {row['seed'] + 1}": float(row["reached"]) for row in images.to_dict("records")}
    values |= {"best real galaxy": float(first["best"]), "best of random images": float(first["random"])}
    low, high = min(0.0, *values.values()), max(0.0, *values.values())
    rows = "".join(
        f'<dt>{name}</dt><dd><i style="width: {70 * (value - low) / ((high - low) or 1.0):.1f}%"></i>{value:.3g}</dd>'
        for name, value in values.items()
    )
    st.html(f'<dl class="gz2-scores">{rows}</dl>')


def _show_galaxies(results: StoredLayer, blocks: BlocksFolder, channel: int, side: str) -> None:
    tops = blocks.arrays("tops")
    rows, y, x, values = (tops[f"{side}_{name}"][channel, :GALAXIES] for name in ("rows", "y", "x", "values"))
    present = rows >= 0
    rows, y, x, values = rows[present], y[present], x[present], values[present]
    heading(*SIDES[side])
    least = side == "bottom"  # without a maximum to frame
    pictures = pictures_of(results.survey, rows) if least else peak_pictures(results, rows, y, x)
    notes = [f"{value:.3g}" for value in values]
    cards = prediction_cards(results.survey, results.model, rows, pictures, notes)
    show_gallery(cards, f"gallery-{side}", pick, selected=current().galaxy_id, width=84)


def _show_correlates(blocks: BlocksFolder, channel: int) -> None:
    tests = blocks.correlates
    strongest = strongest_correlates(tests, channel, 8)
    heading("Correlates with", "Spearman's rank correlation with its mean over the galaxy")
    if len(strongest):
        rows = [
            [
                escape(column_in_words(row["column"])),
                f"{_signed(row['rho'])} ({_signed(row['low'])} to {_signed(row['high'])})",
                f"{row['known']:,}",
            ]
            for row in strongest.to_dict("records")
        ]
        show_table("Correlates with", ["Column", "*rho (95 %)", "*Galaxies"], rows)
    count = int((tests["channel"] == channel).sum())
    caption(
        f"{'' if len(strongest) else 'None. '}Listed: at least {LEAST}, significant at a false discovery rate of "
        f"{DISCOVERY_RATE:.0%} among all {len(tests):,} tests of the layer, {count} of them of this channel."
    )


def _show_channels(results: StoredLayer, blocks: BlocksFolder, group: int) -> None:
    direction = blocks.arrays("groups")["directions"][group]
    order = np.argsort(-direction, kind="stable")[:CHANNELS]
    heading("Its strongest channels", "their share of the group's direction")
    notes = [f"{value**2:.0%}" for value in direction[order]]
    key = "gallery-of-group"
    show_gallery(channel_cards(results, order, notes), key, lambda block: change(block=block), width=84)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
