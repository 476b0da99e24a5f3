"""Discs seen from their edge, with and without dust, round and boxy bulges."""

from __future__ import annotations

from numpy.random import Generator

from gz2interp.painting.kinds.assembly import Colour, Piece, assembled
from gz2interp.painting.kinds.discs import bulge_share
from gz2interp.painting.kinds.registry import galaxy_kind
from gz2interp.painting.populations import POPULATIONS, Photometry, draw_photometry
from gz2interp.painting.recipe import Recipe, Shape
from gz2interp.painting.shapes import bulge_shape, dust_shape, scale_length

__all__: list[str] = []

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
    pieces = [Piece("bulge", bulge, _bulge(rng, scale, plane))] if bulge else []
    disc = {"scale": scale, "thickness": thickness} | plane
    pieces.append(Piece("disc", 1 - bulge, disc, None if bulge else BULGELESS_IS_BLUER))
    if dusty:
        pieces.append(Piece("dust", 0.0, dust_shape(rng, disc, strong=name == "dust_lane")))
    return assembled(rng, name, light, pieces, axis_ratio=1.5 * thickness)


def _bulge(rng: Generator, scale: float, plane: Shape) -> dict[str, float]:
    """Round in most, boxy or like a peanut where a bar is seen from its side."""
    shape = bulge_shape(rng, scale, plane, axis_ratio=rng.uniform(0.6, 0.9))
    if rng.random() < 0.04:
        shape |= {
            "boxiness": rng.uniform(2.8, 3.4),
            "axis_ratio": rng.uniform(0.5, 0.65),
            "index": rng.uniform(1.0, 1.8),
        }
    return shape
