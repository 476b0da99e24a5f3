"""Two maps side by side: a click on either selects, a lasso on either shows the same galaxies on both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dashboards.gallery_component import GalleryItem, show_gallery
from dashboards.loading.pictures import pictures_of
from dashboards.map_component import plotly_library, show_map, viewport_of
from dashboards.map_component.events import Box, Click, Event, Lasso
from dashboards.parts.galleries import pick
from dashboards.parts.style import as_text, caption, heading
from dashboards.selection import change, current
from gz2interp.figures.colours import NumberScale
from gz2interp.figures.density import MapWindow, inside_polygon, window_of
from gz2interp.figures.map import MapPoints, MapView, map_figure
from gz2interp.results import digest_of
from gz2interp.schema import name_in_words
from gz2interp.stores.survey import Survey
from gz2interp.workflows.compare import Comparison, most_changed

__all__ = ["show_compared"]

LASSO: Final = "compare_lasso"
GALLERY: Final = "gallery-compared"
CARDS: Final = 24
COLUMNS: Final = (("x", "y"), ("other_x", "other_y"))


@dataclass(frozen=True, eq=False)
class ComparedMaps:
    """The data of both maps."""

    key: str
    points: tuple[MapPoints, MapPoints]
    colouring: NumberScale
    ids: list[str]


def show_compared(comparison: Comparison, survey: Survey) -> None:
    """Both maps, and the galaxies that changed most or those inside the lasso."""
    pair = _pair(comparison)
    lasso = st.session_state.get(f"{LASSO}-{pair.key}")
    members = None if lasso is None else inside_polygon(pair.points[lasso[0]].coordinates, np.array(lasso[1]))
    galaxy_id = current().galaxy_id
    at = pair.ids.index(galaxy_id) if galaxy_id in pair.ids else None
    for side, column, name in zip(
        (0, 1), st.columns(2, gap="medium"), (comparison.first, comparison.second), strict=True
    ):
        with column:
            heading(name, "its own map" if side == 0 else "computed from the positions on the left")
            _show_map(pair, side, at, members, lasso)
    plotly_library()
    caption(f"{' · '.join(comparison.sentences)} · colour: the fraction of nearest neighbours in common.")
    _show_galaxies(comparison, survey, members)


def _pair(comparison: Comparison) -> ComparedMaps:
    table = comparison.table
    ids = [str(galaxy_id) for galaxy_id in table["galaxy_id"].tolist()]
    order = np.random.default_rng(0).permutation(len(table))
    shares = [f"{share:.0%} of its nearest are the same" for share in table["shared"]]
    moved = [f"moved by {share:.1%} of the width" for share in table["moved"]]
    first, second = (
        MapPoints(table[list(columns)].to_numpy(np.float32), ids, shares, moved, order) for columns in COLUMNS
    )
    colouring = NumberScale("share of nearest neighbours in common", table["shared"].to_numpy(np.float64), 0.0, 1.0)
    return ComparedMaps(digest_of(comparison.provenance.to_json())[:12], (first, second), colouring, ids)


def _show_map(
    pair: ComparedMaps, side: int, at: int | None, members: NDArray[np.bool_] | None, lasso: tuple[int, Any] | None
) -> None:
    key, places = f"compare-{pair.key}-{side}", pair.points[side].coordinates
    home, sight = window_of(places), viewport_of(key)
    window = MapWindow(*sight.x, *sight.y) if sight else home
    polygon = np.array(lasso[1]) if lasso is not None and lasso[0] == side else None
    figure = map_figure(pair.points[side], pair.colouring, MapView(window, at, members, polygon))
    show_map(
        as_text(figure), key, home, selected=polygon is not None, on_event=lambda event: _answer(pair, side, event)
    )


def _answer(pair: ComparedMaps, side: int, event: Event) -> None:
    match event:
        case Click(x, y):
            change(galaxy_id=pair.ids[int(cKDTree(pair.points[side].coordinates).query([x, y])[1])])
        case Lasso() | Box():
            polygon = event.polygon
            st.session_state[f"{LASSO}-{pair.key}"] = (side, polygon) if len(polygon) > 2 else None


def _show_galaxies(comparison: Comparison, survey: Survey, members: NDArray[np.bool_] | None) -> None:
    if members is None:
        table = comparison.table.iloc[most_changed(comparison, CARDS)]
        heading("Changed most", "of the tenth that shares the fewest neighbours, those that moved farthest")
    else:
        table = comparison.table[members].head(CARDS)
        heading(f"{int(members.sum()):,} galaxies inside the lasso", f"the least shared first, at most {CARDS}")
    pictures = pictures_of(survey, table["row"].to_numpy())
    cards = [
        GalleryItem(str(galaxy_id), picture, _title(galaxy), f"{galaxy['shared']:.0%} shared")
        for galaxy_id, picture, (_, galaxy) in zip(table["galaxy_id"].tolist(), pictures, table.iterrows(), strict=True)
    ]
    show_gallery(cards, GALLERY, pick, selected=current().galaxy_id)


def _title(galaxy: pd.Series[Any]) -> str:
    words = [name_in_words(str(galaxy[name])) for name in ("prediction", "other_prediction") if galaxy.get(name)]
    return " → ".join(dict.fromkeys(words)) or f"moved {galaxy['moved']:.0%}"
