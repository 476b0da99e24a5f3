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
from dashboards.parts.style import Html, caption, figure_html, heading, plain, signed_scale
from dashboards.selection import change, current, offer_choice
from gz2interp.figures.places import class_colours

if TYPE_CHECKING:
    from gz2interp.concepts.dictionary import DictionaryEntry, PlaceEntries

__all__ = ["choose_class", "show_dictionary", "show_groups"]


BOARD: Final = "dictionary-board"
CHANNELS: Final = 5
TOPS: Final = 4


def show_dictionary(results: StoredLayer, view: BlocksView) -> None:
    """The galaxy with the layer's places on the left, the channels at the selected place on the right."""
    if view.blocks.activations.ndim != 3:
        caption(f"{view.blocks.layer} has no places: choose a spatial layer.")
        return
    place = _place(view)
    left, right = st.container(key="panels").columns([42, 58], gap="medium")
    with left:
        score = choose_class(view)
        _show_places(results, view, place, score)
    with right:
        _show_entries(results, view, place, score)


def choose_class(view: BlocksView) -> int:
    """The choice of the class whose evidence is shown; the predicted one by default."""
    names = [score.removeprefix("logit(").removesuffix(")") for score in view.blocks.scores]
    at = names.index(current().score) if current().score in names else view.predicted
    offer_choice("evidence_class", names[at], lambda name: change(score=str(name)))
    st.selectbox(
        "Evidence for",
        names,
        key="evidence_class",
        format_func=lambda name: (
            f"{view.classes[names.index(name)]} · {view.blocks.probabilities[names.index(name)]:.0%}"
        ),
    )
    return at


def _place(view: BlocksView) -> tuple[int, int]:
    """The selected place if the layer has it, else that of the strongest activations."""
    text = current().place
    y, x = (int(number) for number in text.split(",")) if text else (-1, -1)
    height, width = view.blocks.activations.shape[:2]
    return (y, x) if 0 <= y < height and 0 <= x < width else view.blocks.places(1)[0]


def _show_places(results: StoredLayer, view: BlocksView, place: tuple[int, int], score: int) -> None:
    attributed = view.blocks.attributions[score].places[0]
    plane = view.blocks.cells.plane
    over = st.toggle(plain(f"Contribution of each place to {view.classes[score]}"), key="places_over")
    picture, limit = attributed_picture(results, view, score) if over else (galaxy_picture(results, view.row), 0.0)

    def words(y: int, x: int) -> str:
        return f"Place {y},{x}: adds {signed_words(attributed[y, x])} to {view.classes[score]}"

    show_board(
        grid_cells(view.blocks.cells, words),
        BOARD,
        lambda place: change(place=place),
        label=f"The galaxy, in {plane[0]} by {plane[1]} places of the layer. Arrow keys move, Enter chooses.",
        picture=picture,
        selected=f"{place[0]},{place[1]}",
    )
    if over:
        signed_scale(limit)
    caption("Click a place, or go there with the arrow keys and press Enter.")


def _show_entries(results: StoredLayer, view: BlocksView, place: tuple[int, int], score: int) -> None:
    entries = view.blocks.entries(place, CHANNELS)
    heading(
        f"At place {place[0]},{place[1]}", "its strongest channels, relative to a high activation of each in the survey"
    )
    _show_completeness(view, entries, score)
    limit = max((abs(value) for entry in entries.entries for value in entry.effects), default=1.0)
    for number, entry in enumerate(entries.entries):
        _show_entry(results, view, entry, number, limit, score)


def _show_completeness(view: BlocksView, entries: PlaceEntries, score: int) -> None:
    """How much of the score the displayed parts account for; always shown."""
    channels, whole = view.blocks.strongest_channels(score)
    st.html(
        '<div class="gz2-accounted" data-testid="accounted">'
        f"<p><b>At this place</b> {escape(entries.accounted[score].words(name='channels'))}</p>"
        f"<p><b>Of the whole galaxy</b> {escape(whole.words(name=f'{len(channels)} strongest channels'))}</p></div>"
    )


def _show_entry(
    results: StoredLayer, view: BlocksView, entry: DictionaryEntry, number: int, limit: float, score: int
) -> None:
    with st.container(border=True, key=f"entry-{number}"):
        image, tops, effects = st.columns([1.1, 3.2, 2.6], gap="small")
        with image:
            _show_channel(results, entry, number)
        with tops:
            _show_tops(results, entry.channel, number)
        with effects:
            st.html(effects_html(view.classes, entry.effects, limit, strong=score))


def _show_channel(results: StoredLayer, entry: DictionaryEntry, number: int) -> None:
    loud = f"{entry.activation:.2g}" if np.isnan(entry.loudness) else f"{entry.loudness:.2f} of high"
    picture = feature_pictures(results, "channel").get(entry.channel, "")
    image = f'<img src="{picture}" alt="feature image of channel {entry.channel}">' if picture else ""
    st.html(f'<figure class="gz2-part">{image}<figcaption>{loud}</figcaption></figure>')
    show_button(f"Channel {entry.channel}", f"entry_channel_{number}", f"channel-{entry.channel}", select_block)


def _show_tops(results: StoredLayer, channel: int, number: int) -> None:
    if results.blocks is None:
        caption("Its most activating galaxies are shown once building blocks have been computed.")
        return
    tops = results.blocks.arrays("tops")
    rows, y, x = (tops[f"peak_{name}"][channel, :TOPS] for name in ("rows", "y", "x"))
    present = rows >= 0
    pictures = patch_pictures(results, rows[present], y[present], x[present])
    ids = [str(results.survey.galaxy_ids[row]) for row in rows[present]]
    key = f"gallery-entry-{number}"
    cards = [GalleryItem(galaxy_id, picture, "", "") for galaxy_id, picture in zip(ids, pictures, strict=True)]
    show_gallery(cards, key, pick, selected=current().galaxy_id, width=62)


def show_groups(results: StoredLayer, view: BlocksView) -> None:
    """The galaxy and its groups on the left, each group on the right."""
    effects, count = view.blocks.effects, len(view.blocks.groups)
    spatial = effects.loads.ndim == 4
    whole, single = group_pictures(results, view) if spatial else (galaxy_picture(results, view.row), [""] * count)
    features = feature_pictures(results, "group") if results.blocks is not None else {}
    left, right = st.container(key="panels").columns([38, 62], gap="medium")
    with left:
        heading("All groups", "coloured by group, opaque where they are active")
        st.html(
            f'<div class="gz2-pair"><img src="{galaxy_picture(results, view.row)}" alt="the galaxy">'
            f'<img src="{whole}" alt="neuron groups over the galaxy"></div>{_legend(view)}'
        )
        share = f"{view.blocks.groups.held:.0%}"
        places = "the survey's places" if results.blocks is not None else "this galaxy's places"
        caption(
            f"Non-negative factors of the activations of {view.blocks.layer} at {places}; they explain {share} of them."
        )
        _show_groups_completeness(view)
    with right:
        heading(
            "Each group",
            "each map on its own scale; bar: its attribution; mark and grey number: decrease of the score without it",
        )
        limit = max(float(np.abs(effects.attributed).max()), float(np.abs(effects.removed).max()), 1e-6)
        for group in range(count):
            _show_group(view, group, single[group], features.get(group, ""), limit)


def _legend(view: BlocksView) -> str:
    inks = class_colours(len(view.blocks.groups))
    keys = "".join(f'<span><i style="background: {ink}"></i>group {k + 1}</span>' for k, ink in enumerate(inks))
    return f'<div class="gz2-keys">{keys}</div>'


def _show_groups_completeness(view: BlocksView) -> None:
    """How much of the score the displayed parts account for; always shown."""
    paragraphs = "".join(
        f"<p>{escape(completeness.words(name='groups'))}</p>" for completeness in view.blocks.effects.accounted
    )
    heading("Completeness")
    st.html(f'<div class="gz2-accounted" data-testid="accounted">{paragraphs}</div>')


def _show_group(view: BlocksView, group: int, map_: str, feature: str, limit: float) -> None:
    ink = class_colours(len(view.blocks.groups))[group]
    with st.container(border=True, key=f"group-{group}"):
        pictures, effects = st.columns([1, 1.25], gap="medium")
        images = "".join(
            figure_html(source, f"{words} of group {group + 1}", words, border=ink)
            for source, words in ((map_, "activation map"), (feature, "feature image"))
            if source
        )
        with pictures:
            heading(Html(f'<i class="gz2-swatch" style="background: {ink}"></i>Group {group + 1}'))
            st.html(f'<div class="gz2-images">{images}</div>')
        effects.html(
            effects_html(
                view.classes,
                view.blocks.effects.attributed[0, group].tolist(),
                limit,
                view.blocks.effects.removed[0, group].tolist(),
                view.predicted,
            )
        )
        if feature:
            with effects:
                show_button("Its channels", f"group_{group}", f"group-{group}", select_block)
