"""The galaxies that a layer holds for most alike, or least: of the selected one, and of an image from a file."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboards.gallery_component import Card, show_gallery
from dashboards.loading.attributions import network_is_loaded
from dashboards.loading.neighbours import neighbours_in, neighbours_of_file
from dashboards.parts.galaxy_view import Subject
from dashboards.parts.galleries import cards_of, offer_selection, pick
from dashboards.parts.style import caption, heading
from gz2interp.errors import Gz2interpError
from gz2interp.schema import DISPLAY_UNIT
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.image_files import DISPLAY_SUFFIXES, SUFFIXES
from gz2interp.stores.models import ModelFolder
from gz2interp.workflows.neighbours import Found, NearbyWish
from gz2interp.workflows.selection import Subset

__all__ = ["notes_of", "show_neighbours", "show_outsider"]

MOST: Final = 32
WIDTH: Final = 78
_METRICS: Final = {"cosine": "Cosine distance", "euclidean": "Euclidean distance", "whitened": "Whitened distance"}


def show_neighbours(subject: Subject, analysis: Analysis) -> None:
    """Nearest first, twins on the sky marked, or the least similar."""
    wish = _wish(analysis)
    heading("Least similar galaxies" if wish.least else "Nearest neighbours", _manner(analysis))
    _choose()
    assert subject.model is not None  # whose analysis it is
    found = neighbours_in(subject.survey, subject.model, analysis, subject.row, wish)
    if found is None:
        caption("This galaxy was not analysed: it had no image then.")
    else:
        _show(subject, found, "neighbours")
        _offer(subject, found, wish.least)


def show_outsider(subject: Subject, analysis: Analysis) -> None:
    """A place for an image that is not in the survey, and its neighbours."""
    assert subject.model is not None
    if subject.model.latents is None:  # there is no network to ask of latents from elsewhere
        with st.expander("Neighbours of an image that is not in the survey"):
            _show_outsider(subject, subject.model, analysis, _wish(analysis))


def _wish(analysis: Analysis) -> NearbyWish:
    state = st.session_state
    return NearbyWish(min(analysis.kept, MOST), bool(state.get("skip_same")), bool(state.get("least_similar")))


def _manner(analysis: Analysis) -> str:
    """How distances were measured, and what share of the true neighbours was found where that is not all."""
    over = " over eight views" if "views" in str(analysis.provenance.parameters.get("pooling", "")) else ""
    words = f"{_METRICS[analysis.metric]} in {analysis.layer}{over} itself, not on the map"
    if analysis.search is None or analysis.search.kind == "exact":
        return words
    return f"{words}; {analysis.search.recall:.1%} of the true ones are found"


def _choose() -> None:
    with st.container(horizontal=True):
        st.toggle("Least similar", key="least_similar", help="The galaxies that the layer holds for least alike.")
        st.toggle("Skip the same galaxy", key="skip_same", help='One imaged twice: within 5" on the sky.')


def _show(subject: Subject, found: Found, name: str, first: tuple[Card, ...] = ()) -> None:
    rows, _ = _there(found)
    key = f"gallery-{name}"
    cards = [*first, *cards_of(subject, rows, notes_of(found))]
    show_gallery(cards, key, pick, selected=str(int(subject.facts["galaxy_id"])), width=WIDTH)


def notes_of(found: Found) -> list[str]:
    """What is said of each neighbour of one galaxy: how far it is, or that it is the same galaxy."""
    rows, distances = _there(found)
    same, apart = found.same[0][: len(rows)], found.separations[0][: len(rows)]
    return [
        f'same galaxy, {arcsec:.1f}"' if twin else f"{distance:.3g}"
        for distance, twin, arcsec in zip(distances, same, apart, strict=True)
    ]


def _there(found: Found) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    count = int((found.rows[0] >= 0).sum())
    return found.rows[0][:count], found.distances[0][:count]


def _offer(subject: Subject, found: Found, least: bool) -> None:
    rows, distances = _there(found)
    name = f"{'least like' if least else 'neighbours of'} {subject.facts['galaxy_id']}"
    model = subject.model.name if subject.model else None
    rows, distances = np.append(subject.row, rows), np.append(np.float32(0), distances)  # the galaxy itself, first
    offer_selection(Subset(subject.survey, rows, model, {"distance": distances}, name))


def _show_outsider(subject: Subject, model: ModelFolder, analysis: Analysis, wish: NearbyWish) -> None:
    """Nothing is computed before a file is there: TensorFlow takes seconds to load."""
    display = subject.survey.unit == DISPLAY_UNIT
    given = st.file_uploader(
        "An image of one galaxy, in the middle: "
        + ("JPEG or PNG" if display else "FITS with the survey's bands, or NumPy"),
        type=[suffix.lstrip(".") for suffix in (DISPLAY_SUFFIXES if display else SUFFIXES)],
        key="outside_image",
    )
    if given is None:
        return
    loaded = network_is_loaded(subject.survey, model)
    try:
        with st.spinner(f"{'Asking the network' if loaded else 'Loading TensorFlow and the network'} …"):
            picture, found = neighbours_of_file(subject.survey, model, analysis, given.name, given.getvalue(), wish)
    except Gz2interpError as error:
        caption(str(error))
        return
    _show(subject, found, "outsider", (Card("", picture, given.name, "your image"),))
