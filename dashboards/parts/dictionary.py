"""Semantic dictionary and neuron groups of the selected galaxy, with their effects on each score."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from dashboards.board_component import grid_cells, show_board
from dashboards.gallery_component import GalleryItem, show_button, show_gallery
from dashboards.loading.features import (
    BlocksView,
    StoredLayer,
    attributed_picture,
    feature_pictures,
    galaxy_picture,
    group_pictures,
    patch_pictures,
)
from dashboards.parts.galleries import pick
from dashboards.parts.layer_sheet import effects_html, select_block, signed_words
from dashboards.parts.style import Html, caption, heading, plain, signed_scale
from dashboards.selection import change, current, offer_choice
from gz2interp.figures.places import class_colours

if TYPE_CHECKING:
    from gz2interp.concepts.dictionary import DictionaryEntry, PlaceEntries

__all__ = ["choose_class", "show_dictionary", "show_groups"]


BOARD: Final = "dictionary-board"
CHANNELS: Final = 5
TOPS: Final = 4


def show_dictionary(shelf: StoredLayer, apart: BlocksView) -> None:
    """The galaxy with the layer's places on the left, what is said at the chosen one on the right."""
    if apart.blocks.activations.ndim != 3:
        caption(f"{apart.blocks.layer} has no places: choose a spatial layer.")
        return
    place = _place(apart)
    left, right = st.container(key="panels").columns([42, 58], gap="medium")
    with left:
        score = choose_class(apart)
        _show_places(shelf, apart, place, score)
    with right:
        _show_entries(shelf, apart, place, score)


def choose_class(apart: BlocksView) -> int:
    """The class whose evidence is told; the predicted one where none has been selected."""
    names = [each.removeprefix("logit(").removesuffix(")") for each in apart.blocks.scores]
    at = names.index(current().score) if current().score in names else apart.predicted
    offer_choice("evidence_class", names[at], lambda chosen: change(score=str(chosen)))
    st.selectbox(
        "Evidence for",
        names,
        key="evidence_class",
        format_func=lambda name: (
            f"{apart.classes[names.index(name)]} · {apart.blocks.probabilities[names.index(name)]:.0%}"
        ),
    )
    return at


def _place(apart: BlocksView) -> tuple[int, int]:
    """That is selected, if the layer has it; else where it says most."""
    text = current().place
    y, x = (int(each) for each in text.split(",")) if text else (-1, -1)
    height, width = apart.blocks.activations.shape[:2]
    return (y, x) if 0 <= y < height and 0 <= x < width else apart.blocks.places(1)[0]


def _show_places(shelf: StoredLayer, apart: BlocksView, place: tuple[int, int], score: int) -> None:
    attributed = apart.blocks.attributions[score].places[0]
    plane = apart.blocks.cells.plane
    over = st.toggle(plain(f"What each place adds to {apart.classes[score]}"), key="places_over")
    picture, limit = attributed_picture(shelf, apart, score) if over else (galaxy_picture(shelf, apart.row), 0.0)

    def words(y: int, x: int) -> str:
        return f"Place {y},{x}: adds {signed_words(attributed[y, x])} to {apart.classes[score]}"

    show_board(
        grid_cells(apart.blocks.cells, words),
        BOARD,
        _choose,
        label=f"The galaxy, in {plane[0]} by {plane[1]} places of the layer. Arrow keys move, Enter chooses.",
        picture=picture,
        chosen=f"{place[0]},{place[1]}",
    )
    if over:
        signed_scale(limit, "against", "for")
    caption("Click a place, or go there with the arrow keys and press Enter.")


def _show_entries(shelf: StoredLayer, apart: BlocksView, place: tuple[int, int], score: int) -> None:
    found = apart.blocks.entries(place, CHANNELS)
    heading(
        f"At place {place[0]},{place[1]}", "its strongest channels, relative to what is loud for each in the survey"
    )
    _show_completeness(apart, found, score)
    limit = max((abs(value) for entry in found.entries for value in entry.effects), default=1.0)
    for number, entry in enumerate(found.entries):
        _show_entry(shelf, apart, entry, number, limit, score)


def _show_completeness(apart: BlocksView, found: PlaceEntries, score: int) -> None:
    """Never left out: what is not shown is not seen to be missing."""
    shown, whole = apart.blocks.strongest_channels(score)
    st.html(
        '<div class="gz2-accounted" data-testid="accounted">'
        f"<p><b>At this place</b> {escape(found.accounted[score].words(name='channels'))}</p>"
        f"<p><b>Of the whole galaxy</b> {escape(whole.words(name=f'{len(shown)} strongest channels'))}</p></div>"
    )


def _show_entry(
    shelf: StoredLayer, apart: BlocksView, entry: DictionaryEntry, number: int, limit: float, score: int
) -> None:
    with st.container(border=True, key=f"entry-{number}"):
        image, tops, effects = st.columns([1.1, 3.2, 2.6], gap="small")
        with image:
            _show_channel(shelf, entry, number)
        with tops:
            _show_tops(shelf, entry.channel, number)
        with effects:
            st.html(effects_html(apart.classes, entry.effects, limit, strong=score))


def _show_channel(shelf: StoredLayer, entry: DictionaryEntry, number: int) -> None:
    loud = f"{entry.activation:.2g}" if np.isnan(entry.loudness) else f"{entry.loudness:.2f} of loud"
    picture = feature_pictures(shelf, "channel").get(entry.channel, "")
    shown = f'<img src="{picture}" alt="feature image of channel {entry.channel}">' if picture else ""
    st.html(f'<figure class="gz2-part">{shown}<figcaption>{loud}</figcaption></figure>')
    show_button(f"Channel {entry.channel}", f"entry_channel_{number}", f"channel-{entry.channel}", select_block)


def _show_tops(shelf: StoredLayer, channel: int, number: int) -> None:
    if shelf.blocks is None:
        caption("In which galaxies it is loudest is known once building blocks have been looked for.")
        return
    kept = shelf.blocks.arrays("tops")
    rows, y, x = (kept[f"peak_{name}"][channel, :TOPS] for name in ("rows", "y", "x"))
    there = rows >= 0
    pictures = patch_pictures(shelf, rows[there], y[there], x[there])
    ids = [str(shelf.survey.galaxy_ids[row]) for row in rows[there]]
    key = f"gallery-entry-{number}"
    cards = [GalleryItem(each, picture, "", "") for each, picture in zip(ids, pictures, strict=True)]
    show_gallery(cards, key, pick, selected=current().galaxy_id, width=62)


def _choose(place: str) -> None:
    change(place=place)


def show_groups(shelf: StoredLayer, apart: BlocksView) -> None:
    """The galaxy and its groups on the left, each group on the right."""
    effects, count = apart.blocks.effects, len(apart.blocks.groups)
    spatial = effects.loads.ndim == 4
    whole, each = group_pictures(shelf, apart) if spatial else (galaxy_picture(shelf, apart.row), [""] * count)
    features = feature_pictures(shelf, "group") if shelf.blocks is not None else {}
    left, right = st.container(key="panels").columns([38, 62], gap="medium")
    with left:
        heading("All groups", "coloured by the group, opaque where they are strong")
        st.html(
            f'<div class="gz2-pair"><img src="{galaxy_picture(shelf, apart.row)}" alt="the galaxy">'
            f'<img src="{whole}" alt="neuron groups over the galaxy"></div>{_legend(apart)}'
        )
        held = f"{apart.blocks.groups.held:.0%}"
        found = "the survey's places" if shelf.blocks is not None else "this galaxy's places"
        caption(f"Non-negative factors of what {apart.blocks.layer} says at {found}; they give back {held} of it.")
        _show_groups_completeness(apart)
    with right:
        heading(
            "Each group",
            "its map in units of its own; bar: attributed to it; mark and grey number: how much falls without it",
        )
        limit = max(float(np.abs(effects.attributed).max()), float(np.abs(effects.removed).max()), 1e-6)
        for group in range(count):
            _show_group(apart, group, each[group], features.get(group, ""), limit)


def _legend(apart: BlocksView) -> str:
    inks = class_colours(len(apart.blocks.groups))
    keys = "".join(f'<span><i style="background: {ink}"></i>group {k + 1}</span>' for k, ink in enumerate(inks))
    return f'<div class="gz2-keys">{keys}</div>'


def _show_groups_completeness(apart: BlocksView) -> None:
    """Never left out: what is not shown is not seen to be missing."""
    told = "".join(f"<p>{escape(each.words(name='groups'))}</p>" for each in apart.blocks.effects.accounted)
    heading("How much they account for")
    st.html(f'<div class="gz2-accounted" data-testid="accounted">{told}</div>')


def _show_group(apart: BlocksView, group: int, map_: str, feature: str, limit: float) -> None:
    ink = class_colours(len(apart.blocks.groups))[group]
    with st.container(border=True, key=f"group-{group}"):
        pictures, effects = st.columns([1, 1.25], gap="medium")
        images = "".join(
            f'<figure class="gz2-part"><img style="border: 2px solid {ink}" src="{source}" '
            f'alt="{words} of group {group + 1}"><figcaption>{words}</figcaption></figure>'
            for source, words in ((map_, "where it speaks"), (feature, "feature image"))
            if source
        )
        with pictures:
            heading(Html(f'<i class="gz2-swatch" style="background: {ink}"></i>Group {group + 1}'))
            st.html(f'<div class="gz2-images">{images}</div>')
        effects.html(
            effects_html(
                apart.classes,
                apart.blocks.effects.attributed[0, group].tolist(),
                limit,
                apart.blocks.effects.removed[0, group].tolist(),
                apart.predicted,
            )
        )
        if feature:
            with effects:
                show_button("Its channels", f"group_{group}", f"group-{group}", select_block)
