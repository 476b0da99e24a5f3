"""Colour pictures of galaxies, all of a survey on one stretch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from gz2interp.figures.rgb import Stretch, rgb, stretch_of, thumbnails
from gz2interp.stores.survey import Survey

__all__ = ["pictures_of", "stretch_for"]

STRETCH_SAMPLE: Final = 64


def stretch_for(survey: Survey) -> Stretch:
    """One stretch for all pictures of a survey, so that they can be compared."""
    return _stretch(survey.digest, survey)


def pictures_of(survey: Survey, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """Thumbnails of the given rows as data URIs; black where a galaxy has no image."""
    return _pictures(survey.digest, tuple(int(row) for row in rows), survey)


@st.cache_data(show_spinner=False, max_entries=8)
def _stretch(digest: str, _survey: Survey) -> Stretch:
    usable = np.flatnonzero(_survey.usable)
    rows = usable[:: max(len(usable) // STRETCH_SAMPLE, 1)][:STRETCH_SAMPLE]
    return stretch_of(_survey.images(rows), _survey.bands)


@st.cache_data(show_spinner=False, max_entries=128)
def _pictures(digest: str, rows: tuple[int, ...], _survey: Survey) -> list[str]:
    return thumbnails(rgb(_survey.images(rows), _survey.bands, stretch_for(_survey))) if rows else []
