"""Disc galaxies: spirals, lenticulars and ringed galaxies, and discs seen edge-on."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from gz2interp.painting.kinds.registry import Colour, UnscaledPart, assembled, galaxy_kind
from gz2interp.painting.populations import POPULATIONS, Photometry, draw_photometry
from gz2interp.painting.recipe import Recipe, Shape
from gz2interp.painting.shapes import (
    arms_shape,
    bar_shape,
    bulge_shape,
    clumps_shape,
    dust_shape,
    inner_ring_shape,
    outer_ring_shape,
    scale_length,
)

__all__ = ["TiltedDisc", "bulge_share", "tilted_disc", "with_disc"]


@galaxy_kind("spiral")
def _spiral(rng: Generator) -> Recipe:
    """A disc with one to five arms and knots on them, a bulge of any size, and often a bar or a ring."""
    light = draw_photometry(rng, POPULATIONS["spiral"])
    bulge, barred = bulge_share(rng, most=0.45), _bar_share(rng, often=0.38)
    body = tilted_disc(rng, light.petro_radius, flattest=0.42, in_centre=bulge + barred)
    bar = _bar(rng, body, barred) if barred else None
    pieces = [_bulge(rng, body, bulge), *([bar] if bar else [])]
    if rng.random() < 0.05:
        pieces.append(_inner_ring(rng, body, rng.uniform(0.06, 0.14), bar))
    if rng.random() < 0.03:
        pieces.append(_outer_ring(rng, body, rng.uniform(0.06, 0.15)))
    pieces += _arms(rng, body, bar, left=1 - sum(piece.share for piece in pieces))
    return assembled(rng, "spiral", light, with_disc(pieces, body), axis_ratio=body.cosine)


@galaxy_kind("disc")
def _disc(rng: Generator) -> Recipe:
    """A lenticular: a disc round a large bulge, sometimes with a bar or a ring, and no arms."""
    light = draw_photometry(rng, POPULATIONS["lenticular"])
    bulge, barred = rng.uniform(0.06, 0.45), _bar_share(rng, often=0.22)
    body = tilted_disc(rng, light.petro_radius, flattest=0.35, in_centre=bulge + barred)
    bar = _bar(rng, body, barred) if barred else None
    pieces = [_bulge(rng, body, bulge), *([bar] if bar else [])]
    if rng.random() < 0.15:
        pieces.append(_inner_ring(rng, body, rng.uniform(0.05, 0.12), bar))
    return assembled(rng, "disc", light, with_disc(pieces, body), axis_ratio=body.cosine)


@galaxy_kind("ring")
def _ring(rng: Generator) -> Recipe:
    """A ring that is hard to miss: at the disc's edge, or round its bar."""
    light = draw_photometry(rng, POPULATIONS["ring"])
    bulge, barred = rng.uniform(0.12, 0.45), _bar_share(rng, often=0.45)
    body = tilted_disc(rng, light.petro_radius, flattest=0.4, in_centre=bulge + barred)
    bar = _bar(rng, body, barred) if barred else None
    pieces = [_bulge(rng, body, bulge), *([bar] if bar else [])]
    left = 1 - sum(piece.share for piece in pieces)
    if rng.random() < 0.6:
        pieces.append(_outer_ring(rng, body, left * rng.uniform(0.35, 0.7)))
    else:
        pieces.append(_inner_ring(rng, body, left * rng.uniform(0.3, 0.5), bar))
    return assembled(rng, "ring", light, with_disc(pieces, body), axis_ratio=body.cosine)


class TiltedDisc:
    """A disc's plane and size, which its components share.

    Attributes
    ----------
    scale : float
        Scale length [arcsec].
    cosine : float
        Of its inclination: its apparent axis ratio.
    plane : dict
        inclination and angle [deg].
    """

    def __init__(self, scale: float, cosine: float, angle: float) -> None:
        self.scale, self.cosine = scale, cosine
        self.plane: dict[str, float] = {"inclination": float(np.rad2deg(np.arccos(cosine))), "angle": angle}


def tilted_disc(rng: Generator, petro_radius: float, flattest: float, in_centre: float = 0.0) -> TiltedDisc:
    """A disc at random: uniform in the cosine is a random direction; the flattest is the last to show what is in it."""
    cosine = rng.uniform(flattest, 1.0)
    return TiltedDisc(scale_length(petro_radius, cosine, in_centre), cosine, rng.uniform(0, 180))


def with_disc(pieces: list[UnscaledPart], body: TiltedDisc) -> list[UnscaledPart]:
    """The disc has what the other components leave."""
    shape = {"scale": body.scale, "thickness": 0.15} | body.plane
    return [*pieces, UnscaledPart("disc", 1 - sum(piece.share for piece in pieces), shape)]


def bulge_share(rng: Generator, most: float) -> float:
    """From no bulge at all to `most` of the light; small ones are common."""
    return float(most * rng.beta(1.3, 2.5))


def _bulge(rng: Generator, body: TiltedDisc, share: float) -> UnscaledPart:
    axis_ratio = max(body.cosine, rng.uniform(0.75, 1.0))
    return UnscaledPart("bulge", share, bulge_shape(rng, body.scale, body.plane, axis_ratio))


def _bar_share(rng: Generator, often: float) -> float:
    """Of the light in a bar; 0 for most galaxies, which have none."""
    return rng.uniform(0.08, 0.22) if rng.random() < often else 0.0


def _bar(rng: Generator, body: TiltedDisc, share: float) -> UnscaledPart:
    return UnscaledPart("bar", share, bar_shape(rng, body.scale) | body.plane)


def _inner_ring(rng: Generator, body: TiltedDisc, share: float, bar: UnscaledPart | None) -> UnscaledPart:
    return UnscaledPart("inner_ring", share, inner_ring_shape(rng, body.scale, bar.shape if bar else None) | body.plane)


def _outer_ring(rng: Generator, body: TiltedDisc, share: float) -> UnscaledPart:
    return UnscaledPart("outer_ring", share, outer_ring_shape(rng, body.scale) | body.plane)


def _arms(rng: Generator, body: TiltedDisc, bar: UnscaledPart | None, left: float) -> list[UnscaledPart]:
    """Arms with knots of young stars on them."""
    share = rng.uniform(0.4, 0.8) * left
    in_knots = 0.25 * rng.beta(1.2, 3.0)
    shape = arms_shape(rng, body.scale, bar.shape if bar else None) | body.plane
    arms = UnscaledPart("arms", share * (1 - in_knots), shape)
    return [arms, UnscaledPart("clumps", share * in_knots, clumps_shape(rng, shape))]


BULGELESS_IS_BLUER: Colour = (-0.25, -0.17, -0.05, -0.07)


@galaxy_kind("edge_on")
def _edge_on(rng: Generator) -> Recipe:
    """A disc seen from its edge: with a round, a boxy or no bulge, with and without dust."""
    light = draw_photometry(rng, POPULATIONS["edge_on"])
    return _seen_from_the_edge(rng, "edge_on", light, dusty=rng.random() < 0.2, bulge=_bulge_or_none(rng))


@galaxy_kind("dust_lane")
def _dust_lane(rng: Generator) -> Recipe:
    """A large edge-on disc whose bulge a lane of dust cuts in two."""
    light = draw_photometry(rng, POPULATIONS["dust_lane"])
    return _seen_from_the_edge(rng, "dust_lane", light, dusty=True, bulge=rng.uniform(0.25, 0.55))


def _bulge_or_none(rng: Generator) -> float:
    """One edge-on disc in four has no bulge."""
    return 0.0 if rng.random() < 0.25 else 0.05 + bulge_share(rng, most=0.4)


def _seen_from_the_edge(rng: Generator, name: str, light: Photometry, *, dusty: bool, bulge: float) -> Recipe:
    plane = {"inclination": rng.uniform(82, 90), "angle": rng.uniform(0, 180)}
    thickness = rng.uniform(0.10, 0.20)
    scale = scale_length(light.petro_radius, axis_ratio=0.25, in_centre=bulge)
    pieces = [UnscaledPart("bulge", bulge, _edge_on_bulge(rng, scale, plane))] if bulge else []
    disc = {"scale": scale, "thickness": thickness} | plane
    pieces.append(UnscaledPart("disc", 1 - bulge, disc, None if bulge else BULGELESS_IS_BLUER))
    if dusty:
        pieces.append(UnscaledPart("dust", 0.0, dust_shape(rng, disc, strong=name == "dust_lane")))
    return assembled(rng, name, light, pieces, axis_ratio=1.5 * thickness)


def _edge_on_bulge(rng: Generator, scale: float, plane: Shape) -> dict[str, float]:
    """Round in most, boxy or like a peanut where a bar is seen from its side."""
    shape = bulge_shape(rng, scale, plane, axis_ratio=rng.uniform(0.6, 0.9))
    if rng.random() < 0.04:
        shape |= {
            "boxiness": rng.uniform(2.8, 3.4),
            "axis_ratio": rng.uniform(0.5, 0.65),
            "index": rng.uniform(1.0, 1.8),
        }
    return shape
