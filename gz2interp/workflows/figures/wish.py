"""What figure is wished for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gz2interp.figures.style import Manner
from gz2interp.painting import Alteration
from gz2interp.workflows.attribute import Question

__all__ = ["Wish"]


@dataclass(frozen=True)
class Wish:
    """A figure for a paper, but for its galaxies.

    Attributes
    ----------
    layout : str
        One of `gz2interp.workflows.figures.LAYOUTS`.
    question : Question
        Asked of the network; the layout "methods" puts each method in its place.
    manner : Manner
        How it is drawn.
    alteration : Alteration
        For repaint pairs.
    most : int or None
        Neighbours of each galaxy, or pairs of right and wrong; None for what fits well.
    by_band : bool
        Many galaxies through one method: a row per band instead of a row per galaxy.
    """

    layout: str = "galaxies"
    question: Question = field(default_factory=Question)
    manner: Manner = field(default_factory=Manner)
    alteration: Alteration = field(default_factory=Alteration)
    most: int | None = None
    by_band: bool = False

    def through(self, method: str) -> Question:
        """The same question through another method; a layer is for those that look at one."""
        return replace(self.question, method=method)
