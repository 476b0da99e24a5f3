"""The kinds of galaxy that the painter knows, and how a recipe of each is drawn.

A new kind is one function with the decorator `galaxy_kind`: it takes a random generator and returns a `Recipe`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator

from gz2interp.errors import InputError, choices
from gz2interp.painting.colours import POPULATIONS, Photometry, divided, draw_photometry
from gz2interp.painting.noise import draw_noise
from gz2interp.painting.psf import draw_psf
from gz2interp.painting.recipe import Part, Recipe, Shape
from gz2interp.painting.shapes import arms_shape, bar_shape, bulge_shape, half_light_radius, scale_length
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

__all__ = ["KINDS", "KIND_SHARES", "draw_recipe", "draw_recipes", "galaxy_kind"]

Drawing = Callable[[Generator], Recipe]

KINDS: dict[str, Drawing] = {}

KIND_SHARES: Mapping[str, float] = {
    "round": 0.25,
    "in_between": 0.30,
    "cigar": 0.07,
    "edge_on": 0.09,
    "spiral": 0.23,
    "disc": 0.04,
    "star": 0.02,
}
"""Roughly Galaxy Zoo 2's own: of Stripe 82, 29, 35, 7, 7 and 22 % pass the thresholds of the first five."""


def draw_recipe(rng: Generator, kind: str | None = None, shares: Mapping[str, float] = KIND_SHARES) -> Recipe:
    """Draw a galaxy.

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
    return KINDS[drawn](rng)


def draw_recipes(n: int, seed: int, shares: Mapping[str, float] = KIND_SHARES) -> list[Recipe]:
    """Draw the galaxies of a survey; the first rows of a longer survey are those of a shorter one."""
    return [draw_recipe(np.random.default_rng([seed, row]), shares=shares) for row in range(n)]


def galaxy_kind(name: str) -> Callable[[Drawing], Drawing]:
    """Register a kind of galaxy under `name`.

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


@galaxy_kind("round")
def _round(rng: Generator) -> Recipe:
    return _smooth(rng, "round", "smooth", axis_ratio=rng.uniform(0.83, 1.0), index=rng.normal(4.0, 0.7))


@galaxy_kind("in_between")
def _in_between(rng: Generator) -> Recipe:
    return _smooth(rng, "in_between", "smooth", axis_ratio=rng.uniform(0.45, 0.75), index=rng.normal(3.8, 0.7))


@galaxy_kind("cigar")
def _cigar(rng: Generator) -> Recipe:
    return _smooth(rng, "cigar", "cigar", axis_ratio=rng.uniform(0.15, 0.32), index=rng.normal(2.5, 0.4))


@galaxy_kind("edge_on")
def _edge_on(rng: Generator) -> Recipe:
    light = draw_photometry(rng, POPULATIONS["edge_on"])
    plane = {"inclination": rng.uniform(82, 90), "angle": rng.uniform(0, 180)}
    thickness = rng.uniform(0.10, 0.20)
    scale = scale_length(light.petro_radius, axis_ratio=0.25)
    return _galaxy(
        rng,
        "edge_on",
        light,
        r_shares=_with_disc({"bulge": _bulge_share(rng, most=0.4)}),
        shapes={
            "bulge": bulge_shape(rng, scale, plane, axis_ratio=rng.uniform(0.6, 0.9)),
            "disc": {"scale": scale, "thickness": thickness} | plane,
        },
        axis_ratio=1.5 * thickness,
    )


@galaxy_kind("spiral")
def _spiral(rng: Generator) -> Recipe:
    return _tilted_disc(rng, "spiral", "spiral", barred=rng.random() < 0.35, armed=True)


@galaxy_kind("disc")
def _disc(rng: Generator) -> Recipe:
    return _tilted_disc(rng, "disc", "disc", barred=rng.random() < 0.5, armed=False)


@galaxy_kind("star")
def _star(rng: Generator) -> Recipe:
    light = draw_photometry(rng, POPULATIONS["star"])
    return _galaxy(rng, "star", light, r_shares={"star": 1.0}, shapes={"star": {"sigma": 0.05}}, axis_ratio=1.0)


def _drawn_kind(rng: Generator, shares: Mapping[str, float]) -> str:
    weights = np.array(list(shares.values()), float)
    if not weights.size or weights.min() < 0 or weights.sum() <= 0:
        raise InputError(f"The shares of kinds are {dict(shares)}", "None below 0, and at least one above")
    return str(rng.choice(list(shares), p=weights / weights.sum()))


# -- what several kinds share -----------------------------------------------------------------------------------------


def _smooth(rng: Generator, name: str, population: str, axis_ratio: float, index: float) -> Recipe:
    light = draw_photometry(rng, POPULATIONS[population])
    index = float(np.clip(index, 1.5, 6.0))
    shape = {
        "radius": half_light_radius(light.petro_radius, axis_ratio, index),
        "index": index,
        "axis_ratio": axis_ratio,
        "angle": rng.uniform(0, 180),
    }
    return _galaxy(rng, name, light, r_shares={"bulge": 1.0}, shapes={"bulge": shape}, axis_ratio=axis_ratio)


def _tilted_disc(rng: Generator, name: str, population: str, *, barred: bool, armed: bool) -> Recipe:
    light = draw_photometry(rng, POPULATIONS[population])
    # Uniform in the cosine is random orientation; beyond 65 degrees nobody sees arms.
    cosine = rng.uniform(0.42, 1.0)
    plane = {"inclination": float(np.rad2deg(np.arccos(cosine))), "angle": rng.uniform(0, 180)}
    scale = scale_length(light.petro_radius, cosine)
    shares = {"bulge": _bulge_share(rng, most=0.45)}
    shapes = {
        "bulge": bulge_shape(rng, scale, plane, axis_ratio=max(cosine, rng.uniform(0.75, 1.0))),
        "disc": {"scale": scale, "thickness": 0.15} | plane,
    }
    bar = bar_shape(rng, scale) if barred else None
    if bar:
        shares["bar"] = rng.uniform(0.10, 0.22)
        shapes["bar"] = bar | plane
    if armed:
        shares["arms"] = rng.uniform(0.45, 0.75) * (1 - sum(shares.values()))
        shapes["arms"] = arms_shape(rng, scale, bar) | plane
    return _galaxy(rng, name, light, r_shares=_with_disc(shares), shapes=shapes, axis_ratio=cosine)


def _bulge_share(rng: Generator, most: float) -> float:
    return float(most * rng.beta(1.3, 2.5))


def _with_disc(shares: Mapping[str, float]) -> dict[str, float]:
    """The disc has what the other components leave."""
    return {**shares, "disc": 1 - sum(shares.values())}


def _galaxy(
    rng: Generator,
    name: str,
    light: Photometry,
    *,
    r_shares: Mapping[str, float],
    shapes: Mapping[str, Shape],
    axis_ratio: float,
) -> Recipe:
    fluxes = divided(light.flux, r_shares)
    x, y = rng.uniform(-1, 1, 2) * NATIVE_PIXEL_SCALE
    return Recipe(
        kind=name,
        seed=int(rng.integers(2**53)),
        parts=tuple(Part(part, flux, _rounded(shapes[part])) for part, flux in fluxes.items()),
        centre=(round(float(x), 4), round(float(y), 4)),
        psf=draw_psf(rng),
        noise=draw_noise(rng),
        petro_radius=round(light.petro_radius, 4),
        axis_ratio=round(float(axis_ratio), 4),
        redshift=0.0 if name == "star" else _redshift(rng, light),
    )


def _redshift(rng: Generator, light: Photometry) -> float:
    """Of a galaxy of SDSS' main sample: 0.09 at its faint end, nearer if brighter."""
    r_mag = 22.5 - 2.5 * np.log10(light.flux[BANDS.index("r")])
    redshift = 0.09 * 10 ** (0.16 * (r_mag - 17.3)) * np.exp(0.3 * rng.standard_normal())
    return round(float(np.clip(redshift, 0.01, 0.25)), 5)


def _rounded(shape: Shape) -> dict[str, float]:
    """Four decimals, which no pixel shows, so that a recipe can be read."""
    return {key: value if isinstance(value, int) else round(float(value), 4) for key, value in shape.items()}
