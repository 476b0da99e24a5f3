"""Neuron groups over the selected galaxy: which parts of it speak together, and what each does for every class."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from dashboards.gallery_component import show_button
from dashboards.loading.features import Shelf, feature_pictures
from dashboards.loading.taken_apart import Apart, galaxy_picture, group_pictures
from dashboards.parts.effects import effects_html
from dashboards.parts.layer_sheet import select_block
from dashboards.parts.style import Html, caption, heading
from gz2interp.figures.places import class_colours

__all__ = ["show_groups"]


def show_groups(shelf: Shelf, apart: Apart) -> None:
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
        _show_accounted(apart)
    with right:
        heading(
            "Each group",
            "its map in units of its own; bar: attributed to it; mark and grey number: how much falls without it",
        )
        limit = max(float(np.abs(effects.attributed).max()), float(np.abs(effects.removed).max()), 1e-6)
        for group in range(count):
            _show_group(apart, group, each[group], features.get(group, ""), limit)


def _legend(apart: Apart) -> str:
    inks = class_colours(len(apart.blocks.groups))
    keys = "".join(f'<span><i style="background: {ink}"></i>group {k + 1}</span>' for k, ink in enumerate(inks))
    return f'<div class="gz2-keys">{keys}</div>'


def _show_accounted(apart: Apart) -> None:
    """Never left out: what is not shown is not seen to be missing."""
    told = "".join(f"<p>{escape(each.words(name='groups'))}</p>" for each in apart.blocks.effects.accounted)
    heading("How much they account for")
    st.html(f'<div class="gz2-accounted" data-testid="accounted">{told}</div>')


def _show_group(apart: Apart, group: int, map_: str, feature: str, limit: float) -> None:
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
