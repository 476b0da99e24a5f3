"""Where around the galaxies, and in which band, what pulls the network stands: in a fixed place, or anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import planes
from gz2interp.trust.donors import Pairs
from gz2interp.trust.nuisances import Measured
from gz2interp.trust.nuisances.surroundings import LEAST, amid, outside
from gz2interp.trust.pulls import Answering, Pull

__all__ = ["Place", "locate"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CELLS = 8
"""Along a side of the cutout."""

LOOKED_AT = 48
"""Recipients."""

PORTION = 8
"""Of them at a time."""

MOSTLY = 0.5
"""Share of the whole effect that one place, or one band, must have by itself to be named."""


@dataclass(frozen=True)
class Place:
    """Where it is.

    Attributes
    ----------
    y, x : int or None
        A fixed pixel of the cutout; None where the effect comes from no fixed place.
    band : int or None
        The band that has most of the effect; None if no single one has.
    share : float
        Of the whole effect that the fixed place has by itself, or the best one.
    """

    y: int | None
    x: int | None
    band: int | None
    share: float

    def words(self, bands: Sequence[str] = ()) -> str:
        """For a reader."""
        named = "" if self.band is None else f" in {bands[self.band] if bands else f'band {self.band}'}"
        if self.y is None:
            return f"objects or light around the galaxy{named}, at no fixed place"
        return f"a fixed place at pixel y {self.y}, x {self.x}{named}"


def locate(
    probe: Answering,
    galaxies: Measured,
    pairs: Pairs,
    classes: Ints,
    pull: Pull,
    output: int,
    generator: Generator,
) -> Place:
    """Ask what each cell of the cutout, and each band, does by itself.

    Parameters
    ----------
    probe, galaxies, pairs, classes
        As for `gz2interp.trust.pulls.answers` and `pulls`.
    pull : Pull
        That of the surroundings, whose place is looked for.
    output : int
        Which output of the network its class is.
    generator : Generator
    """
    rows = _rows(galaxies, pairs, classes, pull, generator)
    others = np.array([generator.choice(np.delete(pairs.donors[row], pull.number)) for row in rows], np.int64)
    rises = [
        _rises(probe, galaxies, pairs, rows[part], others[part], pull.number, output) for part in _portions(len(rows))
    ]
    whole, *single = np.concatenate(rises).mean(axis=0) if rises else np.zeros(1 + CELLS**2)
    cells, bands = np.array(single[: CELLS**2]), np.array(single[CELLS**2 :])
    best, share = int(cells.argmax()), float(cells.max() / whole) if whole > 0 else 0.0
    rivals = cells[~_beside(best)]
    fixed = share >= MOSTLY and rivals.max(initial=0.0) < MOSTLY * cells.max()
    if fixed:
        y, x, band = _pixel(galaxies, classes, pull.number, best)
        return Place(y, x, band, share)
    named = bool(
        len(bands) > 1 and whole > 0 and bands.max() >= MOSTLY * whole and np.sort(bands)[-2] < bands.max() / 2
    )
    return Place(None, None, int(bands.argmax()) if named else None, share)


def _rows(galaxies: Measured, pairs: Pairs, classes: Ints, pull: Pull, generator: Generator) -> Ints:
    """Recipients on the side of the pull that have room around them."""
    own = classes[pairs.recipients] == pull.number
    rows = generator.permutation(np.flatnonzero(own if pull.side == "away" else ~own))
    rows = rows[: 2 * LOOKED_AT]
    recipients, givers = galaxies.of(pairs.recipients[rows]), galaxies.of(pairs.donors[rows, pull.number])
    room = outside(recipients, givers).mean(axis=(1, 2))
    return np.asarray(rows[room >= LEAST][:LOOKED_AT], np.int64)


def _portions(count: int) -> list[slice]:
    return [slice(first, first + PORTION) for first in range(0, count, PORTION)]


def _rises(
    probe: Answering, galaxies: Measured, pairs: Pairs, rows: Ints, others: Ints, number: int, output: int
) -> Floats:
    """By how much the probability rises when all, one cell, or one band of another's surroundings becomes this class's.

    Returns float32 (n, 1 + cell + band).
    """
    recipients, giver, other = (
        galaxies.of(each) for each in (pairs.recipients[rows], pairs.donors[rows, number], others)
    )
    before, after = amid(recipients, other), amid(recipients, giver)
    cells, bands = _cells(before.shape[1:3]), np.eye(before.shape[3], dtype=np.bool_)
    masks = [np.zeros((1, 1, 1), np.bool_), np.ones((1, 1, 1), np.bool_)]
    masks += [(cells == cell)[..., None] for cell in range(CELLS**2)] + [band[None, None] for band in bands]
    said = np.stack([probe.probabilities(np.where(mask, after, before))[:, output] for mask in masks], axis=1)
    return np.asarray(said[:, 1:] - said[:, :1], np.float32)


def _cells(shape: Sequence[int]) -> Ints:
    y, x = (np.arange(side) * CELLS // side for side in shape)
    return np.asarray(y[:, None] * CELLS + x[None, :])


def _beside(cell: int) -> NDArray[np.bool_]:
    """The cell and its neighbours, bool (cell,)."""
    y, x = np.divmod(np.arange(CELLS**2), CELLS)
    return np.asarray((np.abs(y - cell // CELLS) <= 1) & (np.abs(x - cell % CELLS) <= 1))


def _pixel(galaxies: Measured, classes: Ints, number: int, cell: int) -> tuple[int, int, int]:
    """The pixel and band of a cell in which this class differs most surely from the others."""
    above = (galaxies.images - planes(galaxies.plane, galaxies.images.shape[1:3])) / galaxies.sigma[:, None, None]
    y, x = np.nonzero(_cells(above.shape[1:3]) == cell)
    seen = np.where(galaxies.galaxy[:, y, x, None], np.nan, np.clip(above[:, y, x], -100, 100))
    own = classes == number
    one, two = (np.nanmedian(part, axis=0) for part in _with_any(seen[own], seen[~own]))
    best, band = np.unravel_index(np.abs(one - two).argmax(), one.shape)
    return int(y[best]), int(x[best]), int(band)


def _with_any(*parts: Floats) -> list[Floats]:
    """With a zero beside, so that a pixel that is always behind a galaxy has a median too."""
    return [np.concatenate([part, np.zeros((1, *part.shape[1:]), part.dtype)]) for part in parts]
