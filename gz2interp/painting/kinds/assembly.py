"""Putting pieces together into a recipe that has the magnitudes and the size it was drawn for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting.background import draw_background
from gz2interp.painting.colours import REDDENING, relative_to_r
from gz2interp.painting.noise import draw_noise
from gz2interp.painting.populations import Photometry
from gz2interp.painting.psf import draw_psf
from gz2interp.painting.recipe import Part, Recipe, Shape
from gz2interp.painting.rendering import shares_behind
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

__all__ = ["Colour", "Piece", "assembled"]

Colour = tuple[float, float, float, float]


@dataclass(frozen=True)
class Piece:
    """A part before its flux is known.

    Attributes
    ----------
    name : str
        Of its component.
    share : float
        Of the galaxy's flux in r; 0 for dust.
    shape : mapping
    redder : float (4,), optional
        Than the disc, in u-g, g-r, r-i, i-z [mag]; by default what `REDDENING` says of the component.
    """

    name: str
    share: float
    shape: Shape
    redder: Colour | None = None


def assembled(rng: Generator, kind: str, light: Photometry, pieces: Sequence[Piece], *, axis_ratio: float) -> Recipe:
    """A recipe whose parts together have the magnitudes of `light`, what dust takes deducted.

    Parameters
    ----------
    rng : Generator
        Of its seeing, noise, place in the cutout and seed.
    kind : str
    light : Photometry
    pieces : sequence of Piece
        Their shares sum to 1.
    axis_ratio : float
        Apparent.
    """
    fluxes = _divided(light.flux, pieces)
    parts = [Part(piece.name, _plain(flux), _rounded(piece.shape)) for piece, flux in zip(pieces, fluxes, strict=True)]
    x, y = rng.uniform(-1, 1, 2) * NATIVE_PIXEL_SCALE
    noise = draw_noise(rng)
    return Recipe(
        kind=kind,
        seed=int(rng.integers(2**53)),
        parts=_behind_dust(parts),
        centre=(round(float(x), 4), round(float(y), 4)),
        psf=draw_psf(rng),
        noise=noise,
        background=draw_background(rng, noise),
        petro_radius=round(light.petro_radius, 4),
        axis_ratio=round(float(axis_ratio), 4),
        redshift=_redshift(rng, light),
    )


def _divided(flux: NDArray[np.float64], pieces: Sequence[Piece]) -> NDArray[np.float64]:
    """Fluxes (piece, band) that sum to the galaxy's in every band, each piece of its own colour."""
    none = (0.0, 0.0, 0.0, 0.0)
    redder = [piece.redder or REDDENING.get(piece.name, none) for piece in pieces]
    terms = np.array([relative_to_r(np.array(colour)) for colour in redder])
    weights = np.array([piece.share for piece in pieces])[:, None] * 10 ** (-0.4 * terms)
    return np.asarray(flux * weights / weights.sum(axis=0))


def _behind_dust(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts brightened by what the dust among them takes, which becomes the dust's own flux, below 0."""
    total = np.sum([part.flux for part in parts], axis=0)
    taken = shares_behind(parts)
    if not taken:
        return tuple(parts)
    left = 1 - np.sum(list(taken.values()), axis=0)
    brighter = [replace(part, flux=_plain(np.array(part.flux) / left)) for part in parts]
    return tuple(
        replace(part, flux=_plain(-total / left * taken[part.name])) if part.name in taken else part
        for part in brighter
    )


def _redshift(rng: Generator, light: Photometry) -> float:
    """Of a galaxy of SDSS' main sample: 0.09 at its faint end, nearer if brighter."""
    r_mag = 22.5 - 2.5 * np.log10(light.flux[BANDS.index("r")])
    redshift = 0.09 * 10 ** (0.16 * (r_mag - 17.3)) * np.exp(0.3 * rng.standard_normal())
    return round(float(np.clip(redshift, 0.01, 0.25)), 5)


def _plain(flux: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in flux)


def _rounded(shape: Shape) -> dict[str, float]:
    """Four decimals, which no pixel shows, so that a recipe can be read."""
    return {key: value if isinstance(value, int) else round(float(value), 4) for key, value in shape.items()}
