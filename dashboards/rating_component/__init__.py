"""The component for rating with keys, each of which is also a button with a description."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dashboards.components import component, ignore
from dashboards.selection import offer_events

__all__ = ["RatingKeyPress", "show_rating_bar"]

HTML: Final = '<div class="gz2-rating" role="toolbar" aria-label="Rate this galaxy"></div>'


@dataclass(frozen=True)
class RatingKeyPress:
    """A pressed key, and the galaxy that was displayed then.

    Attributes
    ----------
    key : str
        ``"0"`` to ``"5"``, ``"next"``, ``"previous"``, ``"following"`` or ``"undo"``.
    """

    key: str
    galaxy_id: str


def show_rating_bar(
    key: str, galaxy_id: str, rating: int | None, turn: int, on_press: Callable[[RatingKeyPress], None]
) -> None:
    """Show the bar; `on_press` is called after a key.

    Parameters
    ----------
    rating : int, optional
        The present rating of the galaxy.
    turn : int
        Must change with every rating: the browser accepts no further rating before it does.
    """
    serial = offer_events(key, "press", lambda event: on_press(RatingKeyPress(str(event["key"]), str(event["galaxy"]))))
    data = {"galaxy": galaxy_id, "rating": rating, "turn": turn, "serial": serial}
    component("rating", HTML)(key=key, data=data, on_press_change=ignore)
