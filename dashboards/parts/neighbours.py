"""The most or least similar galaxies in a layer: of the selected galaxy, and of an image from a file."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboards.gallery_component import GalleryItem, show_gallery
from dashboards.loading.attributions import network_is_loaded
from dashboards.loading.neighbours import neighbours_in, neighbours_of_file
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.galleries import cards_of, offer_selection, pick
from dashboards.parts.style import caption, heading
from gz2interp.errors import Gz2interpError
from gz2interp.schema import DISPLAY_UNIT
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.image_files import DISPLAY_SUFFIXES, SUFFIXES
from gz2interp.stores.models import ModelFolder
from gz2interp.workflows.neighbours import NeighbourSettings, SkyNeighbours
from gz2interp.workflows.selection import SelectedGalaxies

__all__ = ["notes_of", "show_neighbours", "show_outsider"]

MOST: Final = 32
WIDTH: Final = 78
_METRICS: Final = {"cosine": "Cosine distance", "euclidean": "Euclidean distance", "whitened": "Whitened distance"}


def show_neighbours(view: GalaxyView, analysis: Analysis) -> None:
    """Nearest first, images of the same galaxy marked; or the least similar."""
    settings = _settings(analysis)
    heading("Least similar galaxies" if settings.least else "Nearest neighbours", _distance_words(analysis))
    _choose()
    assert view.model is not None  # whose analysis it is
    neighbours = neighbours_in(view.survey, view.model, analysis, view.row, settings)
    if neighbours is None:
        caption("This galaxy was not analysed: it had no image then.")
    else:
        _show(view, neighbours, "neighbours")
        _offer(view, neighbours, settings.least)


def show_outsider(view: GalaxyView, analysis: Analysis) -> None:
    """An upload field for an image that is not in the survey, and its neighbours."""
    assert view.model is not None
    if view.model.latents is None:  # latents have no network
        with st.expander("Neighbours of an image that is not in the survey"):
            _show_outsider(view, view.model, analysis, _settings(analysis))


def _settings(analysis: Analysis) -> NeighbourSettings:
    state = st.session_state
    return NeighbourSettings(
        min(analysis.n_neighbours, MOST), bool(state.get("skip_same")), bool(state.get("least_similar"))
    )


def _distance_words(analysis: Analysis) -> str:
    """The metric, the layer, and the recall of the search where it is not exact."""
    over = " over eight views" if "views" in str(analysis.provenance.parameters.get("pooling", "")) else ""
    words = f"{_METRICS[analysis.metric]} in {analysis.layer}{over}, not on the map"
    if analysis.search is None or analysis.search.kind == "exact":
        return words
    return f"{words}; recall {analysis.search.recall:.1%}"


def _choose() -> None:
    with st.container(horizontal=True):
        st.toggle("Least similar", key="least_similar", help="The galaxies that are least similar in the layer.")
        st.toggle("Skip the same galaxy", key="skip_same", help='One imaged twice: within 5" on the sky.')


def _show(view: GalaxyView, neighbours: SkyNeighbours, name: str, first: tuple[GalleryItem, ...] = ()) -> None:
    rows, _ = _found_neighbours(neighbours)
    key = f"gallery-{name}"
    cards = [*first, *cards_of(view, rows, notes_of(neighbours))]
    show_gallery(cards, key, pick, selected=str(int(view.facts["galaxy_id"])), width=WIDTH)


def notes_of(neighbours: SkyNeighbours) -> list[str]:
    """The note of each neighbour: its distance, or that it is the same galaxy."""
    rows, distances = _found_neighbours(neighbours)
    same, apart = neighbours.same[0][: len(rows)], neighbours.separations[0][: len(rows)]
    return [
        f'same galaxy, {arcsec:.1f}"' if twin else f"{distance:.3g}"
        for distance, twin, arcsec in zip(distances, same, apart, strict=True)
    ]


def _found_neighbours(neighbours: SkyNeighbours) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    count = int((neighbours.rows[0] >= 0).sum())
    return neighbours.rows[0][:count], neighbours.distances[0][:count]


def _offer(view: GalaxyView, neighbours: SkyNeighbours, least: bool) -> None:
    rows, distances = _found_neighbours(neighbours)
    name = f"{'least like' if least else 'neighbours of'} {view.facts['galaxy_id']}"
    model = view.model.name if view.model else None
    rows, distances = np.append(view.row, rows), np.append(np.float32(0), distances)  # the galaxy itself first
    offer_selection(SelectedGalaxies(view.survey, rows, model, {"distance": distances}, name))


def _show_outsider(view: GalaxyView, model: ModelFolder, analysis: Analysis, settings: NeighbourSettings) -> None:
    """Neighbours are computed once there is a file: TensorFlow takes seconds to load."""
    display = view.survey.unit == DISPLAY_UNIT
    upload = st.file_uploader(
        "An image of one galaxy, in the middle: "
        + ("JPEG or PNG" if display else "FITS with the survey's bands, or NumPy"),
        type=[suffix.lstrip(".") for suffix in (DISPLAY_SUFFIXES if display else SUFFIXES)],
        key="outside_image",
    )
    if upload is None:
        return
    loaded = network_is_loaded(view.survey, model)
    try:
        with st.spinner(f"{'Computing activations' if loaded else 'Loading TensorFlow and the network'} …"):
            picture, neighbours = neighbours_of_file(
                view.survey, model, analysis, upload.name, upload.getvalue(), settings
            )
    except Gz2interpError as error:
        caption(str(error))
        return
    _show(view, neighbours, "outsider", (GalleryItem("", picture, upload.name, "your image"),))
