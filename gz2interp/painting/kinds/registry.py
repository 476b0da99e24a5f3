"""The open list of kinds of galaxy, their shares, and the assembly of parts into a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.painting.field import in_a_field
from gz2interp.painting.noise import draw_background, draw_noise
from gz2interp.painting.populations import REDDENING, Photometry, relative_to_r
from gz2interp.painting.psf import draw_psf
from gz2interp.painting.recipe import ComponentPart, Recipe, Shape
from gz2interp.painting.rendering import shares_behind
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

__all__ = [
    "KINDS",
    "KIND_SHARES",
    "Colour",
    "UnscaledPart",
    "assembled",
    "draw_recipe",
    "draw_recipes",
    "galaxy_kind",
    "recipe_of",
    "with_rare",
]


Drawing = Callable[[Generator], Recipe]

KINDS: dict[str, Drawing] = {}

KIND_SHARES: Mapping[str, float] = {
    "round": 0.225,
    "in_between": 0.245,
    "cigar": 0.050,
    "edge_on": 0.055,
    "spiral": 0.205,
    "disc": 0.120,
    "ring": 0.020,
    "merger": 0.035,
    "irregular": 0.010,
    "disturbed": 0.007,
    "lens": 0.003,
    "dust_lane": 0.002,
    "star": 0.002,
    "artefact": 0.005,
}
"""So that what volunteers make of them has Galaxy Zoo 2's proportions in Stripe 82 (Willett et al. 2013, table 5)."""


def galaxy_kind(name: str) -> Callable[[Drawing], Drawing]:
    """Register a kind of galaxy under `name`: a function of a random generator that returns a `Recipe`.

    Raises
    ------
    InputError
        The name is taken.
    """

    def register(function: Drawing) -> Drawing:
        if name in KINDS:
            raise InputError(f"A kind called {name} exists already", "Each kind has a name of its own")
        KINDS[name] = function
        return function

    return register


def draw_recipe(rng: Generator, kind: str | None = None, shares: Mapping[str, float] = KIND_SHARES) -> Recipe:
    """Draw a galaxy in its field.

    Parameters
    ----------
    rng : Generator
    kind : str, optional
        A key of `KINDS`; by default one is drawn.
    shares : mapping
        Kind to its share, if `kind` is not given; need not sum to 1.

    Raises
    ------
    InputError
        There is no such kind, or a share is negative, or none is positive.
    """
    drawn = _drawn_kind(rng, shares) if kind is None else kind
    if drawn not in KINDS:
        raise InputError(f"No painted galaxy is of the kind {drawn}", f"The kinds are {choices(KINDS)}")
    return in_a_field(rng, KINDS[drawn](rng))


def recipe_of(seed: int, row: int, shares: Mapping[str, float] = KIND_SHARES) -> Recipe:
    """The galaxy of one row of the survey of that seed: it does not depend on how many others there are."""
    return draw_recipe(np.random.default_rng([seed, row]), shares=shares)


def draw_recipes(n: int, seed: int, shares: Mapping[str, float] = KIND_SHARES) -> list[Recipe]:
    """Draw the galaxies of a survey; the first rows of a longer survey are those of a shorter one."""
    return [recipe_of(seed, row, shares) for row in range(n)]


def with_rare(rare: Mapping[str, float], shares: Mapping[str, float] = KIND_SHARES) -> dict[str, float]:
    """The shares of kinds in which some have a rate of their own and the others divide the rest as they do in `shares`.

    Parameters
    ----------
    rare : mapping
        Kind to its share of all galaxies, for example ``{"ring": 0.01}``.
    shares : mapping

    Returns
    -------
    dict
        Shares that sum to 1.

    Raises
    ------
    InputError
        A kind is unknown, or the rates are negative or leave nothing for the others.
    """
    for kind, rate in rare.items():
        if kind not in KINDS:
            raise InputError(f"No painted galaxy is of the kind {kind}", f"The kinds are {choices(KINDS)}")
        if not 0 <= rate < 1:
            raise InputError(f"The rate of {kind} is {rate}", "A share of all galaxies, from 0 to below 1")
    others = {kind: share for kind, share in shares.items() if kind not in rare}
    left = 1 - sum(rare.values())
    if left <= 0 or not sum(others.values()) > 0:
        raise InputError(f"The rates {dict(rare)} leave no room for other kinds", "Together below 1")
    return {kind: share * left / sum(others.values()) for kind, share in others.items()} | dict(rare)


def _drawn_kind(rng: Generator, shares: Mapping[str, float]) -> str:
    weights = np.array(list(shares.values()), float)
    if not weights.size or weights.min() < 0 or weights.sum() <= 0:
        raise InputError(f"The shares of kinds are {dict(shares)}", "None below 0, and at least one above")
    return str(rng.choice(list(shares), p=weights / weights.sum()))


Colour = tuple[float, float, float, float]


@dataclass(frozen=True)
class UnscaledPart:
    """A part before its flux is known.

    Attributes
    ----------
    name : str
        Of its component.
    share : float
        Of the galaxy's flux in r; 0 for dust.
    shape : mapping
    redder : float (4,), optional
        Than the disc, in u-g, g-r, r-i, i-z [mag]; by default `REDDENING` of the component.
    """

    name: str
    share: float
    shape: Shape
    redder: Colour | None = None


def assembled(
    rng: Generator, kind: str, light: Photometry, pieces: Sequence[UnscaledPart], *, axis_ratio: float
) -> Recipe:
    """A recipe whose parts together have the magnitudes of `light`, what dust takes deducted.

    Parameters
    ----------
    rng : Generator
        Of its seeing, noise, place in the cutout and seed.
    kind : str
    light : Photometry
    pieces : sequence of UnscaledPart
        Their shares sum to 1.
    axis_ratio : float
        Apparent.
    """
    fluxes = _divided(light.flux, pieces)
    parts = [
        ComponentPart(piece.name, _plain(flux), _rounded(piece.shape))
        for piece, flux in zip(pieces, fluxes, strict=True)
    ]
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


def _divided(flux: NDArray[np.float64], pieces: Sequence[UnscaledPart]) -> NDArray[np.float64]:
    """Fluxes (piece, band) that sum to the galaxy's in every band, each piece of its own colour."""
    none = (0.0, 0.0, 0.0, 0.0)
    redder = [piece.redder or REDDENING.get(piece.name, none) for piece in pieces]
    terms = np.array([relative_to_r(np.array(colour)) for colour in redder])
    weights = np.array([piece.share for piece in pieces])[:, None] * 10 ** (-0.4 * terms)
    return np.asarray(flux * weights / weights.sum(axis=0))


def _behind_dust(parts: Sequence[ComponentPart]) -> tuple[ComponentPart, ...]:
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
