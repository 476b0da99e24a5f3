"""Ellipticals and lenses, and what volunteers call odd: mergers, disturbed and irregular galaxies, artefacts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from gz2interp.painting.field import bright_star, crossing_trail
from gz2interp.painting.kinds.discs import bulge_share, tilted_disc, with_disc
from gz2interp.painting.kinds.registry import Colour, UnscaledPart, assembled, galaxy_kind
from gz2interp.painting.populations import POPULATIONS, Photometry, draw_photometry
from gz2interp.painting.recipe import Recipe, Shape
from gz2interp.painting.shapes import (
    arms_shape,
    bulge_shape,
    clumps_shape,
    companion_shape,
    half_light_radius,
    tail_shape,
)

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
    arcs = [UnscaledPart("arc", share, _arc(radius, width, rng.uniform(40, 110), angle), blue)]
    if rng.random() < 0.5:
        arcs.append(UnscaledPart("arc", 0.4 * share, _arc(0.8 * radius, width, rng.uniform(20, 40), angle + 180), blue))
    index = float(np.clip(rng.normal(4.5, 0.7), 2.5, 6))
    body = spheroid(rng, light, axis_ratio, index, share=1 - sum(arc.share for arc in arcs))
    return assembled(rng, "lens", light, [body, *arcs], axis_ratio=axis_ratio)


def spheroid(rng: Generator, light: Photometry, axis_ratio: float, index: float, share: float = 1.0) -> UnscaledPart:
    """An elliptical galaxy of the size of `light`."""
    shape = {
        "radius": half_light_radius(light.petro_radius, axis_ratio, index),
        "index": index,
        "axis_ratio": axis_ratio,
        "angle": rng.uniform(0, 180),
    }
    return UnscaledPart("bulge", share, shape)


def _smooth(rng: Generator, name: str, population: str, axis_ratio: float, index: float) -> Recipe:
    light = draw_photometry(rng, POPULATIONS[population])
    body = spheroid(rng, light, axis_ratio, float(np.clip(index, 1.3, 6.0)))
    return assembled(rng, name, light, [body], axis_ratio=axis_ratio)


def _arc(radius: float, width: float, opening: float, angle: float) -> dict[str, float]:
    return {"radius": radius, "width": width, "opening": opening, "angle": angle}


IN_A_PAIR = 0.68
"""Petrosian radius of one galaxy over that of the pair."""


@galaxy_kind("merger")
def _merger(rng: Generator) -> Recipe:
    """Two galaxies close to each other, and in most of them what the tides pulled out."""
    pair = draw_photometry(rng, POPULATIONS["merger"])
    light = replace(pair, petro_radius=IN_A_PAIR * pair.petro_radius)
    ratio = 10 ** -rng.uniform(0.0, 0.6)
    tails = _tails(rng, light, most=0.14) if rng.random() < 0.7 else []
    left = 1 - sum(tail.share for tail in tails)
    other = companion_shape(rng, light.petro_radius, nearest=0.6, farthest=1.6)
    companion = UnscaledPart("companion", left * ratio / (1 + ratio), other, _own_colour(rng))
    body, axis_ratio = _body(rng, light, left / (1 + ratio))
    return assembled(rng, "merger", pair, [*body, companion, *tails], axis_ratio=axis_ratio)


@galaxy_kind("disturbed")
def _disturbed(rng: Generator) -> Recipe:
    """One galaxy out of shape: with tails, and often no companion left."""
    light = draw_photometry(rng, POPULATIONS["disturbed"])
    tails = _tails(rng, light, most=0.25)
    body, axis_ratio = _body(rng, light, 1 - sum(tail.share for tail in tails))
    return assembled(rng, "disturbed", light, [*body, *tails], axis_ratio=axis_ratio)


@galaxy_kind("irregular")
def _irregular(rng: Generator) -> Recipe:
    """A faint blue disc off its own middle, with knots here and there."""
    light = draw_photometry(rng, POPULATIONS["irregular"])
    body = tilted_disc(rng, light.petro_radius, flattest=0.35)
    shape = arms_shape(rng, body.scale, None) | body.plane
    shape |= {
        "number": 1,
        "raggedness": rng.uniform(0.9, 1.4),
        "contrast": rng.uniform(0.5, 1.5),
        "start": 0.3 * body.scale,
    }
    off = {axis: rng.normal(0, 0.25) * body.scale for axis in "xy"}
    patches, knots = rng.uniform(0.3, 0.5), rng.uniform(0.08, 0.25)
    pieces = [UnscaledPart("arms", patches, shape | off), UnscaledPart("clumps", knots, clumps_shape(rng, shape) | off)]
    return assembled(rng, "irregular", light, with_disc(pieces, body), axis_ratio=body.cosine)


@galaxy_kind("star")
def _star(rng: Generator) -> Recipe:
    """A star that was taken for a galaxy."""
    light = draw_photometry(rng, POPULATIONS["star"])
    star = assembled(rng, "star", light, [UnscaledPart("star", 1.0, {})], axis_ratio=1.0)
    return _at_rest(star)


@galaxy_kind("artefact")
def _artefact(rng: Generator) -> Recipe:
    """A faint galaxy that is lost beside a saturated star or under a trail."""
    light = draw_photometry(rng, POPULATIONS["smooth"])
    axis_ratio = rng.uniform(0.5, 1.0)
    recipe = assembled(rng, "artefact", light, [spheroid(rng, light, axis_ratio, 3.0)], axis_ratio=axis_ratio)
    return bright_star(rng, recipe) if rng.random() < 0.6 else crossing_trail(rng, recipe)


def _at_rest(recipe: Recipe) -> Recipe:
    return replace(recipe, redshift=0.0)


def _body(rng: Generator, light: Photometry, share: float) -> tuple[list[UnscaledPart], float]:
    """An elliptical or a spiral with that share of the light, and its axis ratio."""
    if rng.random() < 0.45:
        axis_ratio = rng.uniform(0.55, 1.0)
        return [spheroid(rng, light, axis_ratio, rng.uniform(2.5, 4.5), share)], axis_ratio
    body = tilted_disc(rng, light.petro_radius, flattest=0.4)
    shape = arms_shape(rng, body.scale, None) | body.plane
    arms, bulge = rng.uniform(0.25, 0.5) * share, bulge_share(rng, most=0.5) * share
    pieces = [
        UnscaledPart("bulge", bulge, bulge_shape(rng, body.scale, body.plane, axis_ratio=max(body.cosine, 0.8))),
        UnscaledPart("arms", arms, shape),
    ]
    disc = with_disc(pieces, body)[-1]
    return [*pieces, UnscaledPart("disc", share - arms - bulge, disc.shape)], body.cosine


def _tails(rng: Generator, light: Photometry, most: float) -> list[UnscaledPart]:
    """One or two tails; the second leaves on the other side, and curls the same way."""
    angle, sense = rng.uniform(0, 360), rng.choice([-1, 1])
    number = 1 if rng.random() < 0.4 else 2
    share = rng.uniform(0.4, 1.0) * most / number
    shapes: list[Shape] = [
        tail_shape(rng, light.petro_radius, angle + 180 * index + rng.normal(0, 25), sense) for index in range(number)
    ]
    return [UnscaledPart("tail", share, shape) for shape in shapes]


def _own_colour(rng: Generator) -> Colour:
    """A companion is bluer or redder than the main galaxy by a fifth of a magnitude or so."""
    ug, gr, ri, iz = np.array([0.25, 0.18, 0.05, 0.05]) * rng.standard_normal()
    return float(ug), float(gr), float(ri), float(iz)
