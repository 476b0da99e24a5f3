"""Where the network looked: the attribution of the selected galaxy, its choices, and the figure for a paper."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboards.gallery_component import show_button
from dashboards.loading.attributions import Asked, attribution_of, bands_of, network_is_loaded
from dashboards.parts.bar import with_bar
from dashboards.parts.figure_download import offer_figure
from dashboards.parts.style import caption, draw, heading, signed_scale
from dashboards.parts.subject import Subject
from dashboards.selection import Selection, change, offer_choice
from gz2interp.attribution import METHODS
from gz2interp.errors import Gz2interpError
from gz2interp.figures.panels import attribution_panels, band_bars, signed
from gz2interp.results import Attribution
from gz2interp.schema import score_in_words
from gz2interp.stores.models import ModelFolder
from gz2interp.workflows.trust_line import trust_line_of

__all__ = ["show_looked"]


def show_looked(
    subject: Subject, selection: Selection, picture: NDArray[np.uint8], aside: DeltaGenerator
) -> go.Figure | None:
    """The map over the image with its choices, and `aside` what each band carries.

    Returns the maps of the bands, which belong under the bands.
    """
    classes = list(subject.probabilities) or list(subject.model.class_names if subject.model else ())
    if subject.model is None or not classes:
        heading("Where it looked")
        caption(_why_not(subject.model))
        return None
    if not selection.method:
        _offer()
        return None
    predicted = "" if subject.said is None else str(subject.said["prediction"])
    written = "(" in selection.score  # a score, and not a class
    score = selection.score if written or selection.score in classes else predicted or classes[0]
    asked = Asked(subject.row, selection.method, score, bool(st.session_state.get("views")))
    heading("Where it looked", f"for {score_in_words(score)}")
    found = _ask(subject, subject.model, asked)
    if found is None:
        _write_score(selection)
        return None
    panels = attribution_panels(picture, np.asarray(found.values)[0], subject.survey.bands)
    method = METHODS[asked.method]
    bar = with_bar(panels.over, subject, asked.score, found)
    draw(panels.over, "attribution")
    if bar:
        caption(bar)
    if method.signed:
        signed_scale(panels.limit, "against", "for")
    else:
        caption("Nowhere below zero: where the score is sensitive, not which way.")
    if method.caveat:
        st.warning(method.caveat)
    offered = {"": f"predicted ({predicted})"} if predicted else {}
    named = {name: name for name in (*classes, *([score] if written else []))}
    _show_choices(selection, offered | named)
    _write_score(selection)
    st.toggle("Mean over its turned and mirrored views", key="views")
    _show_source(subject, subject.model, asked, found)
    with aside:
        _show_bands(subject, subject.model, score)
    return panels.by_band


def _why_not(model: ModelFolder | None) -> str:
    if model is None:
        return "There is no network to ask."
    if model.latents:
        return f"{model.name} are latents: no network can be asked where it looked."
    return "The network has not been run over this survey."


def _show_bands(subject: Subject, model: ModelFolder, score: str) -> None:
    """How the score is shared out among the bands."""
    heading("What each band carries", f"of {score_in_words(score)}")
    try:
        found = bands_of(subject.survey, model, subject.row, score)
    except Gz2interpError as error:
        caption(str(error))
        return
    draw(band_bars(found.values[0], subject.survey.bands), "band_attribution")
    caption(
        f"Shapley values of the score: together {signed(found.total[0])}, its rise from bare sky in every band. An "
        "absent band shows sky like that at the image's rim."
    )


def _offer() -> None:
    """Nothing is computed before it is asked for: TensorFlow takes seconds to load."""
    heading("Where it looked")
    caption("The first map takes some seconds more: TensorFlow is loaded for it.")
    first = next(iter(METHODS))
    show_button("Show where it looked", "first_method", first, lambda method: change(method=method), "primary")


def _ask(subject: Subject, model: ModelFolder, asked: Asked) -> Attribution | None:
    """The answer; where there is none, the panel says why."""
    waiting = "Asking the network" if network_is_loaded(subject.survey, model) else "Loading TensorFlow and the network"
    try:
        with st.spinner(f"{waiting} …"):
            return attribution_of(subject.survey, model, asked)
    except Gz2interpError as error:
        caption(str(error))
        return None


def _show_choices(selection: Selection, classes: dict[str, str]) -> None:
    method, explained = st.columns(2, gap="small")
    with method:
        _choose("Method", "method", {name: each.title for name, each in METHODS.items()}, selection.method)
    with explained:
        _choose("Class", "score", classes, selection.score)


def _write_score(selection: Selection) -> None:
    """Any other score, as a person writes it."""
    key = "written_score"
    written = selection.score if "(" in selection.score else ""
    offer_choice(key, written, lambda text: change(score=str(text).strip()))
    st.text_input(
        "Or another score",
        key=key,
        placeholder="logit(spiral) - logit(edge_on)",
        help="logit(CLASS), probability(CLASS), channel(LAYER, NUMBER), similarity(GALAXY), joined by + - *",
    )


def _choose(label: str, part: str, options: dict[str, str], value: str) -> None:
    key = f"choose_{part}"
    offer_choice(key, value if value in options else next(iter(options)), lambda name: change(**{part: name}))
    st.selectbox(
        label,
        options,
        key=key,
        format_func=lambda name: options.get(name, name),
    )


def _show_source(subject: Subject, model: ModelFolder, asked: Asked, found: Attribution) -> None:
    """What the map was read off, how far the method is trusted, and the same answer as a figure."""
    words = f"Layer {found.layer}" if found.layer else f"With respect to the {found.domain} image"
    caption(f"{words}. {trust_line_of(subject.survey, model, asked.method)}")
    offer_figure(subject, model, asked)
