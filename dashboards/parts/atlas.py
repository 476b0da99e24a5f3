"""The activation atlas: activations at places of many galaxies, arranged by similarity and gathered in cells."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from dashboards.board_component import BoardCell, show_board
from dashboards.gallery_component import show_gallery
from dashboards.loading.features import StoredLayer, atlas_for, feature_pictures, patch_pictures, peak_pictures
from dashboards.parts.galleries import pick, prediction_cards
from dashboards.parts.layer_sheet import block_of, effects_html, signed_words
from dashboards.parts.style import caption, figure_html, heading
from dashboards.selection import change, current
from gz2interp.concepts.atlas import Atlas
from gz2interp.figures.places import class_colours
from gz2interp.schema import name_in_words
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.building_blocks import ALL
from gz2interp.workflows.layer_table import atlas_names

__all__ = ["show_atlas"]

BOARD: Final = "atlas-board"
SMALLEST: Final = 0.3
"""Smallest side of a cell, in units of the largest."""


def show_atlas(results: StoredLayer, blocks: BlocksFolder) -> None:
    """The atlas on the left, the selected cell on the right."""
    left, right = st.container(key="panels").columns([60, 40], gap="medium")
    with left:
        name, pictured = _show_choices(results, blocks)
        atlas = atlas_for(results, name)
        if not len(atlas.counts):
            caption("No cell holds three places or more.")
            return
        selected = _selected_cell(atlas)
        _show_cells(results, blocks, atlas, selected, pictured)
    with right:
        _show_cell(results, blocks, atlas, selected, name)


def _show_choices(results: StoredLayer, blocks: BlocksFolder) -> tuple[str, bool]:
    """Which atlas, and whether its cells show feature images."""
    names = atlas_names(blocks)
    of, what = st.columns(2, vertical_alignment="bottom")
    name = of.selectbox("Places", names, key="atlas_of", format_func=_title, on_change=change, kwargs={"block": ""})
    can = name == ALL and bool(feature_pictures(results, "cell"))
    with what:
        choices = ["Feature images", "Galaxies"] if can else ["Galaxies"]
        shows = st.segmented_control("Cells show", choices, key=f"atlas_shows_{can}", default=choices[0])
    return name, can and shows != "Galaxies"


def _title(name: str) -> str:
    return "of all galaxies" if name == ALL else f"that add most to {name_in_words(name)}"


def _selected_cell(atlas: Atlas) -> int:
    block = block_of(current().block)
    return block[1] if block and block[0] == "cell" and block[1] < len(atlas.counts) else 0


def _show_cells(results: StoredLayer, blocks: BlocksFolder, atlas: Atlas, selected: int, pictured: bool) -> None:
    if pictured:
        pictures = feature_pictures(results, "cell")
        content = "Each shows light that excites the cell's direction."
    else:
        pictures = dict(enumerate(patch_pictures(results, *_where(blocks, atlas.patches[:, 0]))))
        content = "Each shows a patch of the galaxy whose place is most similar to the cell's mean."
    best, inks = atlas.attributed.argmax(axis=1), class_colours(len(atlas.scores))
    show_board(
        [
            BoardCell(f"cell-{k}", *_box(atlas, k), _words(atlas, k), pictures.get(k, ""), inks[best[k]])
            for k in range(len(atlas.counts))
        ],
        BOARD,
        lambda cell: change(block=cell),
        label="The activation atlas. Arrow keys move, Enter chooses a cell.",
        selected=f"cell-{selected}",
    )
    keys = "".join(
        f'<span><i style="background: {inks[k]}"></i>{escape(name_in_words(atlas.scores[k]))}</span>'
        for k in sorted(set(best.tolist()))
    )
    st.html(f'<div class="gz2-keys">adds most to {keys}</div>')
    caption(
        f"{atlas.coverage:,} places in {len(atlas.counts)} cells, arranged by UMAP of the activations at them; a "
        f"cell's area is proportional to its number of places. {content}"
    )


def _where(blocks: BlocksFolder, at: Any) -> list[Any]:
    places = blocks.arrays("places")
    return [places[name][at] for name in ("rows", "y", "x")]


def _box(atlas: Atlas, cell: int) -> tuple[float, float, float, float]:
    """Per cent of the board, from its upper left; rows count from below."""
    low = int(atlas.column.min()), int(atlas.row.min())
    span = max(int(atlas.column.max()) - low[0], int(atlas.row.max()) - low[1]) + 1
    side = max(float(np.sqrt(atlas.counts[cell] / atlas.counts.max())), SMALLEST) * 0.96
    column, row = int(atlas.column[cell]) - low[0], int(atlas.row[cell]) - low[1]
    step = 100 / span
    return (column + (1 - side) / 2) * step, (span - 1 - row + (1 - side) / 2) * step, side * step, side * step


def _words(atlas: Atlas, cell: int) -> str:
    order = np.argsort(-np.abs(atlas.attributed[cell]), kind="stable")[:3]
    contributions = ", ".join(
        f"{name_in_words(atlas.scores[k])} {signed_words(atlas.attributed[cell, k])}" for k in order
    )
    return f"Cell {cell + 1}: {atlas.counts[cell]:,} places; {contributions}"


def _show_cell(results: StoredLayer, blocks: BlocksFolder, atlas: Atlas, cell: int, name: str) -> None:
    title = st.container(key="cell-title")
    _show_cell_parts(results, blocks, atlas, cell, name)
    with title:  # written last, when everything below belongs to this cell
        heading(f"Cell {cell + 1}", f"{atlas.counts[cell]:,} places, alignment {atlas.held[cell]:.0%}")


def _show_cell_parts(results: StoredLayer, blocks: BlocksFolder, atlas: Atlas, cell: int, name: str) -> None:
    feature = feature_pictures(results, "cell").get(cell, "") if name == ALL else ""
    if feature:
        image = figure_html(feature, "feature image of the cell", "feature image")
        st.html(f'<div class="gz2-images">{image}</div>')
    heading("Mean contribution to each class", "activation times gradient, relative to the mean over all classes")
    st.html(effects_html([name_in_words(score) for score in atlas.scores], atlas.attributed[cell].tolist()))
    rows, y, x = _where(blocks, atlas.patches[cell][atlas.patches[cell] >= 0])
    heading("Galaxies with such a place", "most similar to the cell's mean first; the place is framed")
    cards = prediction_cards(results.survey, results.model, rows, peak_pictures(results, rows, y, x))
    show_gallery(cards, "gallery-cell", pick, selected=current().galaxy_id, width=110)
