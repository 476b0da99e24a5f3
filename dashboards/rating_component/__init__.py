"""The bar of keys with which a person rates: each is a button too, and says what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st

from dashboards.selection import offer_events

__all__ = ["RatingKeyPress", "show_rating_bar"]


@dataclass(frozen=True)
class RatingKeyPress:
    """A key, and the galaxy that was on show when it was pressed.

    Attributes
    ----------
    key : str
        ``"0"`` to ``"5"``, ``"next"``, ``"previous"``, ``"following"`` or ``"undo"``.
    galaxy_id : str
    """

    key: str
    galaxy_id: str


def show_rating_bar(
    key: str, galaxy_id: str, rating: int | None, turn: int, on_press: Callable[[RatingKeyPress], None]
) -> None:
    """Show the bar; `on_press` is called after a key.

    Parameters
    ----------
    key : str
    galaxy_id : str
        Of the galaxy on show.
    rating : int, optional
        That it has.
    turn : int
        Another number each time that something was rated: until it comes, no second rating is taken.
    on_press : callable
    """
    serial = offer_events(key, "press", lambda event: on_press(RatingKeyPress(str(event["key"]), str(event["galaxy"]))))
    data = {"galaxy": galaxy_id, "rating": rating, "turn": turn, "serial": serial}
    _bar()(key=key, data=data, on_press_change=_nothing)


def _nothing() -> None:
    """Streamlit wants a callback for each state it keeps."""


@cache
def _bar() -> Callable[..., Any]:
    folder = files("dashboards.rating_component")
    css, js = (folder.joinpath(f"rating.{suffix}").read_text("utf-8") for suffix in ("css", "js"))
    events = files("dashboards").joinpath("events.js").read_text("utf-8")
    html = '<div class="gz2-rating" role="toolbar" aria-label="Rate this galaxy"></div>'
    return st.components.v2.component("gz2interp.rating", html=html, css=css, js=events + js, isolate_styles=False)
