"""The probability of each answer to Galaxy Zoo 2's questions, given what can be seen of a galaxy.

Each question is a short function of a `DistantView`. Later questions are put to those who gave the answer before: of
those who see features at all, most see the arms if there are any, however few they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.painting.votes.visibility import ComponentVisibility, DistantView
from gz2interp.schema import QUESTIONS

__all__ = [
    "Chances",
    "chances",
    "disorder",
    "either",
    "irregular",
    "odd",
    "odd_feature",
    "ordered",
    "rising",
    "with_mistakes",
]


Doubles = NDArray[np.float64]

MISTAKES = 0.01
"""Share of answers that were not meant."""


def either(visibility: ComponentVisibility, shares: Mapping[str, float]) -> Doubles:
    """Share who notice one at least, of what each of those who see it minds with a share of its own."""
    return np.asarray(1 - np.prod([1 - share * visibility[name] for name, share in shares.items()], axis=0))


def rising(value: Doubles, at: float | Doubles, width: float) -> Doubles:
    """From 0 to 1, a half at `at`: volunteers put the edge there, give or take `width`."""
    return np.asarray(special.expit((value - at) / width))


def ordered(value: Doubles, edges: Sequence[float], width: float) -> list[Doubles]:
    """Answers in a row: a volunteer puts each edge where others do, give or take `width`."""
    below = [np.zeros_like(value), *(1 - rising(value, edge, width) for edge in edges), np.ones_like(value)]
    return [high - low for low, high in pairwise(below)]


def with_mistakes(share: Doubles) -> Doubles:
    """Chances (n, answer) that sum to 1, of shares of any sum."""
    return np.asarray((1 - MISTAKES) * share / share.sum(axis=1, keepdims=True) + MISTAKES / share.shape[1])


ODD: Final = {
    "inner_ring": 0.60,
    "outer_ring": 0.80,
    "arc": 0.85,
    "tail": 0.75,
    "companion": 0.80,
    "neighbour": 0.42,
    "dust": 0.50,
    "star": 0.42,
    "spikes": 0.50,
    "trail": 0.65,
}
"""What makes it odd."""

ODD_NAMES: Final = {
    #             ring lens dist irre othe merg dust
    "inner_ring": (20, 1, 0, 0, 1, 0, 0),
    "outer_ring": (20, 2, 0, 0, 1, 0, 0),
    "arc": (2, 14, 1, 0, 3, 1, 0),
    "tail": (0, 1, 8, 2, 2, 7, 0),
    "companion": (0, 0, 2, 0, 2, 16, 0),
    "neighbour": (0, 1, 1, 0, 9, 9, 0),
    "dust": (0, 0, 1, 1, 3, 0, 15),
    "star": (0, 2, 0, 0, 16, 2, 0),
    "spikes": (0, 2, 0, 0, 18, 0, 0),
    "trail": (0, 1, 1, 0, 18, 0, 0),
    "irregular": (0, 0, 3, 15, 2, 0, 0),
    "nothing": (27, 10, 11, 6, 31, 10, 5),
}
"""What it is called by those who call it odd."""

AT_RANDOM = 0.115
"""Share of volunteers who call a plain galaxy odd."""


def odd(view: DistantView) -> Sequence[Doubles]:
    """Yes, no: for what stands out, or for nothing in particular."""
    yes = 1 - (1 - _at_random(view)) * (1 - 0.7 * irregular(view)) * (1 - either(view.visibility, ODD))
    return yes, 1 - yes


def odd_feature(view: DistantView) -> Sequence[Doubles]:
    """What it is, in proportion to what made them say so; the seven answers of the question."""
    weights = {name: weight * view.visibility[name] for name, weight in ODD.items()}
    # Tails beside a companion are a merger's.
    shared = weights["tail"] * view.visibility["companion"]
    weights |= {"tail": weights["tail"] - shared, "companion": weights["companion"] + shared}
    weights |= {"irregular": 0.7 * irregular(view), "nothing": _at_random(view)}
    named = [weight[:, None] * np.array(ODD_NAMES[name], float) for name, weight in weights.items()]
    return list(np.sum(named, axis=0).T)


def _at_random(view: DistantView) -> Doubles:
    """Fewer call a slim galaxy odd: the cigars have half the odd votes of the round."""
    return AT_RANDOM * np.sqrt(view.axis_ratio)


def irregular(view: DistantView) -> Doubles:
    """Patches without order where there is no bulge, or a body off its own middle."""
    patches = (1 - (1 - view.visibility["clumps"]) * (1 - view.visibility["arms"])) * disorder(view)
    return 1 - (1 - patches) * (1 - view.resolved * rising(view.sights.lopsided, at=0.35, width=0.08))


def disorder(view: DistantView) -> Doubles:
    """1 for patches and knots that are not in arms, in a galaxy without a bulge; 0 for a spiral."""
    bulgeless = rising(-view.sights.bulge, at=-0.04, width=0.01)
    ragged = np.where(view.sights.arms > 0, view.sights.raggedness, 2.0)
    return bulgeless * rising(ragged, at=0.95, width=0.1)


Chances = Mapping[str, Doubles]
"""Question to (n, answer); rows sum to 1."""

FEATURES: Final = {
    "arms": 1.0,
    "bar": 0.8,
    "inner_ring": 0.8,
    "outer_ring": 0.8,
    "clumps": 0.7,
    "dust": 0.8,
    "tail": 0.2,
    "companion": 0.1,
    "arc": 0.2,
}
"""What makes a galaxy one with features, and how many of those who see it say so."""

EAGERNESS = 0.6
"""Below 1: who has seen that there are features finds arms and bars more easily than who has not."""

GLARING = 0.9
"""Logarithm of the glare over the galaxy's light at which half as many as ever will say "star or artifact"."""


def chances(view: DistantView) -> Chances:
    """The probability of each answer for volunteers who reach the question."""
    return {name: with_mistakes(np.stack(np.broadcast_arrays(*ASKED[name](view)), axis=1)) for name in QUESTIONS}


# -- one question each ------------------------------------------------------------------------------------------------


def _smooth_or_features(view: DistantView) -> Sequence[Doubles]:
    glare = np.log10(np.clip(view.sights.glare, 1e-6, 1e6))
    artefact = 0.025 + 0.64 * rising(glare, at=GLARING, width=0.15)
    features = _features(view)
    return (1 - artefact) * (1 - features), (1 - artefact) * features, artefact


def _edge_on(view: DistantView) -> Sequence[Doubles]:
    yes = _edge_on_look(view)
    return yes, 1 - yes


def _bar(view: DistantView) -> Sequence[Doubles]:
    yes = 0.10 + 0.88 * _of_those_who_see_features(view, view.visibility["bar"])
    return yes, 1 - yes


def _spiral(view: DistantView) -> Sequence[Doubles]:
    rings = either(view.visibility, {"inner_ring": 0.3, "outer_ring": 0.3, "tail": 0.25, "clumps": 0.3})
    arms = view.visibility["arms"] * (1 - disorder(view))
    yes = 0.04 + 0.95 * _of_those_who_see_features(view, 1 - (1 - arms) * (1 - rings))
    return yes, 1 - yes


def _bulge_prominence(view: DistantView) -> Sequence[Doubles]:
    return ordered(np.log10(view.sights.bulge + 0.003), edges=(-1.95, -0.70, 0.12), width=0.23)


def _rounded(view: DistantView) -> Sequence[Doubles]:
    return ordered(1 - view.axis_ratio, edges=(0.20, 0.60), width=0.065)


def _bulge_shape(view: DistantView) -> Sequence[Doubles]:
    none = rising(-np.log10(view.sights.bulge + 0.003), at=1.25, width=0.40)
    boxy = 0.08 + 0.60 * rising(view.sights.boxiness, at=2.5, width=0.1) * view.resolved
    return (1 - none) * (1 - boxy), (1 - none) * boxy, none


def _arms_winding(view: DistantView) -> Sequence[Doubles]:
    # Arms that cannot be followed look tightly wound.
    pitch = view.sights.pitch * (0.7 + 0.3 * view.visibility["arms"])
    return ordered(pitch, edges=(16.5, 26.5), width=4.5)


def _arms_number(view: DistantView) -> Sequence[Doubles]:
    counted = view.visibility["arms"] * np.exp(-0.45 * view.sights.raggedness)
    off = np.abs(view.sights.arms[:, None] - np.arange(1, 6))
    near = np.where(off < 0.5, 1.0, np.where(off < 1.5, 0.12, 0.02)) * counted[:, None]
    guessed = (1 - counted)[:, None] * np.array([0.06, 0.22, 0.06, 0.03, 0.05])
    return [*(near + guessed).T, 0.58 * (1 - counted) + 0.04]


ASKED: Final[Mapping[str, Callable[[DistantView], Sequence[Doubles]]]] = dict(
    zip(
        QUESTIONS,
        (
            _smooth_or_features,
            _edge_on,
            _bar,
            _spiral,
            _bulge_prominence,
            odd,
            _rounded,
            odd_feature,
            _bulge_shape,
            _arms_winding,
            _arms_number,
        ),
        strict=True,
    )
)


# -- what several questions share -------------------------------------------------------------------------------------


def _features(view: DistantView) -> Doubles:
    """Share of the volunteers who say "features or a disk"."""
    disc = view.sights.disc > 0
    flat = _edge_on_look(view) * np.where(disc, 0.85 * view.resolved, 0.20)
    plain = 0.07 + (0.11 + 0.47 * view.sights.disc) * view.resolved
    return 1 - (1 - plain) * (1 - flat) * (1 - 0.6 * irregular(view)) * (1 - either(view.visibility, FEATURES))


def _of_those_who_see_features(view: DistantView, visibility: Doubles) -> Doubles:
    return np.asarray(np.minimum(visibility / _features(view), 1.0) ** EAGERNESS)


def _edge_on_look(view: DistantView) -> Doubles:
    return 0.03 + 0.94 * rising(-view.axis_ratio, at=-np.where(view.sights.edge_on, 0.48, 0.34), width=0.07)
