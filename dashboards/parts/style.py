"""What Streamlit's theme cannot say: tighter spacing, and the few classes of our own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go
import streamlit as st

from gz2interp.figures.overlay import DIVERGING

__all__ = ["caption", "draw", "heading", "plain", "show_table", "signed_scale"]

MARKS: Final = frozenset("\\`*_{}[]()<>#+-.!|~$:&^=@/\"'")
"""What may begin something in Markdown."""

JOINED: Final = re.compile(r"[:@<]|-(?=[->])|www(?=\.)", re.IGNORECASE)
"""What Streamlit replaces in plain text too: addresses, names of icons, arrows, dashes."""

QUIET: Final = {"displayModeBar": False}


def plain(text: str) -> str:
    """Text that Streamlit would read as Markdown, so that it is shown as it is.

    For every label, sentence or help text with words that are not ours: names of surveys, models, classes and files,
    parts of an address, tags, notes, and the messages of errors.
    """
    # Marks as character references, in which no Markdown, HTML, LaTeX or directive is seen; and a word joiner, which
    # is invisible, within what is replaced in plain text.
    joined = JOINED.sub(lambda found: found[0] + "\N{WORD JOINER}", text.replace("\n", " "))
    return "".join(f"&#{ord(mark)};" if mark in MARKS else mark for mark in joined)


def heading(text: str, note: str = "") -> None:
    """A panel's heading, with a quiet remark beside it. The texts are ours or escaped."""
    st.html(f'<div class="gz2-heading" role="heading" aria-level="2">{text}<small>{note}</small></div>')


def caption(text: str) -> None:
    """A quiet line. The text is ours or escaped."""
    st.html(f'<div class="gz2-caption">{text}</div>')


def draw(figure: go.Figure, key: str) -> None:
    """A figure of a panel, without plotly's own buttons."""
    st.plotly_chart(figure, key=f"panel-{key}", config=QUIET, width="stretch")


def signed_scale(limit: float, against: str, speaks_for: str) -> None:
    """The legend of a signed map, once for all panels that share it."""
    stops = ", ".join(DIVERGING)
    left, right = f"{against} \N{MINUS SIGN}{limit:.2g}", f"+{limit:.2g} {speaks_for}"
    bar = f'<i style="background: linear-gradient(90deg, {stops})"></i>'
    st.html(f'<div class="gz2-scale"><span>{left}</span>{bar}<span>{right}</span></div>')


def show_table(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns with an asterisk hold numbers. The cells are ours or escaped."""
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
