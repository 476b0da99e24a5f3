"""Panel letters, within the image area."""

from __future__ import annotations

from string import ascii_lowercase

from matplotlib.axes import Axes

from gz2interp.figures.paper import TEXT

__all__ = ["letter", "put_letter"]


def letter(place: int) -> str:
    """(a), (b), ..., (z), (aa), ...

    >>> letter(0), letter(25), letter(26), letter(53)
    ('(a)', '(z)', '(aa)', '(bbb)')
    """
    return f"({ascii_lowercase[place % 26] * (place // 26 + 1)})"


def put_letter(axis: Axes, place: int) -> None:
    """The letter of a panel in its upper left corner."""
    axis.text(
        0.035,
        0.965,
        letter(place),
        transform=axis.transAxes,
        ha="left",
        va="top",
        fontsize=TEXT,
        weight="bold",
        color="black",
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.8},
        zorder=9,
    )
