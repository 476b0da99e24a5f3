"""The open list of kinds, and how often each is drawn. A new kind is one function with the decorator `galaxy_kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator

from gz2interp.errors import InputError, choices
from gz2interp.painting.field import in_a_field
from gz2interp.painting.recipe import Recipe

__all__ = ["KINDS", "KIND_SHARES", "draw_recipe", "draw_recipes", "galaxy_kind", "recipe_of", "with_rare"]

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
