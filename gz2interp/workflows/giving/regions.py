"""A region file of DS9: a circle about each galaxy, as large as the galaxy, with its id as text."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.schema import DEC, GALAXY_ID, PETRO_RADIUS, RA
from gz2interp.stores.files import replaced
from gz2interp.workflows.giving.subset import Subset

__all__ = ["write_regions"]

HEADER: Final = (
    "# Region file format: DS9 version 4.1\n"
    'global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1 highlite=1 dash=0 fixed=0 '
    "edit=1 move=1 delete=1 include=1 source=1\n"
    "fk5\n"
)


def write_regions(subset: Subset, path: Path) -> str:
    """Write the file, whole or not at all; returns what is in it, in words.

    The radius is the Petrosian one, else half the cutout's width; a galaxy of which neither is known is a cross. One
    without a position is named in a comment.
    """
    table = subset.known((RA, DEC, PETRO_RADIUS))
    places = zip(
        table[GALAXY_ID].tolist(), table[RA].tolist(), table[DEC].tolist(), _radii(table).tolist(), strict=True
    )
    lines = [_region(*place) for place in places]
    with replaced(path) as aside:
        aside.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="ascii")
    lost = sum(line.startswith("#") for line in lines)
    return f"{len(lines) - lost} regions" + (f"; {lost} galaxies have no position, comments name them" if lost else "")


def _radii(table: pd.DataFrame) -> NDArray[np.float64]:
    halves = table["field"].to_numpy(np.float64) / 2
    if PETRO_RADIUS not in table:
        return halves
    petrosian = table[PETRO_RADIUS].to_numpy(np.float64, na_value=np.nan)
    return np.where(petrosian > 0, petrosian, halves)


def _region(galaxy_id: int, ra: float, dec: float, radius: float) -> str:
    if not np.isfinite([ra, dec]).all():
        return f"# no position: {galaxy_id}"
    if not radius > 0:
        return f"point({ra:.7f},{dec:.7f}) # point=cross text={{{galaxy_id}}}"
    return f'circle({ra:.7f},{dec:.7f},{radius:.3f}") # text={{{galaxy_id}}}'
