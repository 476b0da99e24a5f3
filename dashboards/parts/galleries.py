"""Galleries of galaxies, and the export of their galaxies to files or to TOPCAT, Aladin and DS9."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboards.gallery_component import GalleryItem, show_gallery
from dashboards.loading.export import bytes_of, columns_of
from dashboards.loading.map import MapData
from dashboards.loading.pictures import pictures_of
from dashboards.loading.surveys import predictions_of, table_of
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.style import Html, caption, heading
from dashboards.selection import change, current, where_of
from gz2interp.errors import Gz2interpError
from gz2interp.schema import name_in_words
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.samp import send
from gz2interp.workflows.selection import SelectedGalaxies

__all__ = ["PAGE", "cards_of", "label_and_prediction", "offer_selection", "pick", "prediction_cards", "show_members"]


def cards_of(view: GalaxyView, rows: NDArray[np.int64], notes: Sequence[str]) -> list[GalleryItem]:
    """Cards with label and prediction as titles, once only where they agree."""
    table = table_of(view.survey, view.model, rows)
    pictures = pictures_of(view.survey, rows)
    return [
        GalleryItem(galaxy_id, picture, label_and_prediction(label, prediction), note)
        for galaxy_id, label, prediction, picture, note in zip(
            table["galaxy_id"], table["label"], table["prediction"], pictures, notes, strict=True
        )
    ]


def prediction_cards(
    survey: Survey,
    model: ModelFolder | None,
    rows: Sequence[int] | NDArray[np.int64],
    pictures: Sequence[str],
    notes: Sequence[str] = (),
    unknown: str = "",
) -> list[GalleryItem]:
    """Cards with the prediction as title, or `unknown` where there is none."""
    table = table_of(survey, model, rows)
    titles = [name_in_words(name) if isinstance(name, str) else unknown for name in table["prediction"]]
    return list(map(GalleryItem, table["galaxy_id"], pictures, titles, notes or [""] * len(titles)))


def pick(galaxy_id: str) -> None:
    """Select a galaxy; "" stands for an image that is not in the survey."""
    if galaxy_id:
        change(galaxy_id=galaxy_id)


def label_and_prediction(label: Any, prediction: Any) -> str:
    """The title of a card, once only where both agree."""
    words = [name_in_words(word) for word in (label, prediction) if isinstance(word, str) and word]
    return " → ".join(dict.fromkeys(words)) or "no label"


MOST_CUTOUTS: Final = 1_000
"""More than that are exported with the command line, which streams them into a folder."""

_FORMS: Final = {
    ".ecsv": "CSV with units (ECSV)",
    ".csv": "CSV and its description (ZIP)",
    ".fits": "FITS table",
    ".vot": "VOTable",
    ".parquet": "Parquet",
    ".reg": "DS9 regions",
    ".zip": "Cutouts (ZIP)",
}
_WORDS: Final = {
    ".ecsv": "Text with units, descriptions and provenance in comments, for astropy and TOPCAT.",
    ".csv": "A plain table, and beside it units, descriptions and provenance as JSON. Spreadsheets round ids of 18 "
    "digits: read them as text.",
    ".fits": "With units, descriptions and provenance in the header.",
    ".vot": "With units, UCDs, descriptions and provenance.",
    ".parquet": "For Python and TOPCAT; units, descriptions and provenance are in its metadata.",
    ".reg": "A circle about each galaxy, as large as the galaxy, with its id.",
    ".zip": "A FITS file with WCS of each galaxy, all bands, and a table.",
}
_PROGRAMS: Final = {"all": "All connected programs", "topcat": "TOPCAT", "aladin": "Aladin", "ds9": "DS9"}


def offer_selection(subset: SelectedGalaxies) -> None:
    """The button "Export" and its popover.

    Parameters
    ----------
    subset : SelectedGalaxies
        Rows of a survey in the order of the list, with further columns (`SelectedGalaxies.extra`); its `name` is
        unique on a page and part of the file's name.
    """
    key = "take-" + re.sub(r"\W+", "-", subset.name)
    with st.popover("Export", width="stretch", disabled=len(subset) == 0):
        _offer(subset, key)


@st.fragment
def _offer(subset: SelectedGalaxies, key: str) -> None:
    suffix = st.selectbox("As a file", _FORMS, format_func=_FORMS.__getitem__, key=f"{key}-form")
    too_many = suffix == ".zip" and len(subset) > MOST_CUTOUTS
    caption(_by_command(subset) if too_many else _WORDS[suffix])
    if suffix not in (".reg", ".zip"):
        columns = st.multiselect("Columns", columns_of(subset), placeholder="All columns", key=f"{key}-columns")
        subset = replace(subset, columns=tuple(columns))
    name = re.sub(r"\W+", "-", f"{subset.survey.name} {subset.name}")
    st.download_button(
        f"Download {len(subset):,} {'galaxy' if len(subset) == 1 else 'galaxies'}",
        lambda: bytes_of(subset, suffix),
        f"{name}.csv.zip" if suffix == ".csv" else f"{name}{suffix}",
        disabled=too_many,
        width="stretch",
        on_click="ignore",
        key=f"{key}-download",
    )
    to = st.selectbox("To a program on this machine", _PROGRAMS, format_func=_PROGRAMS.__getitem__, key=f"{key}-to")
    request = (str(subset.survey.path), subset.name, len(subset), to)
    # Sent by the callback of the click: Streamlit may abort this run for a newer one, and lose the press.
    st.button("Send by SAMP", width="stretch", key=f"{key}-send", on_click=_send, args=(subset, to, key, request))
    sent = st.session_state.get(f"{key}-sent")
    if sent is not None and sent[0] == request:
        caption(sent[1])


def _send(subset: SelectedGalaxies, to: str, key: str, request: tuple[object, ...]) -> None:
    st.session_state[f"{key}-sent"] = (request, _send_words(subset, to))


def _send_words(subset: SelectedGalaxies, to: str) -> str:
    """The results of sending, a line for each program and message."""
    try:
        answers = send(subset, to)
    except Gz2interpError as error:
        return Html(escape(error.problem + "."))
    lines = [f"{escape(answer.to)} · {escape(answer.message)}: {escape(answer.error) or 'ok'}" for answer in answers]
    return Html("<br>".join(lines))


def _by_command(subset: SelectedGalaxies) -> str:
    survey = shlex.quote(str(subset.survey.path))
    command = f"gz2interp export {survey} --galaxies FILE.ecsv --out FOLDER"
    return Html(f"Of more than {MOST_CUTOUTS:,} galaxies, save a table and run <code>{escape(command)}</code>")


PAGE: Final = 48


def show_members(view: GalaxyView, map_data: MapData, members: NDArray[np.bool_]) -> None:
    """The galaxies inside the lasso or in the cluster, a page at a time, and the export of all."""
    rows = map_data.rows[members]
    pages = max(-(-len(rows) // PAGE), 1)
    title, turn, save = st.columns([3, 1.2, 1], vertical_alignment="bottom")
    with turn:
        page = int(st.number_input(f"Page of {pages:,}", 1, pages, 1, key="members_page")) if pages > 1 else 1
    first = (page - 1) * PAGE
    with title:
        part = f"{first + 1} to {min(first + PAGE, len(rows))} of {len(rows):,}" if len(rows) else "none is inside"
        heading(f"{len(rows):,} galaxies {where_of(current())}", part)
    if len(rows) == 0:
        return
    with save:
        places = map_data.points.coordinates[members]
        columns = {"map_x": places[:, 0], "map_y": places[:, 1]} if map_data.layer else {}
        model = view.model.name if view.model else None
        offer_selection(SelectedGalaxies(view.survey, rows, model, columns, current().cluster or "lasso"))
    page_rows = rows[first : first + PAGE]
    _show(view, page_rows, _confidences(view, page_rows), "members")


def _show(view: GalaxyView, rows: NDArray[np.int64], notes: Sequence[str], name: str, width: int = 104) -> None:
    key = f"gallery-{name}"
    cards = cards_of(view, rows, notes)
    show_gallery(cards, key, pick, selected=str(int(view.facts["galaxy_id"])), width=width)


def _confidences(view: GalaxyView, rows: NDArray[np.int64]) -> list[str]:
    table = predictions_of(view.survey, view.model) if view.model else None
    if table is None:
        return [""] * len(rows)
    return ["" if pd.isna(value) else f"{value:.1%}" for value in table["confidence"].reindex(rows)]
