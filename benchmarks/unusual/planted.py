"""Rare galaxies of known strength, put among ordinary ones.

A survey has 20,000 galaxies of six ordinary kinds (`ORDINARY`), with the field that any painted galaxy has about it:
faint neighbours and stars. Rings, which the painter gives to some spirals and discs, are taken from all of them. In the
first `RATE` of the rows (0.7 %: 140 galaxies) there is a ring more, in the next 140 a merger, then a trail, an arc, an
odd colour. The hosts are drawn as all others are: without what makes it rare, a rare galaxy differs from nobody.

- ``ring``: a ring at the disc's edge, of the shape and colour that `outer_ring_shape` draws; round any host.
- ``merger``: a companion of the host's mean colour, a fifth of a magnitude redder or bluer, with one or two tails.
- ``trail``: a satellite's straight trail in one of the bands g, r, i.
- ``arc``: a blue arc at 0.55 to 1 Petrosian radius.
- ``colour``: the host brighter in one of the bands g, r, i, z, as a strong emission line makes it.

**Strength**, fixed before any method was run: the signal-to-noise ratio of what makes the galaxy rare, for who knows
its shape. With d the difference between the image without noise and that of the same galaxy without the feature, and v
the variance of a pixel of the latter (sky, and the photons of all light in the pixel), it is the square root of the sum
of d**2 / v over all pixels of the cutout and all bands. The feature's flux is scaled until that is 5, 10, 20 or 40. d
is proportional to the flux, so this is exact.

A second definition was added after methods had been measured by the first, before any was by the second: the **peak**,
as images of faint things are usually described. It is the largest d of all pixels and bands in standard deviations of
the sky in that band, and the feature's flux is scaled until that is 5, 10, 20 or 40.

For comparison ``drawn`` are features as bright as the painter usually draws them: a ring with 20 % of the host's light
in r, a companion with tails 40 %, an arc 7 %, a trail of 160 nanomaggies, a line of half a magnitude. Their strengths
are at the median 87, 176, 132, 56 and 93.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting import COMPONENTS, ComponentPart, Recipe, paint, paint_without_noise, recipe_of
from gz2interp.painting.populations import REDDENING, relative_to_r
from gz2interp.painting.shapes import companion_shape, outer_ring_shape, scale_length, tail_shape
from gz2interp.schema import BANDS

__all__ = ["KINDS", "MEASURES", "ORDINARY", "STRENGTHS", "Planting", "image_of", "ordinary", "rare"]

Floats = NDArray[np.float32]

ORDINARY: Final = {
    "round": 0.25,
    "in_between": 0.27,
    "cigar": 0.06,
    "edge_on": 0.06,
    "spiral": 0.23,
    "disc": 0.13,
}
"""The shares of the painter's ordinary kinds, in the proportions of Galaxy Zoo 2."""

RATE: Final = 0.007
"""Of each rare kind."""

STRENGTHS: Final = (5.0, 10.0, 20.0, 40.0)
RINGS: Final = ("inner_ring", "outer_ring")
R: Final = BANDS.index("r")
BLUE: Final = (-0.9, -0.7, -0.2, -0.2)


@dataclass(frozen=True)
class Planting:
    """A survey with rare galaxies in it.

    Attributes
    ----------
    seed : int
    galaxies : int
    strength : float
        Of the features; 0 for those as bright as the painter draws them.
    measure : str
        What the strength is: a key of `MEASURES`; ``"clean"`` puts nothing into the rare rows, so that what is found of
        them is found by chance.
    """

    seed: int
    galaxies: int = 20_000
    strength: float = 20.0
    measure: str = "total"

    @property
    def each(self) -> int:
        """Galaxies of each rare kind."""
        return max(round(RATE * self.galaxies), 1)

    @property
    def kinds(self) -> NDArray[np.str_]:
        """Of each row; "" for an ordinary galaxy (galaxy,)."""
        kinds = np.zeros(self.galaxies, "U16")
        kinds[: self.each * len(KINDS)] = np.repeat(list(KINDS), self.each)
        return kinds

    @property
    def name(self) -> str:
        """Of strength and measure, as in ``20`` and ``20-peak``; ``0`` as drawn, ``clean``."""
        if self.measure == "clean":
            return "clean"
        return f"{self.strength:g}" + ("" if self.measure == "total" or not self.strength else f"-{self.measure}")


def ordinary(seed: int, row: int) -> Recipe:
    """The galaxy of a row before anything is put into it."""
    recipe = recipe_of(seed, row, ORDINARY)
    lost = np.sum([part.flux for part in recipe.parts if part.name in RINGS], axis=0)
    kept = [part for part in recipe.parts if part.name not in RINGS]
    if len(kept) == len(recipe.parts):
        return recipe
    disc = next(index for index, part in enumerate(kept) if part.name == "disc")
    kept[disc] = replace(kept[disc], flux=tuple(float(flux) for flux in np.add(kept[disc].flux, lost)))
    return replace(recipe, parts=tuple(kept))


def rare(planting: Planting, row: int, kind: str) -> Recipe:
    """The same galaxy with what makes it rare, at the planting's strength; as the painter draws it at one of 0."""
    host = ordinary(planting.seed, row)
    if planting.measure == "clean":
        return host
    features = KINDS[kind](np.random.default_rng([planting.seed, row, 1]), host)
    if not planting.strength:
        return replace(host, parts=host.parts + features)
    factor = planting.strength / MEASURES[planting.measure](host, features)
    scaled = tuple(replace(part, flux=tuple(factor * flux for flux in part.flux)) for part in features)
    return replace(host, parts=host.parts + scaled)


def _total(host: Recipe, features: tuple[ComponentPart, ...]) -> float:
    """Signal-to-noise ratio of what is put into a galaxy, for who knows its shape."""
    without, difference = _added(host, features)
    electrons, sky = np.array(host.noise.electrons), np.array(host.noise.sky_sigma)
    variance = sky**2 + np.maximum(without - host.background.pixels().transpose(1, 2, 0), 0) / electrons
    return float(np.sqrt((difference**2 / variance).sum()))


def _peak(host: Recipe, features: tuple[ComponentPart, ...]) -> float:
    """Its brightest pixel in the band where that is most, in standard deviations of the sky."""
    return float((_added(host, features)[1] / np.array(host.noise.sky_sigma)).max())


def _added(host: Recipe, features: tuple[ComponentPart, ...]) -> tuple[Floats, NDArray[np.float64]]:
    """The host without noise, and what the features add to it (y, x, band)."""
    without, with_it = (paint_without_noise(each) for each in (host, replace(host, parts=host.parts + features)))
    return without, (with_it - without).astype(np.float64)


MEASURES: Final[dict[str, Callable[[Recipe, tuple[ComponentPart, ...]], float]]] = {"total": _total, "peak": _peak}
"""What a feature's strength may be."""


def image_of(planting: Planting, row: int) -> Floats:
    """The image of a row (y, x, band), with noise."""
    kind = str(planting.kinds[row])
    recipe = rare(planting, row, kind) if kind else ordinary(planting.seed, row)
    return paint(recipe).cutout.image


def _ring(rng: Generator, host: Recipe) -> tuple[ComponentPart, ...]:
    cosine = float(np.clip(host.axis_ratio, 0.2, 1.0))
    plane = {"inclination": float(np.rad2deg(np.arccos(cosine))), "angle": _angle(host)}
    shape = outer_ring_shape(rng, scale_length(host.petro_radius, cosine)) | plane
    return (ComponentPart("outer_ring", _flux(host, 0.2, REDDENING["outer_ring"]), shape),)


def _merger(rng: Generator, host: Recipe) -> tuple[ComponentPart, ...]:
    own = tuple(float(value) for value in np.array([0.25, 0.18, 0.05, 0.05]) * rng.standard_normal())
    other = companion_shape(rng, host.petro_radius, nearest=0.6, farthest=1.6)
    angle, sense = rng.uniform(0, 360), float(rng.choice([-1, 1]))
    tails = [
        tail_shape(rng, host.petro_radius, angle + 180 * index + rng.normal(0, 25), sense)
        for index in range(1 if rng.random() < 0.4 else 2)
    ]
    share = 0.1 / len(tails)
    return (
        ComponentPart("companion", _flux(host, 0.3, own), other),
        *(ComponentPart("tail", _flux(host, share, REDDENING["tail"]), shape) for shape in tails),
    )


def _trail(rng: Generator, host: Recipe) -> tuple[ComponentPart, ...]:
    flux = np.zeros(len(BANDS))
    flux[BANDS.index(str(rng.choice(["g", "r", "i"])))] = 160.0
    x, y = rng.uniform(-2.5, 2.5, 2)
    shape = {"x": float(x), "y": float(y), "width": rng.uniform(0.3, 0.7), "angle": rng.uniform(0, 180)}
    return (ComponentPart("trail", tuple(flux), shape),)


def _arc(rng: Generator, host: Recipe) -> tuple[ComponentPart, ...]:
    shape = {
        "radius": host.petro_radius * rng.uniform(0.55, 1.0),
        "width": rng.uniform(0.2, 0.4),
        "opening": rng.uniform(40, 110),
        "angle": rng.uniform(0, 360),
    }
    return (ComponentPart("arc", _flux(host, 0.07, BLUE), shape),)


def _colour(rng: Generator, host: Recipe) -> tuple[ComponentPart, ...]:
    """All of the galaxy's light once more, in one band only; dust takes its share of it as of the other."""
    line = np.zeros(len(BANDS))
    line[BANDS.index(str(rng.choice(["g", "r", "i", "z"])))] = 10 ** (0.4 * 0.5) - 1
    shining = [part for part in host.subject if COMPONENTS[part.name].form != "screen"]
    return tuple(replace(part, flux=tuple(float(flux) for flux in line * part.flux)) for part in shining)


KINDS: Final[dict[str, Callable[[Generator, Recipe], tuple[ComponentPart, ...]]]] = {
    "ring": _ring,
    "merger": _merger,
    "trail": _trail,
    "arc": _arc,
    "colour": _colour,
}


def _flux(host: Recipe, share: float, redder: tuple[float, ...]) -> tuple[float, ...]:
    """A share of the host's light in r, redder than it is."""
    relative = 10 ** (-0.4 * relative_to_r(np.array(redder)))
    return tuple(float(flux) for flux in share * host.subject_flux * relative)


def _angle(host: Recipe) -> float:
    return float(next((part.shape["angle"] for part in host.subject if "angle" in part.shape), 0.0))
