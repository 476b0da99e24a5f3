"""The tests of ``gz2interp check`` on a sample of galaxies: each computes findings for one method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.attribution.symmetry import VIEWS, turned, turned_back
from gz2interp.checks import Finding
from gz2interp.errors import InputError
from gz2interp.painting import Alteration
from gz2interp.results import Attribution
from gz2interp.schema import GALAXY_ID
from gz2interp.statistics import mean_of, ratio_of
from gz2interp.stores.truth import Truth
from gz2interp.trust.map_tests import (
    Explainer,
    areas,
    correlation,
    electrons_of,
    importance,
    mean_likeness,
    order_of,
    random_order,
    rank_correlation,
    second_draw,
)
from gz2interp.trust.truth import PLAIN, of_components, pointing, region_of, relevance_mass, relevance_rank
from gz2interp.trust.verdict import finding, finding_against
from gz2interp.workflows.predict import predict
from gz2interp.workflows.repaint import recipe_of_galaxy, repaint_galaxy
from gz2interp.workflows.study import Study

if TYPE_CHECKING:
    from gz2interp.network.probe import Probe
    from gz2interp.network.randomised import RandomisedNetwork

__all__ = [
    "Causes",
    "CheckInputs",
    "CheckSample",
    "baseline_findings",
    "draw_sample",
    "find_causes",
    "map_findings",
    "truth_findings",
]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

UNSEEN = ("test", "validation", "none")
"""Sides of the training, those first that the network has not learned from."""

GAUSSIAN: Final = "gaussian"


@dataclass(frozen=True, eq=False)
class CheckSample:
    """Some galaxies, as many of each predicted class as there are, up to an equal share; so are the first few of them.

    Attributes
    ----------
    rows : int64 (n,)
        Of the survey, in no order.
    images : float32 (n, y, x, band), nanomaggies
    classes : int64 (n,)
        What the network predicts, by position among `class_names`.
    sky_sigma : float32 (n, band)
        NaN where it was not measured.
    electrons : tuple of float
        Per nanomaggy in each band; infinite where unknown.
    """

    rows: NDArray[np.int64]
    images: NDArray[np.float32]
    classes: NDArray[np.int64]
    class_names: tuple[str, ...]
    sky_sigma: NDArray[np.float32]
    electrons: tuple[float, ...]

    def first(self, count: int) -> CheckSample:
        """The first so many of them."""
        some = {name: getattr(self, name)[:count] for name in ("rows", "images", "classes", "sky_sigma")}
        return replace(self, **some)

    @property
    def names(self) -> NDArray[np.str_]:
        """The predicted class of each galaxy."""
        return np.array(self.class_names)[self.classes]


def draw_sample(study: Study, count: int, seed: int) -> CheckSample:
    """Galaxies that the network has not learned from, as far as there are such.

    Parameters
    ----------
    count : int
        At most; fewer where the survey has fewer.

    Raises
    ------
    InputError
        Fewer than two galaxies have an image.
    """
    table, names = predict(study), study.probe.class_names
    chosen = _sample_table(table, count, seed)
    if len(chosen) < 2:
        raise InputError(f"{study.survey.name} has {len(table)} galaxies with an image", "Two or more for a check")
    rows = chosen["row"].to_numpy(np.int64)
    return CheckSample(
        rows=rows,
        images=study.survey.images(rows),
        classes=np.array([names.index(name) for name in chosen["prediction"]], np.int64),
        class_names=names,
        sky_sigma=_sky_sigma(study, rows),
        electrons=electrons_of(study.survey.bands),
    )


def _sample_table(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """An equal share of each predicted class; what a class cannot fill, the others do."""
    shuffled = table.sample(frac=1, random_state=np.random.default_rng([seed, 0]))
    unseen = shuffled["split"].isin(UNSEEN).to_numpy()
    ordered = pd.concat([shuffled[unseen], shuffled[~unseen]])
    turn = ordered.groupby("prediction").cumcount().to_numpy()
    first = np.lexsort((np.arange(len(turn)), turn))[:count]
    return ordered.iloc[first]


def _sky_sigma(study: Study, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    bands = study.survey.bands
    return np.array([_sigma_or_nan(study.survey.cutout(int(row)).sky_sigma, len(bands)) for row in rows], np.float32)


def _sigma_or_nan(sigma: tuple[float, ...], bands: int) -> tuple[float, ...]:
    return sigma if len(sigma) == bands else (float("nan"),) * bands


@dataclass(frozen=True, eq=False)
class Causes:
    """The components of some galaxies, and what the score owes to each.

    Attributes
    ----------
    light : float32 (n, y, x, component)
        As a share of the galaxy's; 0 for what is not part of the galaxy: its field has no say in what it is.
    falls : float64 (n, component)
        By how much the logit of the predicted class falls without the component; NaN where the galaxy has none.
    """

    components: tuple[str, ...]
    light: NDArray[np.float32]
    falls: NDArray[np.float64]

    @property
    def cause(self) -> NDArray[np.int64]:
        """The component without which the score falls most, int (n,)."""
        return np.asarray(np.nanargmax(self.falls, axis=1))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many components each galaxy has."""
        return np.asarray(np.isfinite(self.falls).sum(axis=1))

    @cached_property
    def region(self) -> NDArray[np.bool_]:
        """Where the cause is, bool (n, y, x)."""
        return region_of(self.light[np.arange(len(self.light)), ..., self.cause])


def find_causes(study: Study, sample: CheckSample, progress: Callable[[int, int], None] | None = None) -> Causes | None:
    """The causes of a sample's classes; None where the survey was not painted."""
    survey = study.survey
    if not Truth.exists(survey.path):
        return None
    truth = Truth.open(survey.path)
    light = truth.light(sample.rows).astype(np.float32)
    falls = np.full((len(sample.rows), len(truth.components)), np.nan)
    for k, row in enumerate(sample.rows):
        galaxy = int(survey.catalog[GALAXY_ID].iloc[row])
        names = tuple(dict.fromkeys(part.name for part in recipe_of_galaxy(survey, galaxy).subject))
        seen = [repaint_galaxy(survey, galaxy, Alteration(without=(name,))).after.image for name in names]
        logits = study.probe.logits(np.stack([sample.images[k], *seen]))[:, sample.classes[k]]
        falls[k, [truth.component(name) for name in names]] = logits[0] - logits[1:]
        if progress:
            progress(k + 1, len(sample.rows))
    return Causes(truth.components, np.where(np.isfinite(falls)[:, None, None], light, 0), falls)


@dataclass(frozen=True, eq=False)
class CheckInputs:
    """What all methods are tried on.

    Attributes
    ----------
    few : CheckSample
        The first of them, for what a method is asked a dozen times.
    randomised_network : RandomisedNetwork
        The network without what it learned.
    stages : tuple of int
        How many layers it forgets, rising; the last is all of them.
    label_randomised : Probe or None
        A network that learned labels which say nothing.
    """

    probe: Probe
    sample: CheckSample
    few: CheckSample
    randomised_network: RandomisedNetwork
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


def map_findings(inputs: CheckInputs, explainer: Explainer, found: Attribution) -> Iterator[Finding]:
    """Every finding about a method that does not need the truth, one after the other as they are made.

    Parameters
    ----------
    found : Attribution
        Its answer about the bench's sample.
    """
    maps = importance(found.values, explainer.method.contributes)
    yield from _completeness(inputs, found)
    yield from _deletion_and_insertion(inputs, explainer, maps)
    maps = maps[: len(inputs.few.rows)]
    yield from _noise(inputs, explainer, maps)
    yield from _symmetry(inputs, explainer, maps)
    yield from _model_randomisation(inputs, explainer, maps)
    yield from _label_randomisation(inputs, explainer, maps)


def _completeness(inputs: CheckInputs, found: Attribution) -> Iterator[Finding]:
    """The mean gap over the mean of what is to be explained, where the method promises a sum.

    In Quantus: ``Completeness``; Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365.
    """
    if found.total is None:
        return
    sums = found.values.reshape(len(found.values), -1).sum(axis=1, dtype=np.float64)
    gap = ratio_of(np.abs(sums - found.total), np.abs(found.total), inputs.generator(10))
    yield finding("completeness", found.method, gap)


def _deletion_and_insertion(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    sample, name = inputs.sample, explainer.method.name
    deletion, insertion = areas(inputs.probe, sample.images, sample.classes, order_of(maps), inputs.generator(2))
    at_random = inputs.random_areas
    yield finding("deletion", name, mean_of(at_random[0] - deletion, inputs.generator(10)))
    yield finding("insertion", name, mean_of(insertion - at_random[1], inputs.generator(10)))


def _noise(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    sample = inputs.few
    again = second_draw(sample.images, sample.sky_sigma, sample.electrons, inputs.generator(3))
    correlations = correlation(maps, explainer.importance(inputs.probe, again, sample.classes))
    yield finding("noise", explainer.method.name, mean_of(correlations, inputs.generator(10)))


def _symmetry(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    """The mean agreement with the seven other views; not asked of images that are not square."""
    images, classes = inputs.few.images, inputs.few.classes
    if images.shape[1] != images.shape[2]:
        return
    views = (explainer.importance(inputs.probe, turned(images, view), classes) for view in range(1, VIEWS))
    correlations = [correlation(maps, turned_back(seen, view)) for view, seen in enumerate(views, start=1)]
    yield finding("symmetry", explainer.method.name, mean_of(mean_likeness(correlations), inputs.generator(10)))


def _model_randomisation(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    """Rank correlation with the map of a network that has forgotten its top layers, then more of them, then all.

    Judged is the mean over these stages: a map that stays while the layers nearest to the answer forget does not show
    the answer, even if it changes when the first layers forget what an edge is (guided backpropagation's way).

    In Quantus: ``ModelParameterRandomisation`` (MPRT) from the top down, with ``correlation_spearman``.
    """
    name, sample = explainer.method.name, inputs.few
    correlations = []
    for stage in inputs.stages:
        inputs.randomised_network.randomise_top_layers(stage)
        seen = explainer.importance(inputs.randomised_network.probe, sample.images, sample.classes)
        correlations.append(rank_correlation(maps, seen))
        told = f"the top {stage} of {inputs.stages[-1]} layers"
        yield finding("model_randomisation", name, mean_of(correlations[-1], inputs.generator(10)), told)
    yield finding("model_randomisation", name, mean_of(mean_likeness(correlations), inputs.generator(10)))


def _label_randomisation(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    if inputs.label_randomised is None:
        return
    seen = explainer.importance(inputs.label_randomised, inputs.few.images, inputs.few.classes)
    correlations = mean_of(rank_correlation(maps, seen), inputs.generator(10))
    yield finding("label_randomisation", explainer.method.name, correlations)


Number = Callable[[Causes, Floats], Doubles]


def truth_findings(inputs: CheckInputs, method: str, maps: Floats) -> Iterator[Finding]:
    """How much of some maps (n, y, x) lies on the cause, for all galaxies and class by class; nothing without a truth.

    Judged is the gain over a Gaussian at the centre, galaxy by galaxy.
    """
    if inputs.causes is None:
        return
    plain = PLAIN[GAUSSIAN](inputs.sample.images, inputs.generator(20))
    for check, number in TRUTH_TESTS.items():
        numbers, theirs = number(inputs.causes, maps), number(inputs.causes, plain)
        for study, which in _groups(inputs, numbers):
            found, other, gain = (
                mean_of(values[which], inputs.generator(10)) for values in (numbers, theirs, numbers - theirs)
            )
            yield finding_against(check, method, found, other, gain, study)


def baseline_findings(inputs: CheckInputs) -> Iterator[Finding]:
    """The same of maps that know nothing of the network, under their names in brackets."""
    for name, draw in PLAIN.items():
        yield from truth_findings(inputs, f"({name})", draw(inputs.sample.images, inputs.generator(20)))


def _largest_component(causes: Causes, maps: Floats) -> NDArray[np.int64]:
    """The component that has most of each map, int (n,)."""
    shares = np.where(np.isfinite(causes.falls), of_components(maps, causes.light), -np.inf)
    return np.asarray(shares.argmax(axis=1))


def _largest_is_cause(causes: Causes, maps: Floats) -> Doubles:
    """1 where the component with most of the map is the one without which the score falls most, else 0."""
    return _nan_if_single(causes, _largest_component(causes, maps) == causes.cause)


def _removal_lowers_score(causes: Causes, maps: Floats) -> Doubles:
    """1 where the score falls when the component with most of the map is painted away, else 0."""
    falls = np.take_along_axis(causes.falls, _largest_component(causes, maps)[:, None], axis=1)[:, 0]
    return _nan_if_single(causes, falls > 0)


def _nan_if_single(causes: Causes, true: NDArray[np.bool_]) -> Doubles:
    """1 or 0; NaN for a galaxy of a single component, of which nothing else can be named."""
    return np.where(causes.counts > 1, true.astype(np.float64), np.nan)


TRUTH_TESTS: Final[Mapping[str, Number]] = {
    "relevance_mass": lambda causes, maps: relevance_mass(maps, causes.region),
    "relevance_rank": lambda causes, maps: relevance_rank(maps, causes.region),
    "pointing": lambda causes, maps: pointing(maps, causes.region),
    "causal": _largest_is_cause,
    "score_falls": _removal_lowers_score,
}
"""Of each check, a number for each galaxy."""


def _groups(inputs: CheckInputs, numbers: Doubles) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """All galaxies, then those of each predicted class that has some."""
    yield "", np.ones(len(numbers), np.bool_)
    for name in inputs.sample.class_names:
        which = (inputs.sample.names == name) & np.isfinite(numbers)
        if which.any():
            yield name, which
