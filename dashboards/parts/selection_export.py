"""Under every list of galaxies: take them along as a file, or hand them to TOPCAT, Aladin or DS9."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import escape
from typing import Final

import streamlit as st

from dashboards.loading.taking import bytes_of, columns_of
from dashboards.parts.style import Html, caption
from gz2interp.errors import Gz2interpError
from gz2interp.workflows.giving import Subset, send

__all__ = ["offer_selection"]

MOST_CUTOUTS: Final = 1_000
"""More than that are a matter for the command line, which streams them into a folder."""

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
_PROGRAMS: Final = {"all": "All that listen", "topcat": "TOPCAT", "aladin": "Aladin", "ds9": "DS9"}


def offer_selection(subset: Subset) -> None:
    """The button "Export" and what opens under it.

    Parameters
    ----------
    subset : Subset
        Rows of a survey in the order of the list, with what the list says of each (`Subset.extra`); its `name` tells
        lists of one page apart and is part of the file's name.
    """
    key = "take-" + re.sub(r"\W+", "-", subset.name)
    with st.popover("Export", width="stretch", disabled=len(subset) == 0):
        _offer(subset, key)


@st.fragment
def _offer(subset: Subset, key: str) -> None:
    form = st.selectbox("As a file", _FORMS, format_func=_FORMS.__getitem__, key=f"{key}-form")
    too_many = form == ".zip" and len(subset) > MOST_CUTOUTS
    caption(_by_command(subset) if too_many else _WORDS[form])
    if form not in (".reg", ".zip"):
        columns = st.multiselect("Columns", columns_of(subset), placeholder="All columns", key=f"{key}-columns")
        subset = replace(subset, columns=tuple(columns))
    name = re.sub(r"\W+", "-", f"{subset.survey.name} {subset.name}")
    st.download_button(
        f"Download {len(subset):,} {'galaxy' if len(subset) == 1 else 'galaxies'}",
        lambda: bytes_of(subset, form),
        f"{name}.csv.zip" if form == ".csv" else f"{name}{form}",
        disabled=too_many,
        width="stretch",
        on_click="ignore",
        key=f"{key}-download",
    )
    to = st.selectbox("To a program on this machine", _PROGRAMS, format_func=_PROGRAMS.__getitem__, key=f"{key}-to")
    asked = (str(subset.survey.path), subset.name, len(subset), to)
    # Sent by the click itself: a run of the page that is given up for a newer one would forget it.
    st.button("Send by SAMP", width="stretch", key=f"{key}-send", on_click=_send, args=(subset, to, key, asked))
    sent = st.session_state.get(f"{key}-sent")
    if sent is not None and sent[0] == asked:
        caption(sent[1])


def _send(subset: Subset, to: str, key: str, asked: tuple[object, ...]) -> None:
    st.session_state[f"{key}-sent"] = (asked, _sent(subset, to))


def _sent(subset: Subset, to: str) -> str:
    """What came of it, a line for each program and message."""
    try:
        answers = send(subset, to)
    except Gz2interpError as error:
        return Html(escape(error.given + "."))
    lines = [f"{escape(answer.to)} · {escape(answer.message)}: {escape(answer.error) or 'ok'}" for answer in answers]
    return Html("<br>".join(lines))


def _by_command(subset: Subset) -> str:
    survey = shlex.quote(str(subset.survey.path))
    command = f"gz2interp export {survey} --galaxies FILE.ecsv --out FOLDER"
    return Html(f"Of more than {MOST_CUTOUTS:,} galaxies, save a table and run <code>{escape(command)}</code>")
