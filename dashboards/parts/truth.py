"""The components of a painted galaxy, and the same galaxy repainted with alterations."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.attributions import network_is_loaded
from dashboards.loading.pictures import altered_pictures, has_truth, pictures_of_parts, redshift_of, repainted_galaxy
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.style import caption, draw, figure_html, heading
from gz2interp.errors import Gz2interpError
from gz2interp.figures.panels import before_after_bars, pictures_panel
from gz2interp.painting import Alteration
from gz2interp.schema import name_in_words
from gz2interp.stores.models import ModelFolder
from gz2interp.workflows.repaint import Repainted

__all__ = ["show_truth"]

REDDER = (0.9, 0.6, 0.25, 0.2)
"""In u-g, g-r, r-i, i-z for a slider at 1: about from a spiral to an elliptical."""


def show_truth(view: GalaxyView) -> None:
    """The components of a painted galaxy and its alterations; nothing for any other galaxy."""
    if not has_truth(view.survey):
        return
    galaxy_id = int(view.facts["galaxy_id"])
    try:
        parts = pictures_of_parts(view.survey, galaxy_id)
    except Gz2interpError as error:
        heading("Components")
        caption(str(error))
        return
    heading("Components", "light before noise, each on its own scale; shares of the galaxy's light in r")
    cards = "".join(
        figure_html(picture, f"light of {name}", name_in_words(name), _share(share)) for name, share, picture in parts
    )
    st.html(f'<div class="gz2-parts">{cards}</div>')
    # A toggle, since an expander would close when a choice in it redraws the page.
    if st.toggle("Repaint with alterations", key="paint_again"):
        _show_alteration(view, galaxy_id, [name for name, _, _ in parts])


def _show_alteration(view: GalaxyView, galaxy_id: int, names: list[str]) -> None:
    alteration = _choose(view, galaxy_id, names)
    if alteration == Alteration():
        caption("Leave a component out or move a slider: the same galaxy is repainted with the same noise.")
        return
    model = view.model if view.probabilities else None
    try:
        with st.spinner(_waiting(view, model)):
            repaint = repainted_galaxy(view.survey, galaxy_id, alteration, model)
    except Gz2interpError as error:
        caption(str(error))
        return
    _show_repaint(view, repaint)


def _choose(view: GalaxyView, galaxy_id: int, names: list[str]) -> Alteration:
    """The controls; their keys contain the galaxy, so that another galaxy starts without alterations."""
    key = f"alter-{view.survey.digest}-{galaxy_id}"
    without = st.multiselect("Leave out", names, key=f"{key}-without", format_func=name_in_words)
    left, middle, right = st.columns(3)
    turned = left.slider("Turn [degrees]", -180, 180, 0, 5, key=f"{key}-turned")
    dimmed = middle.slider("Dim [mag]", -2.0, 4.0, 0.0, 0.1, key=f"{key}-dimmed")
    blurred = right.slider("Seeing, factor", 0.6, 3.0, 1.0, 0.1, key=f"{key}-blurred")
    redder = left.slider("Redden (1: blue arms become red)", -1.0, 1.0, 0.0, 0.1, key=f"{key}-redder")
    here = redshift_of(view.survey, galaxy_id)
    farther = middle.slider("Redshift, factor", 0.5, 4.0, 1.0, 0.1, key=f"{key}-redshift", disabled=here <= 0)
    ug, gr, ri, iz = (round(redder * amount, 4) + 0.0 for amount in REDDER)
    return Alteration(
        without=tuple(without),
        turned=float(turned),
        dimmed=dimmed,
        redshift=round(here * farther, 5) if farther != 1 and here > 0 else None,
        blurred=blurred,
        recoloured=(ug, gr, ri, iz),
    )


def _waiting(view: GalaxyView, model: ModelFolder | None) -> str:
    if model is None or network_is_loaded(view.survey, model):
        return "Painting …"
    return "Painting, and loading TensorFlow and the network …"


def _show_repaint(view: GalaxyView, repaint: Repainted) -> None:
    titles = ["original", "altered", "difference in r"]
    draw(pictures_panel(altered_pictures(view.survey, repaint), titles), "altered")
    caption("Difference: red is added light, blue removed light; the noise is the same.")
    if repaint.predictions_before:
        heading("Prediction", "for the original and the altered galaxy")
        draw(before_after_bars(repaint.predictions_before, repaint.predictions_after), "altered-said")
    elif view.model is not None:
        caption("The network has not been run over this survey: run gz2interp analyse for predictions.")


def _share(share: float) -> str:
    """Of the galaxy's light; as a multiple for a brighter component, such as a star beside it."""
    return f"{share:.1%}" if share < 1.0005 else f"{share:.3g} times the galaxy"
