"""Maps against what a painted galaxy is made of, beside maps that know nothing of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.checks import Finding
from gz2interp.statistics import mean_of
from gz2interp.trust.truth import PLAIN, of_components, pointing, relevance_mass, relevance_rank
from gz2interp.trust.verdict import finding_against
from gz2interp.workflows.check.asking import Bench
from gz2interp.workflows.check.causes import Causes

__all__ = ["plain_findings", "truth_findings"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Number = Callable[[Causes, Floats], Doubles]

GAUSSIAN: Final = "gaussian"


def truth_findings(bench: Bench, method: str, maps: Floats) -> Iterator[Finding]:
    """How much of some maps (n, y, x) lies on the cause, for all galaxies and class by class; nothing without a truth.

    Judged is the gain over a Gaussian at the centre, galaxy by galaxy.
    """
    if bench.causes is None:
        return
    plain = PLAIN[GAUSSIAN](bench.sample.images, bench.generator(20))
    for check, number in NUMBERS.items():
        numbers, theirs = number(bench.causes, maps), number(bench.causes, plain)
        for subject, which in _groups(bench, numbers):
            found, other, gain = (
                mean_of(values[which], bench.generator(10)) for values in (numbers, theirs, numbers - theirs)
            )
            yield finding_against(check, method, found, other, gain, subject)


def plain_findings(bench: Bench) -> Iterator[Finding]:
    """The same of maps that know nothing of the network, under their names in brackets."""
    for name, draw in PLAIN.items():
        yield from truth_findings(bench, f"({name})", draw(bench.sample.images, bench.generator(20)))


def _named(causes: Causes, maps: Floats) -> NDArray[np.int64]:
    """The component that has most of each map, int (n,)."""
    shares = np.where(np.isfinite(causes.falls), of_components(maps, causes.light), -np.inf)
    return np.asarray(shares.argmax(axis=1))


def _names_the_cause(causes: Causes, maps: Floats) -> Doubles:
    """1 where the component with most of the map is the one without which the score falls most, else 0."""
    return _if_several(causes, _named(causes, maps) == causes.cause)


def _score_falls(causes: Causes, maps: Floats) -> Doubles:
    """1 where the score falls when the component with most of the map is painted away, else 0."""
    falls = np.take_along_axis(causes.falls, _named(causes, maps)[:, None], axis=1)[:, 0]
    return _if_several(causes, falls > 0)


def _if_several(causes: Causes, true: NDArray[np.bool_]) -> Doubles:
    """1 or 0; NaN for a galaxy of a single component, of which nothing else can be named."""
    return np.where(causes.counts > 1, true.astype(np.float64), np.nan)


NUMBERS: Final[Mapping[str, Number]] = {
    "relevance_mass": lambda causes, maps: relevance_mass(maps, causes.region),
    "relevance_rank": lambda causes, maps: relevance_rank(maps, causes.region),
    "pointing": lambda causes, maps: pointing(maps, causes.region),
    "causal": _names_the_cause,
    "score_falls": _score_falls,
}
"""Of each check, a number for each galaxy."""


def _groups(bench: Bench, numbers: Doubles) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """All galaxies, then those of each predicted class that has some."""
    yield "", np.ones(len(numbers), np.bool_)
    for name in bench.sample.class_names:
        which = (bench.sample.names == name) & np.isfinite(numbers)
        if which.any():
            yield name, which
