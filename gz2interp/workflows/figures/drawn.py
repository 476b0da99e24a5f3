"""The layouts, and the one way to a figure.

>>> list(LAYOUTS)
['galaxies', 'methods', 'right-wrong', 'repaint', 'neighbours', 'bands']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gz2interp.errors import InputError, choices
from gz2interp.painting import Alteration
from gz2interp.workflows.figures.bands import of_bands
from gz2interp.workflows.figures.drawing import Drawing
from gz2interp.workflows.figures.galaxies import of_galaxies
from gz2interp.workflows.figures.methods import of_methods
from gz2interp.workflows.figures.neighbours import of_neighbours
from gz2interp.workflows.figures.repaint_pair import of_repaint
from gz2interp.workflows.figures.right_wrong import of_right_wrong
from gz2interp.workflows.figures.wish import Wish
from gz2interp.workflows.opening import Subject

__all__ = ["LAYOUTS", "draw_figure"]

LAYOUTS: Final[dict[str, Callable[[Subject, Sequence[int | str], Wish], Drawing]]] = {
    "galaxies": of_galaxies,
    "methods": of_methods,
    "right-wrong": of_right_wrong,
    "repaint": of_repaint,
    "neighbours": of_neighbours,
    "bands": of_bands,
}


def draw_figure(subject: Subject, galaxy_ids: Sequence[int | str] = (), wish: Wish | None = None) -> Drawing:
    """A figure for a paper, its caption and its data.

    Parameters
    ----------
    subject : Subject
    galaxy_ids : sequence of int or str
        "right-wrong" and "bands" choose for themselves if none is named.
    wish : Wish, optional
        By default the galaxies through Grad-CAM, for two columns of MNRAS.

    Raises
    ------
    InputError
        The layout, a galaxy, a method, a class or an option is not known, or a page has no room.
    SurveyError
        A galaxy has no image, or the survey lacks what the layout needs; the error says what.
    """
    wish = wish or Wish()
    if wish.layout not in LAYOUTS:
        raise InputError(f"The layout {wish.layout!r} was given", f"One of {choices(LAYOUTS)}")
    if wish.by_band and wish.layout != "galaxies":
        raise InputError(f"A row per band was asked of the layout {wish.layout}", "The layout galaxies")
    if wish.alteration != Alteration() and wish.layout != "repaint":
        raise InputError(f"--without was given for the layout {wish.layout}", "Alterations are for the layout repaint")
    wish.manner.ground(subject.survey.bands)  # a band that is not there is told before any work
    return LAYOUTS[wish.layout](subject, galaxy_ids, wish)
