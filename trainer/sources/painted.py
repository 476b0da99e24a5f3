"""Cutouts painted from recipes."""

from __future__ import annotations

from collections.abc import Sequence

from gz2interp.errors import CutoutUnavailable
from gz2interp.painting import SOURCE, Recipe, paint
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS, CUTOUT_SIZE

__all__ = ["PaintedSource"]


class PaintedSource:
    """A source that paints the recipe of each row.

    Parameters
    ----------
    recipes : sequence of Recipe
        In the order of the catalogue.
    """

    name = SOURCE
    bands = BANDS
    shape = (CUTOUT_SIZE, CUTOUT_SIZE)

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self._recipes = recipes

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """The galaxy's cutout.

        Raises
        ------
        CutoutUnavailable
            There is no recipe for its row.
        """
        if not 0 <= galaxy.row < len(self._recipes):
            raise CutoutUnavailable("missing", f"there are {len(self._recipes)} recipes, none for row {galaxy.row}")
        return paint(self._recipes[galaxy.row]).cutout
