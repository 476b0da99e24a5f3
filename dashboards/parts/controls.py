"""The row of choices at the top: survey, model, layer, colour, and the field that finds a galaxy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards.finding import WITHIN, Position, nearest_on_sky, read_query
from dashboards.gallery_component import show_button
from dashboards.loading.surveys import layers_of, layers_with, model_of
from dashboards.parts.style import Html, caption
from dashboards.selection import Selection, add_message, change, current, offer_choice
from gz2interp.errors import Gz2interpError
from gz2interp.schema import DEC, GALAXY_ID, RA
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.survey import Survey

__all__ = [
    "OPENING",
    "ControlOptions",
    "offer_layers",
    "show_brand",
    "show_choices",
    "show_layer",
    "show_layer_choices",
    "show_network_choices",
]

OPENING = "opening"
"""Session key of the message that is shown before a page is drawn."""

FAILED = "find_failed"
"""Session key of a search without result, with the galaxy that was selected then."""


@dataclass(frozen=True)
class ControlOptions:
    """The options of the choices."""

    surveys: Sequence[str]
    models: Sequence[str]
    layers: Sequence[str]
    columns: Sequence[str]


def show_brand() -> None:
    """The name of the program; it replaces the message of a first visit."""
    opening = st.session_state.pop(OPENING, None)
    if opening is not None:
        opening.empty()
    st.html('<div class="gz2-brand">gz2<span>interp</span></div>')


def show_choices(choices: ControlOptions, selection: Selection, survey: Survey) -> None:
    """The whole row; each change is a change of the selection."""
    widths = [0.8, 1.1, 1.1, 1.0, 1.1, 1.9]
    row = st.container(key="controls")
    brand, surveys, models, layers, colours, find = row.columns(widths, vertical_alignment="bottom", gap="small")
    with brand:
        show_brand()
    with surveys:
        _choose("Survey", "survey", _with(choices.surveys, selection.survey), selection.survey, new=True)
    with models:
        _choose("Model", "model", choices.models, selection.model)
    with layers:
        _choose("Layer", "layer", choices.layers, selection.layer)
    with colours:
        _choose("Colour by", "colour", choices.columns, selection.colour)
    with find:
        help_text = (
            f"An id, 150.1 2.2 in degrees, or 10:00:24 +02:12:00. The nearest galaxy within {WITHIN:.0f}″ is taken."
        )
        _offer_to_find("Find", survey, help_text)
    if survey.address:
        folder = escape(str(survey.path))
        caption(Html(f"Read from <code>{escape(survey.address)}</code>; results are stored in {folder}"))


def show_network_choices(surveys: Sequence[str], models: Sequence[str], selection: Selection) -> None:
    """Survey and model only, for the page of a network."""
    row = st.container(key="network_controls")
    brand, left, right, _ = row.columns([0.8, 1.3, 1.3, 3.6], vertical_alignment="bottom", gap="small")
    with brand:
        show_brand()
    with left:
        _choose("Survey", "survey", _with(surveys, selection.survey), selection.survey, new=True)
    with right:
        _choose("Model", "model", models, selection.model)


def show_layer(survey: Survey, analysis: Analysis, what: str, has: Callable[[Analysis], bool]) -> None:
    """The choice of a layer, and buttons to all analyses that have certain results.

    Parameters
    ----------
    analysis : Analysis
        The displayed one.
    what : str
        The results in words, such as ``"clusters"``.
    has : callable
        Whether an analysis has them.
    """
    layers, model = layers_with(survey, has), current().model
    left, right = st.container(key="layer-row").columns([1, 3], vertical_alignment="bottom", gap="small")
    with left:
        _choose("Layer", "layer", layers_of(survey, model_of(survey, model)), analysis.layer)
    with right:
        words = f"{analysis.words} of the network {model}"
        caption(f"{what.capitalize()} of {words}" if has(analysis) else f"No {what} yet of {words}")
        offer_layers([pair for pair in layers if pair != (model, analysis.layer)], what)


def offer_layers(pairs: Sequence[tuple[str, str]], what: str) -> None:
    """Buttons that switch to other layers and networks with the same results."""
    if not pairs:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        caption(f"There are {what} of")
        for model, layer in pairs:
            value = json.dumps({"model": model, "layer": layer})
            key = f"layer-of-{model}-{layer}"
            show_button(f"{layer} · {model}", key, value, lambda text: change(**json.loads(text)), "tertiary")


def show_layer_choices(
    left: DeltaGenerator, right: DeltaGenerator, layers: Sequence[str], layer: str, survey: Survey
) -> None:
    """Layer and galaxy, for a page about a layer."""
    with left:
        _choose("Layer", "layer", layers, layer)
    with right:
        label = f"Galaxy {current().galaxy_id} · find another"
        _offer_to_find(label, survey)


def _choose(label: str, part: str, options: Sequence[str], value: str, new: bool = False) -> None:
    key = f"choose_{part}"
    offer_choice(key, value if value in options else None, lambda option: change(**{part: str(option).strip()}))
    none = {"model": "no model", "layer": "no analysis"}.get(part, "nothing")
    st.selectbox(label, options, key=key, accept_new_options=new, disabled=not options, placeholder=none)


def _with(options: Sequence[str], value: str) -> list[str]:
    return [*options, *([value] if value and value not in options else [])]


def _offer_to_find(label: str, survey: Survey, help_text: str | None = None) -> None:
    """A search field; it is emptied after a success, and keeps a failed query until another galaxy is selected."""
    failed, galaxy_id = st.session_state.get(FAILED, ("", ""))
    offer_choice("find", failed if galaxy_id == current().galaxy_id else "", lambda text: _find(survey, str(text)))
    st.text_input(label, key="find", placeholder="id, or RA Dec", help=help_text)


def _find(survey: Survey, text: str) -> None:
    st.session_state[FAILED] = ("", "")
    if not text.strip():
        return
    try:
        query = read_query(text.strip())
        row = survey.row_of(query) if isinstance(query, str) else _row_at(query, survey)
    except Gz2interpError as error:
        add_message(str(error))
        st.session_state[FAILED] = (text, current().galaxy_id)
        return
    change(galaxy_id=str(survey.catalog[GALAXY_ID].iloc[row]))


def _row_at(position: Position, survey: Survey) -> int:
    row, distance = nearest_on_sky(position, survey.catalog[RA].to_numpy(float), survey.catalog[DEC].to_numpy(float))
    galaxy_id = survey.catalog[GALAXY_ID].iloc[row]
    if distance > WITHIN:
        raise Gz2interpError(
            f"No galaxy lies within {WITHIN:.0f}″ of RA {position.ra:.5f}, Dec {position.dec:+.5f}",
            f"The nearest is {galaxy_id}, {_far(distance)} away",
        )
    add_message(f"Galaxy {galaxy_id} lies {distance:.1f}″ from RA {position.ra:.5f}, Dec {position.dec:+.5f}.")
    return row


def _far(arcsec: float) -> str:
    if arcsec < 120:
        return f"{arcsec:.0f}″"
    return f"{arcsec / 60:.0f} arcmin" if arcsec < 7200 else f"{arcsec / 3600:.1f}°"
