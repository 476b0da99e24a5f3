"""Headings, captions, figures and tables in the dashboard's own style."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from gz2interp.figures.overlay import DIVERGING

__all__ = ["Html", "as_text", "caption", "draw", "figure_html", "heading", "plain", "show_table", "signed_scale"]

MARKS: Final = frozenset("\\`*_{}[]()<>#+-.!|~$:&^=@/\"'")
"""Characters with a meaning in Markdown."""

JOINED: Final = re.compile(r"[:@<]|-(?=[->])|www(?=\.)", re.IGNORECASE)
"""What Streamlit also replaces in plain text: addresses, names of icons, arrows, dashes."""

QUIET: Final = {"displayModeBar": False}


def plain(text: str) -> str:
    """Escape text that Streamlit would read as Markdown.

    For every label, sentence or help text with words from outside: names of surveys, models, classes and files, parts
    of an address, tags, notes, and the messages of errors.
    """
    # Marks become character references, which are not parsed as Markdown, HTML, LaTeX or directives; an invisible word
    # joiner goes into what would be replaced in plain text.
    joined = JOINED.sub(lambda match: match[0] + "\N{WORD JOINER}", text.replace("\n", " "))
    return "".join(f"&#{ord(mark)};" if mark in MARKS else mark for mark in joined)


class Html(str):
    """Markup in which all outside text is already escaped; any other string is escaped when shown."""


def heading(text: str, note: str = "") -> None:
    """A panel's heading, with a remark in grey beside it; text, or `Html`."""
    words = f"{_as_html(text)}<small>{_as_html(note)}</small>"
    st.html(f'<div class="gz2-heading" role="heading" aria-level="2">{words}</div>')


def caption(text: str) -> None:
    """A line in grey; text, or `Html`."""
    st.html(f'<div class="gz2-caption">{_as_html(text)}</div>')


def _as_html(text: str) -> str:
    return text if isinstance(text, Html) else escape(text, quote=False)


def draw(figure: go.Figure, key: str) -> None:
    """A figure of a panel, without plotly's own buttons."""
    st.plotly_chart(as_text(figure), key=f"panel-{key}", config=QUIET, width="stretch")


def as_text(figure: go.Figure) -> go.Figure:
    """Escape the texts of a figure: plotly would interpret tags and links in names of classes."""
    for trace in figure.data:
        for name in ("x", "y", "text", "hovertext", "customdata", "name"):
            values = getattr(trace, name, None)
            if isinstance(values, str):
                trace[name] = escape(values, quote=False)
            elif values is not None and np.asarray(values).dtype.kind in "OU":
                trace[name] = _escape_all(np.asarray(values, dtype=object))
    axes = [*figure.select_xaxes(), *figure.select_yaxes()]
    bars = [trace.marker.colorbar for trace in figure.select_traces({"type": "scatter"}) if trace.marker.showscale]
    for item in [*figure.layout.annotations, *(part.title for part in (*axes, *bars))]:
        if item.text:
            item.text = escape(item.text, quote=False)
    return figure


def _escape_all(values: NDArray[np.object_]) -> NDArray[np.object_]:
    texts = [escape(value, quote=False) if isinstance(value, str) else value for value in values.ravel()]
    result = np.empty(len(texts), dtype=object)
    result[:] = texts
    return result.reshape(values.shape)


def signed_scale(limit: float) -> None:
    """The legend of a signed map, once for all panels that share it."""
    stops = ", ".join(DIVERGING)
    left, right = f"decreases \N{MINUS SIGN}{limit:.2g}", f"+{limit:.2g} increases"
    bar = f'<i style="background: linear-gradient(90deg, {stops})"></i>'
    st.html(f'<div class="gz2-scale"><span>{left}</span>{bar}<span>{right}</span></div>')


def figure_html(picture: str, alt: str, name: str, note: str = "", border: str = "") -> str:
    """A picture with its name and a note as HTML, optionally with a border of a colour; the texts are escaped here."""
    style = f' style="border: 2px solid {border}"' if border else ""
    small = f"<small>{escape(note)}</small>" if note else ""
    image = f'<img{style} src="{picture}" alt="{escape(alt)}">'
    return f'<figure class="gz2-part">{image}<figcaption>{escape(name)}{small}</figcaption></figure>'


def show_table(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; columns with an asterisk hold numbers. The cells must be escaped."""
    marks = [' class="gz2-number"' if column.startswith("*") else "" for column in columns]
    titles = [column.lstrip("*") for column in columns]
    head = "".join(f'<th scope="col"{mark}>{title}</th>' for title, mark in zip(titles, marks, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row, marks, strict=True)) + "</tr>"
        for row in rows
    )
    st.html(
        f'<div class="gz2-scroll" role="region" tabindex="0" aria-label="{name}"><table class="gz2-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
