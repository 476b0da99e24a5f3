"""What volunteers call odd: mergers, disturbed and irregular galaxies; and what is no galaxy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from gz2interp.painting.field import bright_star, crossing_trail
from gz2interp.painting.kinds.assembly import Colour, Piece, assembled
from gz2interp.painting.kinds.discs import bulge_share, tilted_disc, with_disc
from gz2interp.painting.kinds.registry import galaxy_kind
from gz2interp.painting.kinds.smooth import spheroid
from gz2interp.painting.populations import POPULATIONS, Photometry, draw_photometry
from gz2interp.painting.recipe import Recipe, Shape
from gz2interp.painting.shapes import arms_shape, bulge_shape, clumps_shape, companion_shape, tail_shape

__all__: list[str] = []

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
    companion = Piece("companion", left * ratio / (1 + ratio), other, _own_colour(rng))
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
    pieces = [Piece("arms", patches, shape | off), Piece("clumps", knots, clumps_shape(rng, shape) | off)]
    return assembled(rng, "irregular", light, with_disc(pieces, body), axis_ratio=body.cosine)


@galaxy_kind("star")
def _star(rng: Generator) -> Recipe:
    """A star that was taken for a galaxy."""
    light = draw_photometry(rng, POPULATIONS["star"])
    star = assembled(rng, "star", light, [Piece("star", 1.0, {})], axis_ratio=1.0)
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


def _body(rng: Generator, light: Photometry, share: float) -> tuple[list[Piece], float]:
    """An elliptical or a spiral with that share of the light, and its axis ratio."""
    if rng.random() < 0.45:
        axis_ratio = rng.uniform(0.55, 1.0)
        return [spheroid(rng, light, axis_ratio, rng.uniform(2.5, 4.5), share)], axis_ratio
    body = tilted_disc(rng, light.petro_radius, flattest=0.4)
    shape = arms_shape(rng, body.scale, None) | body.plane
    arms, bulge = rng.uniform(0.25, 0.5) * share, bulge_share(rng, most=0.5) * share
    pieces = [
        Piece("bulge", bulge, bulge_shape(rng, body.scale, body.plane, axis_ratio=max(body.cosine, 0.8))),
        Piece("arms", arms, shape),
    ]
    disc = with_disc(pieces, body)[-1]
    return [*pieces, Piece("disc", share - arms - bulge, disc.shape)], body.cosine


def _tails(rng: Generator, light: Photometry, most: float) -> list[Piece]:
    """One or two tails; the second leaves on the other side, and curls the same way."""
    angle, sense = rng.uniform(0, 360), rng.choice([-1, 1])
    number = 1 if rng.random() < 0.4 else 2
    share = rng.uniform(0.4, 1.0) * most / number
    shapes: list[Shape] = [
        tail_shape(rng, light.petro_radius, angle + 180 * index + rng.normal(0, 25), sense) for index in range(number)
    ]
    return [Piece("tail", share, shape) for shape in shapes]


def _own_colour(rng: Generator) -> Colour:
    """A companion is bluer or redder than the main galaxy by a fifth of a magnitude or so."""
    ug, gr, ri, iz = np.array([0.25, 0.18, 0.05, 0.05]) * rng.standard_normal()
    return float(ug), float(gr), float(ri), float(iz)
