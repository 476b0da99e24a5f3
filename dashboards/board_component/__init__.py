"""A component that shows a picture or chart of cells, to be selected with the mouse or the arrow keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from dashboards.components import component, ignore
from dashboards.selection import offer_events
from gz2interp.cells import CellGeometry

__all__ = ["BoardCell", "grid_cells", "show_board"]

HTML: Final = (
    '<div class="gz2-board-whole"><div class="gz2-board" role="group"></div><div class="gz2-board-words"></div></div>'
)


@dataclass(frozen=True)
class BoardCell:
    """One cell.

    Attributes
    ----------
    x, y, width, height : float
        Per cent of the board, from its upper left.
    words : str
        Description: shown under the board while the pointer or the focus is on the cell, and for screen readers.
    picture : str
        A data URI; "" for none.
    colour : str
        Of its frame; "" for a frame that is shown with the pointer or the focus only.
    """

    id: str
    x: float
    y: float
    width: float
    height: float
    words: str
    picture: str = ""
    colour: str = ""


def show_board(
    cells: Sequence[BoardCell],
    key: str,
    on_choice: Callable[[str], None],
    *,
    label: str,
    picture: str = "",
    selected: str = "",
) -> None:
    """Show the cells; `on_choice` is called with the id of a cell that the user selects.

    Parameters
    ----------
    label : str
        For screen readers.
    picture : str, optional
        A data URI of the background.
    selected : str, optional
        The id of the selected cell.
    """
    serial = offer_events(key, "choice", lambda event: on_choice(str(event["id"])))
    data = {"cells": [asdict(cell) for cell in cells], "picture": picture, "chosen": selected, "label": label}
    component("board", HTML)(key=key, data={**data, "serial": serial}, on_choice_change=ignore)


def grid_cells(cells: CellGeometry, words: Callable[[int, int], str]) -> list[BoardCell]:
    """The cells of a layer over an image whose last row is on top, each the pixels nearest to it; ids are ``"y,x"``."""
    rows, columns = (100 * (edges + 0.5) / side for edges, side in zip(cells.edges(), cells.image, strict=True))
    return [
        BoardCell(
            f"{y},{x}",
            float(columns[x]),
            float(100 - rows[y + 1]),
            float(columns[x + 1] - columns[x]),
            float(rows[y + 1] - rows[y]),
            words(y, x),
        )
        for y in reversed(range(cells.plane[0]))
        for x in range(cells.plane[1])
    ]
