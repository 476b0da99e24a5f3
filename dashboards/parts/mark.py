"""The star on the map: where the image that a person has handed over belongs."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.attributions import network_is_loaded
from dashboards.loading.placing import place_of_file
from gz2interp.errors import Gz2interpError
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["OUTSIDE", "mark_on_map"]

OUTSIDE = "outside_image"
"""The key of the field that takes an image from a file, under the neighbours."""


def mark_on_map(survey: Survey, model: ModelFolder | None, analysis: Analysis | None) -> tuple[float, float] | None:
    """The place of the image; None where there is none, or where it cannot be placed, which its own panel explains."""
    given = st.session_state.get(OUTSIDE)
    if given is None or model is None or analysis is None or model.latents:
        return None
    waiting = "Placing your image" if network_is_loaded(survey, model) else "Loading TensorFlow and the network"
    try:
        with st.spinner(f"{waiting} …"):
            return place_of_file(survey, model, analysis, given.name, given.getvalue())
    except Gz2interpError:
        return None
