"""The attribution of the selected galaxy, its settings, the measured bar, and the figure for papers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboards.gallery_component import show_button
from dashboards.loading.attributions import (
    AttributionRequest,
    FigureRequest,
    attribution_of,
    bands_of,
    figure_of,
    network_is_loaded,
)
from dashboards.loading.pictures import has_truth, pictures_of_parts
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.style import caption, draw, heading, signed_scale
from dashboards.selection import Selection, change, offer_choice
from gz2interp.attribution import METHODS
from gz2interp.errors import Gz2interpError
from gz2interp.figures.overlay import add_bar
from gz2interp.figures.panels import attribution_panels, band_bars, signed
from gz2interp.figures.style import JOURNALS
from gz2interp.measure.bars import BAR_CLASSES, bars_in, position_angles, seen_in
from gz2interp.results import Attribution
from gz2interp.schema import name_in_words
from gz2interp.stores.models import ModelFolder
from gz2interp.workflows.figure_parts import stored_trust_line

__all__ = ["offer_figure", "show_attribution", "with_bar"]


def with_bar(figure: go.Figure, view: GalaxyView, score: str, attribution: Attribution) -> str:
    """Draw the bar over the map, and describe it in a sentence; "" for a map of another class."""
    if score not in BAR_CLASSES:
        return ""
    prominent = seen_in(np.asarray(attribution.values)[:1])
    bar = bars_in(prominent)
    if bar.why_not[0]:
        return f"No bar was measured: {bar.why_not[0]}."
    height, width = prominent.shape[1:]
    middle = (float(bar.x[0]) + (width - 1) / 2, float(bar.y[0]) + (height - 1) / 2)
    length, angle = float(bar.length[0]), float(bar.angle[0])
    add_bar(figure, length, angle, middle)
    status: Any = view.survey.status.loc[view.row]
    scale, turn = float(status["pixel_scale"]), float(status["position_angle"])
    sky = float(position_angles(np.array([angle]), turn)[0])
    return (
        f"The prominent feature is {length * scale:.1f}\N{DOUBLE PRIME} long, position angle {sky:.0f}\N{DEGREE SIGN}. "
        "A map broadens features: gz2interp bar --line converts this length to that of a bar."
    )


_LAYOUTS: Final = {
    "galaxies": "This galaxy",
    "rows-per-band": "A row per band",
    "methods": "Every method",
    "neighbours": "With its neighbours",
    "repaint": "Repainted without a component",
    "bands": "Attribution to bands",
    "right-wrong": "Of the survey: right and wrong predictions",
}
_FORMATS: Final = {".pdf": "PDF", ".svg": "SVG", ".png": "PNG"}


def offer_figure(view: GalaxyView, model: ModelFolder, request: AttributionRequest) -> None:
    """The choices, a button that draws, and a download button once the figure is drawn."""
    with st.popover("Figure for a paper", width="stretch"):
        figure = _choose_settings(view, request)
        idle = figure.layout == "repaint" and not figure.without
        request_key = (str(view.survey.path), model.digest, request, figure)
        # The callback of the click stores the request: Streamlit may abort this run for a newer one, as when another
        # click follows, and the press of the button would be lost.
        st.button(
            "Draw it",
            type="primary",
            width="stretch",
            disabled=idle,
            key="figure_draw",
            on_click=st.session_state.update,
            args=({"figure_wanted": request_key},),
        )
        if st.session_state.get("figure_wanted") != request_key:
            return
        try:
            content = _draw_figure(view, model, request, figure)
        except Gz2interpError as error:
            del st.session_state["figure_wanted"]
            caption(str(error))
            return
        name = request.method if figure.layout in ("galaxies", "rows-per-band") else figure.layout
        st.download_button(
            f"Download ({'ZIP' if figure.with_data else _FORMATS[figure.suffix]})",
            content,
            f"{view.facts['galaxy_id']}-{name}{'.zip' if figure.with_data else figure.suffix}",
            width="stretch",
            on_click="ignore",
            help="The figure that gz2interp figure draws, with its caption inside the file",
        )


def _draw_figure(view: GalaxyView, model: ModelFolder, request: AttributionRequest, figure: FigureRequest) -> bytes:
    """The figure that was drawn last if it is of the same request, else a new one."""
    request_key, last = st.session_state["figure_wanted"], st.session_state.get("figure_drawn")
    if last is not None and last[0] == request_key:
        return bytes(last[1])
    with st.spinner("Drawing …"):
        content = figure_of(view.survey, model, request, figure)
    st.session_state["figure_drawn"] = (request_key, content)
    return content


def _choose_settings(view: GalaxyView, request: AttributionRequest) -> FigureRequest:
    layout = st.selectbox("Layout", _layouts_for(view, request), format_func=_LAYOUTS.__getitem__, key="figure_layout")
    journals, columns, formats = st.columns(3, gap="small")
    journal = journals.selectbox(
        "Journal", JOURNALS, format_func=lambda name: JOURNALS[name].title, key="figure_journal"
    )
    wide = columns.selectbox("Columns", (2, 1), key="figure_columns")
    suffix = formats.selectbox("Format", _FORMATS, format_func=_FORMATS.__getitem__, key="figure_format")
    without = _choose_components(view) if layout == "repaint" else ()
    with_data = st.toggle("With caption, numbers and maps (ZIP)", key="figure_data")
    return FigureRequest(layout, journal, wide, suffix, with_data, without)


def _layouts_for(view: GalaxyView, request: AttributionRequest) -> list[str]:
    """The layouts that this method and this survey can have."""
    lacking = set() if METHODS[request.method].has_bands else {"rows-per-band"}
    return [name for name in _LAYOUTS if name not in lacking and (name != "repaint" or has_truth(view.survey))]


def _choose_components(view: GalaxyView) -> tuple[str, ...]:
    try:
        names = [name for name, _, _ in pictures_of_parts(view.survey, int(view.facts["galaxy_id"]))]
    except Gz2interpError as error:
        caption(str(error))
        return ()
    return tuple(st.multiselect("Leave out", names, format_func=name_in_words))


def show_attribution(
    view: GalaxyView, selection: Selection, picture: NDArray[np.uint8], aside: DeltaGenerator
) -> go.Figure | None:
    """Show the attribution over the image with its choices, and in `aside` the attribution to bands.

    Returns the figure of the maps of the bands, which is shown under the bands.
    """
    classes = list(view.probabilities) or list(view.model.class_names if view.model else ())
    if view.model is None or not classes:
        heading("Attribution")
        caption(_why_not(view.model))
        return None
    if not selection.method:
        _offer_first()
        return None
    predicted = "" if view.prediction is None else str(view.prediction["prediction"])
    written = "(" in selection.score  # a score, and not a class
    score = selection.score if written or selection.score in classes else predicted or classes[0]
    request = AttributionRequest(view.row, selection.method, score, bool(st.session_state.get("views")))
    heading("Attribution", _score_text(score))
    attribution = _compute(view, view.model, request)
    if attribution is None:
        _write_score(selection)
        return None
    panels = attribution_panels(picture, np.asarray(attribution.values)[0], view.survey.bands)
    method = METHODS[request.method]
    bar = with_bar(panels.over, view, request.score, attribution)
    draw(panels.over, "attribution")
    if bar:
        caption(bar)
    if method.signed:
        signed_scale(panels.limit)
    else:
        caption("No negative values: the sensitivity of the score, without its sign.")
    if method.caveat:
        st.warning(method.caveat)
    options = {"": f"predicted ({predicted})"} if predicted else {}
    others = {name: name for name in (*classes, *([score] if written else []))}
    _show_choices(selection, options | others)
    _write_score(selection)
    st.toggle("Average over rotated and mirrored views", key="views")
    _show_source(view, view.model, request, attribution)
    with aside:
        _show_bands(view, view.model, score)
    return panels.by_band


def _score_text(score: str) -> str:
    return score if "(" in score else f"logit({score})"


def _why_not(model: ModelFolder | None) -> str:
    if model is None:
        return "There is no network."
    if model.latents:
        return f"{model.name} are latents: there is no network to explain."
    return "The network has not been run over this survey."


def _show_bands(view: GalaxyView, model: ModelFolder, score: str) -> None:
    """The Shapley values of the bands."""
    heading("Attribution to bands", _score_text(score))
    try:
        bands = bands_of(view.survey, model, view.row, score)
    except Gz2interpError as error:
        caption(str(error))
        return
    draw(band_bars(bands.values[0], view.survey.bands), "band_attribution")
    caption(
        f"Shapley values of the score. Their sum {signed(bands.total[0])} is the difference from the sky baseline in "
        "all bands; a missing band is replaced by sky as at the image's edge."
    )


def _offer_first() -> None:
    """A button for the first map, which is not computed without it: TensorFlow takes seconds to load."""
    heading("Attribution")
    caption("The first map takes some seconds more, while TensorFlow is loaded.")
    first = next(iter(METHODS))
    show_button("Show attribution", "first_method", first, lambda method: change(method=method), "primary")


def _compute(view: GalaxyView, model: ModelFolder, request: AttributionRequest) -> Attribution | None:
    """The attribution; None, with the reason on the panel, where it cannot be computed."""
    waiting = (
        "Computing the attribution" if network_is_loaded(view.survey, model) else "Loading TensorFlow and the network"
    )
    try:
        with st.spinner(f"{waiting} …"):
            return attribution_of(view.survey, model, request)
    except Gz2interpError as error:
        caption(str(error))
        return None


def _show_choices(selection: Selection, classes: dict[str, str]) -> None:
    method, explained = st.columns(2, gap="small")
    with method:
        _choose("Method", "method", {name: item.title for name, item in METHODS.items()}, selection.method)
    with explained:
        _choose("Class", "score", classes, selection.score)


def _write_score(selection: Selection) -> None:
    """A field for any other score."""
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
    st.selectbox(label, options, key=key, format_func=lambda name: options.get(name, name))


def _show_source(view: GalaxyView, model: ModelFolder, request: AttributionRequest, attribution: Attribution) -> None:
    """The layer or image of the map, the trust in the method, and the export as a figure."""
    words = f"Layer {attribution.layer}" if attribution.layer else f"With respect to the {attribution.domain} image"
    caption(f"{words}. {stored_trust_line(view.survey, model, request.method)}")
    offer_figure(view, model, request)
