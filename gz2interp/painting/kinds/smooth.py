"""Ellipticals from round to cigar, and those that bend light behind them into arcs."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from gz2interp.painting.kinds.assembly import Piece, assembled
from gz2interp.painting.kinds.registry import galaxy_kind
from gz2interp.painting.populations import POPULATIONS, Photometry, draw_photometry
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.shapes import half_light_radius

__all__ = ["spheroid"]


@galaxy_kind("round")
def _round(rng: Generator) -> Recipe:
    """A smooth galaxy that looks completely round."""
    return _smooth(rng, "round", "smooth", axis_ratio=rng.uniform(0.80, 1.0), index=rng.normal(3.5, 0.8))


@galaxy_kind("in_between")
def _in_between(rng: Generator) -> Recipe:
    """A smooth galaxy between round and cigar-shaped."""
    return _smooth(rng, "in_between", "smooth", axis_ratio=rng.uniform(0.42, 0.80), index=rng.normal(3.2, 0.8))


@galaxy_kind("cigar")
def _cigar(rng: Generator) -> Recipe:
    """A smooth galaxy as slim as a cigar."""
    return _smooth(rng, "cigar", "cigar", axis_ratio=rng.uniform(0.18, 0.36), index=rng.normal(2.3, 0.5))


@galaxy_kind("lens")
def _lens(rng: Generator) -> Recipe:
    """An elliptical with a blue arc, and in half of the lenses its smaller counterpart on the other side."""
    light = draw_photometry(rng, POPULATIONS["lens"])
    axis_ratio = rng.uniform(0.7, 1.0)
    radius, angle = light.petro_radius * rng.uniform(0.55, 1.0), rng.uniform(0, 360)
    share, width = rng.uniform(0.03, 0.12), rng.uniform(0.2, 0.4)
    blue = (-0.9, -0.7, -0.2, -0.2)
    arcs = [Piece("arc", share, _arc(radius, width, rng.uniform(40, 110), angle), blue)]
    if rng.random() < 0.5:
        arcs.append(Piece("arc", 0.4 * share, _arc(0.8 * radius, width, rng.uniform(20, 40), angle + 180), blue))
    index = float(np.clip(rng.normal(4.5, 0.7), 2.5, 6))
    body = spheroid(rng, light, axis_ratio, index, share=1 - sum(arc.share for arc in arcs))
    return assembled(rng, "lens", light, [body, *arcs], axis_ratio=axis_ratio)


def spheroid(rng: Generator, light: Photometry, axis_ratio: float, index: float, share: float = 1.0) -> Piece:
    """An elliptical of the size that `light` says."""
    shape = {
        "radius": half_light_radius(light.petro_radius, axis_ratio, index),
        "index": index,
        "axis_ratio": axis_ratio,
        "angle": rng.uniform(0, 180),
    }
    return Piece("bulge", share, shape)


def _smooth(rng: Generator, name: str, population: str, axis_ratio: float, index: float) -> Recipe:
    light = draw_photometry(rng, POPULATIONS[population])
    body = spheroid(rng, light, axis_ratio, float(np.clip(index, 1.3, 6.0)))
    return assembled(rng, name, light, [body], axis_ratio=axis_ratio)


def _arc(radius: float, width: float, opening: float, angle: float) -> dict[str, float]:
    return {"radius": radius, "width": width, "opening": opening, "angle": angle}
