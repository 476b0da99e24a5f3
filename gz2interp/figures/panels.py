"""The panels about one galaxy, as plotly figures that suit light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from gz2interp.figures.overlay import DIVERGING, diverging_rgb, over, summed_over_bands, symmetric_limit
from gz2interp.figures.rgb import data_uri
from gz2interp.schema import QUESTIONS, name_in_words, pixel_unit, vote_column

__all__ = [
    "AttributionPanels",
    "asinh_share",
    "attribution_panels",
    "band_bars",
    "bands_panel",
    "before_after_bars",
    "pictures_panel",
    "probability_bars",
    "rgb_panel",
    "signed",
    "vote_bars",
]

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

ACCENT: Final = "#0072B2"
QUIET: Final = "#8B949E"
CLEAR: Final = "rgba(0,0,0,0)"
BAND_HEIGHT: Final = 140
FIRST: Final = "t01_smooth_or_features"
FIRST_ANSWERS: Final = dict(
    zip(("smooth", "features or disc", "star or artefact"), QUESTIONS[FIRST].answers, strict=True)
)
LATER_ANSWERS: Final[dict[str | None, dict[str, tuple[str, str]]]] = {
    "smooth": {
        "round": ("t07_rounded", "a16_completely_round"),
        "in between": ("t07_rounded", "a17_in_between"),
        "cigar-shaped": ("t07_rounded", "a18_cigar_shaped"),
    },
    "features or disc": {
        "edge-on": ("t02_edgeon", "a04_yes"),
        "bar": ("t03_bar", "a06_bar"),
        "spiral": ("t04_spiral", "a08_spiral"),
    },
    None: {"odd": ("t06_odd", "a14_yes")},
}
ASKED: Final = 0.3
"""Below this share of votes for the answer that leads to a question, too few volunteers answered it."""


def rgb_panel(picture: Bytes, height: int = 300) -> go.Figure:
    """A colour image; uint8 (y, x, 3) in array order, drawn with its last row on top."""
    figure = _blank(1, height)
    _add_picture(figure, picture, column=1)
    return figure


def bands_panel(image: Floats, bands: Sequence[str], valid: Bools | None = None) -> go.Figure:
    """The bands side by side, each on its own asinh grey scale; the pointer reads fluxes.

    Parameters
    ----------
    image : float32 (y, x, band), nanomaggies
    bands : sequence of str
    valid : bool (y, x), optional
        Pixels that were not imaged are left blank.
    """
    figure, unit = _blank(len(bands), titles=bands), pixel_unit(bands)
    for place, band in enumerate(bands):
        flux = image[..., place].astype(np.float64)
        flux = flux if valid is None else np.where(valid, flux, np.nan)
        hover = f"{_as_text(band)} (%{{x}}, %{{y}})<br>%{{customdata:.3g}} {unit}<extra></extra>"
        trace = go.Heatmap(
            z=asinh_share(flux), customdata=flux, colorscale="Greys_r", showscale=False, hovertemplate=hover
        )
        trace.update(zmin=0, zmax=1, hoverongaps=False)
        figure.add_trace(trace, row=1, col=place + 1)
    return figure


@dataclass(frozen=True, eq=False)
class AttributionPanels:
    """One attribution on one signed scale.

    Attributes
    ----------
    over : plotly Figure
        The sum over bands, laid over the galaxy.
    by_band : plotly Figure, optional
        A map for each band; None for a method that does not tell bands apart.
    limit : float
        The scale runs from -limit to +limit in all of them: red increases the score, blue decreases it.
    """

    over: go.Figure
    by_band: go.Figure | None
    limit: float


def attribution_panels(
    picture: Bytes, values: Floats, bands: Sequence[str] = (), height: int = 300
) -> AttributionPanels:
    """Where a score comes from: over the image, and band by band.

    Parameters
    ----------
    picture : uint8 (y, x, 3)
        The galaxy in colour.
    values : float32 (y, x) or (y, x, band)
        Signed. The limit is the 99.5th percentile of all absolute values shown.
    bands : sequence of str
        Their names, for values with bands.
    height : int
        Of the map over the image [screen pixels].
    """
    total = summed_over_bands(values) if values.ndim == 3 else values
    maps = list(np.moveaxis(values, -1, 0)) if values.ndim == 3 else []
    limit = symmetric_limit(np.stack([total, *maps]))
    figure = _blank(1, height)
    _add_map(figure, total, limit, over(picture, total, limit), "all bands" if maps else "map")
    by_band = _blank(len(bands), titles=bands) if maps else None
    for column, (band, values_of_band) in enumerate(zip(bands, maps, strict=False), start=1):
        _add_map(by_band, values_of_band, limit, diverging_rgb(values_of_band, limit), band, column)
    return AttributionPanels(figure, by_band, limit)


def probability_bars(probabilities: Mapping[str, float], label: str | None = None) -> go.Figure:
    """Predicted probabilities: a bar for each class, the highest in blue, the catalogue's label marked with a dot.

    Parameters
    ----------
    probabilities : mapping
        Class name -> probability, in the network's order.
    label : str, optional
        The catalogue's.
    """
    names, values = list(probabilities), np.array(list(probabilities.values()), dtype=float)
    best = int(np.argmax(values)) if len(values) else -1
    colours = [ACCENT if place == best else QUIET for place in range(len(names))]
    ticks = [name_in_words(name) + (" \N{BULLET}" if name == label else "") for name in names]
    return _bars(ticks, values, colours, [f"{value:.1%}" for value in values])


def band_bars(values: Floats, bands: Sequence[str]) -> go.Figure:
    """Contribution of each band to a score: increases to the right, decreases to the left.

    Parameters
    ----------
    values : float (band,)
    bands : sequence of str
        In the survey's order, the first on top.
    """
    words = [signed(value) for value in values]
    colours = [DIVERGING[0] if value < 0 else DIVERGING[-1] for value in values]
    bars = go.Bar(y=list(bands), x=np.asarray(values, float), orientation="h", text=words, textposition="outside")
    figure = go.Figure(
        bars.update(marker_color=colours, cliponaxis=False, hovertemplate="%{y} %{x:+.3f}<extra></extra>")
    )
    figure.update_layout(**_quiet(30 + 24 * len(bands)))
    reach = 1.35 * max(float(np.abs(values).max(initial=0)), 1e-6)
    figure.update_xaxes(range=[-reach, reach], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticks="", showgrid=False)
    figure.add_vline(x=0, line={"color": QUIET, "width": 1})
    return figure


def signed(value: float) -> str:
    """With its sign, the minus as wide as the plus."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def before_after_bars(before: Mapping[str, float], after: Mapping[str, float]) -> go.Figure:
    """Two answers of a network: a grey bar for each class as it was, a blue one as it became.

    Parameters
    ----------
    before, after : mapping
        Class name -> probability, in the network's order.
    """
    figure = go.Figure()
    for name, fractions_by_class, colour in (("as it is", before, QUIET), ("altered", after, ACCENT)):
        values = list(fractions_by_class.values())
        words = [f"{value:.1%}" for value in values]
        classes = list(map(name_in_words, fractions_by_class))
        bars = go.Bar(y=classes, x=values, orientation="h", name=name, text=words, textposition="outside")
        figure.add_trace(
            bars.update(marker_color=colour, cliponaxis=False, hovertemplate="%{y} %{x:.1%}<extra></extra>")
        )
    figure.update_layout(**_quiet(36 + 34 * len(before)))
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.08, "x": 0})
    figure.update_layout(bargap=0.25, bargroupgap=0.05)
    figure.update_xaxes(range=[0, 1.25], visible=False, fixedrange=True)
    return figure.update_yaxes(autorange="reversed", fixedrange=True)


def pictures_panel(pictures: Sequence[Bytes], titles: Sequence[str], height: int = 190) -> go.Figure:
    """Pictures of one galaxy side by side; uint8 (y, x, 3) in array order, drawn with the last row on top."""
    figure = _blank(len(pictures), height, titles)
    for column, picture in enumerate(pictures, start=1):
        _add_picture(figure, picture, column)
    return figure


def vote_bars(fractions: Mapping[str, float]) -> go.Figure:
    """What people said: a bar for each answer of the questions that this galaxy led them to.

    Parameters
    ----------
    fractions : mapping
        Vote column of GZ2 -> fraction, as in the catalogue's row; debiased fractions are preferred, columns that are
        absent or unknown are left out. How round a galaxy is, or whether it has a bar, is shown where at least
        `ASKED` of the volunteers were asked.
    """
    first = {words: _fraction(fractions, FIRST, answer) for words, answer in FIRST_ANSWERS.items()}
    fractions_by_class = dict(first)
    for leading, answers in LATER_ANSWERS.items():
        if leading is None or first[leading] >= ASKED:
            fractions_by_class |= {words: _fraction(fractions, *answer) for words, answer in answers.items()}
    fractions_by_class = {words: value for words, value in fractions_by_class.items() if np.isfinite(value)}
    values = np.array(list(fractions_by_class.values()))
    colours = [ACCENT if value >= 0.5 else QUIET for value in values]
    return _bars(list(fractions_by_class), values, colours, [f"{value:.0%}" for value in values])


def _fraction(fractions: Mapping[str, float], question: str, answer: str) -> float:
    for kind in ("debiased", "weighted_fraction", "fraction"):
        value = fractions.get(vote_column(question, answer, kind))
        if value is not None and np.isfinite(float(value)):
            return float(value)
    return float("nan")


def _bars(names: Sequence[str], values: Floats, colours: Sequence[str], words: Sequence[str]) -> go.Figure:
    figure = go.Figure(layout=_quiet(max(26 * len(names), 40)))
    bar = go.Bar(
        x=values, y=list(names), orientation="h", marker={"color": list(colours)}, text=list(words), cliponaxis=False
    )
    bar.update(textposition="outside", hoverinfo="skip", width=0.62)
    figure.add_trace(bar)
    figure.update_xaxes(range=[0, 1.3], visible=False, fixedrange=True)
    figure.update_yaxes(
        autorange="reversed", ticks="", showline=False, showgrid=False, automargin=True, fixedrange=True
    )
    figure.update_yaxes(ticklabelstandoff=6)
    return figure


def asinh_share(flux: Floats) -> Floats:
    """A band's fluxes in 0..1: asinh above its own sky, so that the faint outskirts show beside the nucleus."""
    finite = flux[np.isfinite(flux)]
    if finite.size == 0:
        return np.zeros_like(flux)
    low, sky, high = np.quantile(finite, [0.02, 0.5, 0.998])
    softening = max(float(sky - low), 1e-9)
    scaled = np.arcsinh((flux - low) / softening)
    top = np.arcsinh((high - low) / softening)
    return np.asarray(np.clip(scaled / max(float(top), 1e-9), 0, 1))


def _add_picture(figure: go.Figure, picture: Bytes, column: int) -> None:
    height, width = picture.shape[:2]
    place = {"x": -0.5, "y": height - 0.5, "sizex": width, "sizey": height, "sizing": "stretch", "layer": "below"}
    figure.add_layout_image(source=data_uri(picture[::-1]), row=1, col=column, **place)
    figure.add_trace(
        go.Scatter(x=[0, width - 1], y=[0, height - 1], mode="markers", opacity=0, hoverinfo="skip"), 1, column
    )
    figure.update_xaxes(range=[-0.5, width - 0.5], row=1, col=column)
    figure.update_yaxes(range=[-0.5, height - 0.5], row=1, col=column)


def _add_map(figure: go.Figure, values: Floats, limit: float, ground: Bytes, label: str, column: int = 1) -> None:
    """The colours come as a picture; an invisible heatmap above it lets the pointer read the values."""
    _add_picture(figure, ground, column)
    hover = f"{_as_text(label)} (%{{x}}, %{{y}})<br>%{{z:.3g}}<extra></extra>"
    scale = [[0, CLEAR], [1, CLEAR]]
    figure.add_trace(
        go.Heatmap(z=values, colorscale=scale, showscale=False, hovertemplate=hover, zmin=-limit, zmax=limit), 1, column
    )


def _as_text(name: str) -> str:
    """The name of a band within a template of plotly, which would read tags and values in it."""
    return escape(name, quote=False).replace("%", "&#37;")


def _blank(columns: int, height: int = BAND_HEIGHT, titles: Sequence[str] = ()) -> go.Figure:
    """Square places for images side by side, without axes."""
    figure = make_subplots(1, columns, horizontal_spacing=0.012, subplot_titles=list(titles) or None)
    figure.update_layout(**_quiet(height))
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left", fixedrange=True)
    for column in range(1, columns + 1):
        anchor = f"x{column}" if column > 1 else "x"
        figure.update_yaxes(visible=False, scaleanchor=anchor, constrain="domain", fixedrange=True, col=column)
    figure.update_yaxes(constraintoward="top")
    for axis, title in zip(figure.select_xaxes(), figure.layout.annotations, strict=False):  # above images on the left
        title.update(x=axis.domain[0], xanchor="left", font={"size": 12}, yshift=-3)
    return figure.update_layout(margin_t=18 if titles else 0)


def _quiet(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "showlegend": False,
        "dragmode": False,
        "font": {"size": 12},
        "template": None,
    }
