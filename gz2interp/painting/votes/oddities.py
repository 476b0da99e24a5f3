"""Is there anything odd, and what: Galaxy Zoo 2's questions 6 and 8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting.votes.opinions import either, rising
from gz2interp.painting.votes.sights import View

__all__ = ["disorder", "irregular", "odd", "odd_feature"]

Doubles = NDArray[np.float64]

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


def odd(view: View) -> Sequence[Doubles]:
    """Yes, no: for what stands out, or for nothing in particular."""
    yes = 1 - (1 - _at_random(view)) * (1 - 0.7 * irregular(view)) * (1 - either(view.seen, ODD))
    return yes, 1 - yes


def odd_feature(view: View) -> Sequence[Doubles]:
    """What it is, in proportion to what made them say so; the seven answers of the question."""
    weights = {name: weight * view.seen[name] for name, weight in ODD.items()}
    # Tails beside a companion are a merger's.
    shared = weights["tail"] * view.seen["companion"]
    weights |= {"tail": weights["tail"] - shared, "companion": weights["companion"] + shared}
    weights |= {"irregular": 0.7 * irregular(view), "nothing": _at_random(view)}
    named = [weight[:, None] * np.array(ODD_NAMES[name], float) for name, weight in weights.items()]
    return list(np.sum(named, axis=0).T)


def _at_random(view: View) -> Doubles:
    """Fewer call a slim galaxy odd: the cigars have half the odd votes of the round."""
    return AT_RANDOM * np.sqrt(view.axis_ratio)


def irregular(view: View) -> Doubles:
    """Patches without order where there is no bulge, or a body off its own middle."""
    patches = (1 - (1 - view.seen["clumps"]) * (1 - view.seen["arms"])) * disorder(view)
    return 1 - (1 - patches) * (1 - view.resolved * rising(view.sights.lopsided, at=0.35, width=0.08))


def disorder(view: View) -> Doubles:
    """1 for patches and knots that are not in arms, in a galaxy without a bulge; 0 for a spiral."""
    bulgeless = rising(-view.sights.bulge, at=-0.04, width=0.01)
    ragged = np.where(view.sights.arms > 0, view.sights.raggedness, 2.0)
    return bulgeless * rising(ragged, at=0.95, width=0.1)
