"""Where the image that a person has handed over belongs on the map; TensorFlow is loaded for it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.loading.attributions import subject_of
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    from gz2interp.embedding.placing import Placer

__all__ = ["place_of_file"]


def place_of_file(
    survey: Survey, model: ModelFolder, analysis: Analysis, name: str, content: bytes
) -> tuple[float, float]:
    """The place (x, y) of an image from a file, found once for each file and map.

    Raises
    ------
    InputError
        The file cannot be compared with the survey's cutouts.
    """
    return _place(
        (str(analysis.path), analysis.provenance.digest, survey.digest), name, content, survey, model, analysis
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _place(
    key: tuple[str, ...], name: str, content: bytes, _survey: Survey, _model: ModelFolder, _analysis: Analysis
) -> tuple[float, float]:
    from gz2interp.workflows.placing import place_images

    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(name).name
        file.write_bytes(content)
        subject = subject_of(_survey, _model)
        table = place_images(subject, [file], _analysis.layer, _placer(key, _analysis))
    return float(table["x"].iloc[0]), float(table["y"].iloc[0])


@st.cache_resource(show_spinner=False, max_entries=2)
def _placer(key: tuple[str, ...], _analysis: Analysis) -> Placer:
    from gz2interp.workflows.analyse.map import placer_of

    return placer_of(_analysis)
