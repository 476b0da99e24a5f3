"""A component for grids of thumbnails, and for buttons that change the selection; a click sends the id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from dashboards.components import component, ignore
from dashboards.selection import offer_events

__all__ = ["GalleryItem", "show_button", "show_gallery"]

HTML: Final = '<div class="gz2-gallery"></div>'


@dataclass(frozen=True)
class GalleryItem:
    """A galaxy of a gallery, or a channel.

    Attributes
    ----------
    id : str
        A string: a browser's numbers end at 2**53.
    picture : str
        A data URI.
    title, note : str
        Two short lines.
    alt : str
        Description of the picture; "" for the galaxy of that id.
    """

    id: str
    picture: str
    title: str
    note: str
    alt: str = ""


def show_gallery(
    cards: Sequence[GalleryItem], key: str, on_pick: Callable[[str], None], selected: str = "", width: int = 104
) -> None:
    """Show the cards; `on_pick` is called with the id of a clicked card."""
    serial = offer_events(key, "pick", lambda event: on_pick(str(event["id"])))
    data = {"items": [asdict(card) for card in cards], "selected": selected, "width": width, "serial": serial}
    component("gallery", HTML)(key=key, data=data, on_pick_change=ignore)


def show_button(label: str, key: str, value: str, on_press: Callable[[str], None], kind: str = "secondary") -> None:
    """Show a button that changes the selection; after a press `on_press` is called with its value.

    Unlike a press of `st.button`, the press and the value that the button had then are sent along with every run of the
    page until they have been applied, and the second press of a double click does nothing.

    Parameters
    ----------
    label : str
        Shown as text.
    kind : str
        ``"primary"``, ``"secondary"`` or ``"tertiary"``, as of `st.button`.
    """
    serial = offer_events(key, "pick", lambda event: on_press(str(event["id"])))
    data = {"button": {"id": value, "label": label, "kind": kind}, "serial": serial}
    component("gallery", HTML)(key=key, data=data, on_pick_change=ignore)
