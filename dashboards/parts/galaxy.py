"""One galaxy: its identity, its bands, the attribution, the prediction and the volunteer votes."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.loading.pictures import stretch_for
from dashboards.parts.attribution import show_attribution
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.states import show_error, show_missing
from dashboards.parts.style import caption, draw, heading
from dashboards.parts.truth import show_truth
from dashboards.selection import Selection
from gz2interp.errors import Gz2interpError
from gz2interp.figures.panels import bands_panel, probability_bars, rgb_panel, vote_bars
from gz2interp.figures.rgb import rgb, rgb_bands
from gz2interp.results import Cutout
from gz2interp.schema import DEC, DISPLAY_NOTE, DISPLAY_UNIT, PETRO_RADIUS, RA, name_in_words
from gz2interp.stores.survey import Survey

__all__ = ["show_galaxy"]


def show_galaxy(view: GalaxyView, selection: Selection) -> None:
    """All panels of a galaxy, or why it has no image."""
    _show_identity(view)
    reason = _no_image(view)
    if reason:
        show_missing("No image of this galaxy", reason)
    else:
        try:
            _show_images(view, selection)
        except Gz2interpError as error:
            show_error(error, "The image of this galaxy cannot be shown")
    _show_predictions_and_votes(view)
    if not reason:
        show_truth(view)
    with st.expander("Catalogue"):
        _show_catalogue(view.facts)


def _show_identity(view: GalaxyView) -> None:
    prediction = view.prediction
    parts = [f"label <b>{escape(name_in_words(view.label))}</b>" if view.label else "no label"]
    if prediction is not None:
        name = escape(name_in_words(str(prediction["prediction"])))
        parts.append(f"network <b>{name}</b> {float(prediction['confidence']):.1%}")
        if view.label:
            verdict = "agree" if view.label == prediction["prediction"] else "disagree"
            parts.append(f'<span class="gz2-chip gz2-{verdict}">{verdict}</span>')
        side = "not in the training" if prediction["split"] == "none" else f"{prediction['split']} side"
        parts.append(f'<span style="opacity: 0.65">{escape(side)}</span>')
    spans = "".join(f"<span>{part}</span>" for part in parts)
    numbers = "".join(f"<span><span>{name}</span>{text}</span>" for name, text in _numbers(view.facts))
    st.html(
        f'<div class="gz2-id" data-testid="galaxy-id">{int(view.facts["galaxy_id"])}</div>'
        f'<div class="gz2-verdict">{spans}</div><div class="gz2-facts">{numbers}</div>'
    )


def _numbers(facts: pd.Series[Any]) -> list[tuple[str, str]]:
    formats = (
        (RA, "RA", "{:.5f}°"),
        (DEC, "Dec", "{:+.5f}°"),
        ("r", "r", "{:.2f} mag"),
        (PETRO_RADIUS, "radius", "{:.1f}″"),
        ("redshift", "z", "{:.4f}"),
    )
    values = ((name, form, facts.get(column)) for column, name, form in formats)
    return [
        (name, form.format(float(value)))
        for name, form, value in values
        if value is not None and np.isfinite(float(value))
    ]


def _no_image(view: GalaxyView) -> str:
    if view.row >= view.survey.rows_committed:
        return "It has not been downloaded yet."
    record = view.survey.status.loc[view.row]
    if record["status"] == "ok":
        return ""
    status = str(record["status"]).replace("_", " ").capitalize()
    return f"{status}: {record['reason']} (source {record['source'] or 'unknown'}, tries {record['tries']})."


def _show_images(view: GalaxyView, selection: Selection) -> None:
    cutout = view.survey.cutout(view.row)
    picture = rgb(cutout.image, view.survey.bands, stretch_for(view.survey))
    colour, attribution = st.columns(2, gap="small")
    with colour:
        heading("In colour", f"{cutout.field:.0f}″ across" if np.isfinite(cutout.field) else "")
        draw(rgb_panel(picture), "rgb")
        below = st.container()
    with attribution:
        by_band = show_attribution(view, selection, picture, below)
    heading("Bands", "asinh, each on its own scale")
    draw(bands_panel(cutout.image, view.survey.bands, cutout.valid), "bands")
    if by_band is not None:
        heading("Attribution by band", "all on the scale above")
        draw(by_band, "attribution-bands")
    caption(f"Colour: {_bands_shown(view.survey)}, {stretch_for(view.survey)}. {_pixels(cutout)}")
    for note in (DISPLAY_NOTE if view.survey.unit == DISPLAY_UNIT else "", cutout.note and f"Pixels: {cutout.note}."):
        if note:
            caption(note)


def _show_predictions_and_votes(view: GalaxyView) -> None:
    network, people = st.columns(2, gap="medium")
    with network:
        heading("Prediction")
        if view.probabilities:
            draw(probability_bars(view.probabilities, view.label), "probabilities")
            if view.label:
                caption("\N{BULLET} the label")
        else:
            caption(_why_no_prediction(view))
    with people:
        heading("Volunteer votes", "fractions")
        votes = vote_bars({str(column): value for column, value in view.facts.items() if str(column).startswith("t")})
        if len(votes.data[0].x):
            draw(votes, "votes")
        else:
            caption("The catalogue has no votes.")


def _why_no_prediction(view: GalaxyView) -> str:
    if view.model is not None and view.model.latents:
        return f"{view.model.name} are latents: there is no network."
    return "There is no prediction for this galaxy: run gz2interp analyse."


def _show_catalogue(facts: pd.Series[Any]) -> None:
    words = [
        str(int(value)) if name == "galaxy_id" else f"{value:.6g}" if isinstance(value, float) else str(value)
        for name, value in facts.items()
    ]
    st.dataframe(pd.DataFrame({"column": facts.index.astype(str), "value": words}), hide_index=True, height=260)


def _bands_shown(survey: Survey) -> str:
    return " ".join(survey.bands[place] for place in rgb_bands(survey.bands)) + " as red, green, blue"


def _pixels(cutout: Cutout) -> str:
    height, width = cutout.valid.shape
    missing = 1 - float(cutout.valid.mean())
    gaps = f", {missing:.1%} of them not imaged" if missing else ""
    scale = f" of {cutout.pixel_scale:.3g}″" if np.isfinite(cutout.pixel_scale) else ""
    return f"{width} by {height} pixels{scale}{gaps}, from {cutout.source}."
