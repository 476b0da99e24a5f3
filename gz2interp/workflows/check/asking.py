"""What is asked of every method: each function is one check, and gives its findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.symmetry import VIEWS, turned, turned_back
from gz2interp.checks import Finding
from gz2interp.network.probe import Probe
from gz2interp.network.randomised import Forgetful
from gz2interp.results import Attribution
from gz2interp.statistics import mean_of, ratio_of
from gz2interp.trust.map_tests import (
    Explainer,
    areas,
    correlation,
    importance,
    mean_likeness,
    order_of,
    random_order,
    rank_correlation,
    second_draw,
)
from gz2interp.trust.verdict import finding
from gz2interp.workflows.check.causes import Causes
from gz2interp.workflows.check.sample import Sample

__all__ = ["Bench", "findings_of"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Bench:
    """What all methods are tried on.

    Attributes
    ----------
    probe : Probe
    sample : Sample
    few : Sample
        The first of them, for what a method is asked a dozen times.
    forgetful : Forgetful
        The network without what it learned.
    stages : tuple of int
        How many layers it forgets, rising; the last is all of them.
    label_randomised : Probe or None
        A network that learned labels which say nothing.
    causes : Causes or None
    seed : int
    """

    probe: Probe
    sample: Sample
    few: Sample
    forgetful: Forgetful
    stages: tuple[int, ...]
    label_randomised: Probe | None
    causes: Causes | None
    seed: int

    def generator(self, *of: int) -> np.random.Generator:
        """One for each thing that is drawn, the same for every method."""
        return np.random.default_rng([self.seed, *of])

    @cached_property
    def random_areas(self) -> tuple[Floats, Floats]:
        """Deletion and insertion in no order."""
        ranks = random_order(self.sample.images.shape[:3], self.generator(1))
        return areas(self.probe, self.sample.images, self.sample.classes, ranks, self.generator(2))


def findings_of(bench: Bench, explainer: Explainer, found: Attribution) -> Iterator[Finding]:
    """Every finding about a method that does not need the truth, one after the other as they are made.

    Parameters
    ----------
    bench : Bench
    explainer : Explainer
    found : Attribution
        Its answer about the bench's sample.
    """
    maps = importance(found.values, explainer.method.contributes)
    yield from _completeness(bench, found)
    yield from _order(bench, explainer, maps)
    maps = maps[: len(bench.few.rows)]
    yield from _noise(bench, explainer, maps)
    yield from _symmetry(bench, explainer, maps)
    yield from _model_randomisation(bench, explainer, maps)
    yield from _label_randomisation(bench, explainer, maps)


def _completeness(bench: Bench, found: Attribution) -> Iterator[Finding]:
    """The mean gap over the mean of what is to be explained, where the method promises a sum.

    In Quantus: ``Completeness``; Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365.
    """
    if found.total is None:
        return
    sums = found.values.reshape(len(found.values), -1).sum(axis=1, dtype=np.float64)
    gap = ratio_of(np.abs(sums - found.total), np.abs(found.total), bench.generator(10))
    yield finding("completeness", found.method, gap)


def _order(bench: Bench, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    sample, name = bench.sample, explainer.method.name
    deletion, insertion = areas(bench.probe, sample.images, sample.classes, order_of(maps), bench.generator(2))
    at_random = bench.random_areas
    yield finding("deletion", name, mean_of(at_random[0] - deletion, bench.generator(10)))
    yield finding("insertion", name, mean_of(insertion - at_random[1], bench.generator(10)))


def _noise(bench: Bench, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    sample = bench.few
    again = second_draw(sample.images, sample.sky_sigma, sample.electrons, bench.generator(3))
    likeness = correlation(maps, explainer.importance(bench.probe, again, sample.classes))
    yield finding("noise", explainer.method.name, mean_of(likeness, bench.generator(10)))


def _symmetry(bench: Bench, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    """The mean agreement with the seven other views; not asked of images that are not square."""
    images, classes = bench.few.images, bench.few.classes
    if images.shape[1] != images.shape[2]:
        return
    views = (explainer.importance(bench.probe, turned(images, view), classes) for view in range(1, VIEWS))
    likeness = [correlation(maps, turned_back(seen, view)) for view, seen in enumerate(views, start=1)]
    yield finding("symmetry", explainer.method.name, mean_of(mean_likeness(likeness), bench.generator(10)))


def _model_randomisation(bench: Bench, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    """Rank correlation with the map of a network that has forgotten its top layers, then more of them, then all.

    Judged is the mean over these stages: a map that stays while the layers nearest to the answer forget does not show
    the answer, even if it changes when the first layers forget what an edge is (guided backpropagation's way).

    In Quantus: ``ModelParameterRandomisation`` (MPRT) from the top down, with ``correlation_spearman``.
    """
    name, sample = explainer.method.name, bench.few
    likeness = []
    for stage in bench.stages:
        bench.forgetful.forget(stage)
        seen = explainer.importance(bench.forgetful.probe, sample.images, sample.classes)
        likeness.append(rank_correlation(maps, seen))
        told = f"the top {stage} of {bench.stages[-1]} layers"
        yield finding("model_randomisation", name, mean_of(likeness[-1], bench.generator(10)), told)
    yield finding("model_randomisation", name, mean_of(mean_likeness(likeness), bench.generator(10)))


def _label_randomisation(bench: Bench, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    if bench.label_randomised is None:
        return
    seen = explainer.importance(bench.label_randomised, bench.few.images, bench.few.classes)
    likeness = mean_of(rank_correlation(maps, seen), bench.generator(10))
    yield finding("label_randomisation", explainer.method.name, likeness)
