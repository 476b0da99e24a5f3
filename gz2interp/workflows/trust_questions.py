"""The tests of ``gz2interp check`` on a sample of galaxies: each computes findings for one method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.attribution.symmetry import VIEWS, apply_view, undo_view
from gz2interp.checks import Finding
from gz2interp.errors import InputError
from gz2interp.painting import Alteration
from gz2interp.results import Attribution
from gz2interp.schema import GALAXY_ID
from gz2interp.statistics import bootstrap_mean, bootstrap_ratio
from gz2interp.stores.truth import Truth
from gz2interp.trust.map_tests import (
    Explainer,
    areas,
    correlation,
    electrons_of,
    importance,
    mean_correlation,
    noise_resampling,
    order_of,
    random_order,
    rank_correlation,
)
from gz2interp.trust.truth import BASELINE_MAPS, of_components, pointing, region_of, relevance_mass, relevance_rank
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
"""Splits that the network was not trained on."""

GAUSSIAN: Final = "gaussian"


@dataclass(frozen=True, eq=False)
class CheckSample:
    """A sample of galaxies, balanced over predicted classes; so are the first few of them.

    Attributes
    ----------
    rows : int64 (n,)
        Rows of the survey, unordered.
    images : float32 (n, y, x, band), nanomaggies
    classes : int64 (n,)
        Predicted class, as a position in `class_names`.
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
        """The sample of the first galaxies."""
        arrays = {name: getattr(self, name)[:count] for name in ("rows", "images", "classes", "sky_sigma")}
        return replace(self, **arrays)

    @property
    def names(self) -> NDArray[np.str_]:
        """The predicted class of each galaxy."""
        return np.array(self.class_names)[self.classes]


def draw_sample(study: Study, count: int, seed: int) -> CheckSample:
    """Draw a sample of galaxies, first of those outside the training split.

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
    selected = _sample_table(table, count, seed)
    if len(selected) < 2:
        raise InputError(f"{study.survey.name} has {len(table)} galaxies with an image", "Two or more for a check")
    rows = selected["row"].to_numpy(np.int64)
    return CheckSample(
        rows=rows,
        images=study.survey.images(rows),
        classes=np.array([names.index(name) for name in selected["prediction"]], np.int64),
        class_names=names,
        sky_sigma=_sky_sigma(study, rows),
        electrons=electrons_of(study.survey.bands),
    )


def _sample_table(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Equal numbers of each predicted class; small classes are filled up by the others."""
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
    """The components of some galaxies, and the effect of each on the score.

    Attributes
    ----------
    light : float32 (n, y, x, component)
        Share of the galaxy's light; 0 for objects of the field.
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
        """Number of components of each galaxy."""
        return np.asarray(np.isfinite(self.falls).sum(axis=1))

    @cached_property
    def region(self) -> NDArray[np.bool_]:
        """Pixels of the cause, bool (n, y, x)."""
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
        components = tuple(dict.fromkeys(part.name for part in recipe_of_galaxy(survey, galaxy).subject))
        altered = [repaint_galaxy(survey, galaxy, Alteration(without=(name,))).after.image for name in components]
        logits = study.probe.logits(np.stack([sample.images[k], *altered]))[:, sample.classes[k]]
        falls[k, [truth.component(name) for name in components]] = logits[0] - logits[1:]
        if progress:
            progress(k + 1, len(sample.rows))
    return Causes(truth.components, np.where(np.isfinite(falls)[:, None, None], light, 0), falls)


@dataclass(frozen=True, eq=False)
class CheckInputs:
    """Inputs of the tests, the same for all methods.

    Attributes
    ----------
    few : CheckSample
        The first of them, for tests that need a dozen maps of each galaxy.
    randomised_network : RandomisedNetwork
        The network, whose top layers can be randomised.
    stages : tuple of int
        Numbers of randomised top layers, rising to all layers.
    label_randomised : Probe or None
        A network trained on permuted labels.
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
        """A random generator for one purpose, the same for every method."""
        return np.random.default_rng([self.seed, *of])

    @cached_property
    def random_areas(self) -> tuple[Floats, Floats]:
        """Deletion and insertion areas of random orders."""
        order = random_order(self.sample.images.shape[:3], self.generator(1))
        return areas(self.probe, self.sample.images, self.sample.classes, order, self.generator(2))


def map_findings(inputs: CheckInputs, explainer: Explainer, attribution: Attribution) -> Iterator[Finding]:
    """Findings of all tests of a method that need no truth, one after the other.

    Parameters
    ----------
    attribution : Attribution
        Maps of the method for the sample.
    """
    maps = importance(attribution.values, explainer.method.contributes)
    yield from _completeness(inputs, attribution)
    yield from _deletion_and_insertion(inputs, explainer, maps)
    maps = maps[: len(inputs.few.rows)]
    yield from _noise(inputs, explainer, maps)
    yield from _symmetry(inputs, explainer, maps)
    yield from _model_randomisation(inputs, explainer, maps)
    yield from _label_randomisation(inputs, explainer, maps)


def _completeness(inputs: CheckInputs, attribution: Attribution) -> Iterator[Finding]:
    """Mean completeness gap over the mean score difference, for methods with completeness.

    In Quantus: ``Completeness``; Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365.
    """
    if attribution.total is None:
        return
    sums = attribution.values.reshape(len(attribution.values), -1).sum(axis=1, dtype=np.float64)
    gap = bootstrap_ratio(np.abs(sums - attribution.total), np.abs(attribution.total), inputs.generator(10))
    yield finding("completeness", attribution.method, gap)


def _deletion_and_insertion(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    sample, name = inputs.sample, explainer.method.name
    deletion, insertion = areas(inputs.probe, sample.images, sample.classes, order_of(maps), inputs.generator(2))
    random_areas = inputs.random_areas
    yield finding("deletion", name, bootstrap_mean(random_areas[0] - deletion, inputs.generator(10)))
    yield finding("insertion", name, bootstrap_mean(insertion - random_areas[1], inputs.generator(10)))


def _noise(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    sample = inputs.few
    resampled = noise_resampling(sample.images, sample.sky_sigma, sample.electrons, inputs.generator(3))
    correlations = correlation(maps, explainer.importance(inputs.probe, resampled, sample.classes))
    yield finding("noise", explainer.method.name, bootstrap_mean(correlations, inputs.generator(10)))


def _symmetry(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    """Mean correlation with the maps of the seven other views; only for square images."""
    images, classes = inputs.few.images, inputs.few.classes
    if images.shape[1] != images.shape[2]:
        return
    views = (explainer.importance(inputs.probe, apply_view(images, view), classes) for view in range(1, VIEWS))
    correlations = [correlation(maps, undo_view(map_, view)) for view, map_ in enumerate(views, start=1)]
    yield finding(
        "symmetry", explainer.method.name, bootstrap_mean(mean_correlation(correlations), inputs.generator(10))
    )


def _model_randomisation(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    """Rank correlation with the maps of the network with more and more of its top layers randomised.

    The verdict uses the mean over the stages: a map that does not change while the layers nearest to the output are
    randomised does not depend on the score, even if it changes with the first layers (as guided backpropagation does).

    In Quantus: ``ModelParameterRandomisation`` (MPRT) from the top down, with ``correlation_spearman``.
    """
    name, sample = explainer.method.name, inputs.few
    correlations = []
    for stage in inputs.stages:
        inputs.randomised_network.randomise_top_layers(stage)
        randomised_maps = explainer.importance(inputs.randomised_network.probe, sample.images, sample.classes)
        correlations.append(rank_correlation(maps, randomised_maps))
        stage_in_words = f"the top {stage} of {inputs.stages[-1]} layers"
        yield finding(
            "model_randomisation", name, bootstrap_mean(correlations[-1], inputs.generator(10)), stage_in_words
        )
    yield finding("model_randomisation", name, bootstrap_mean(mean_correlation(correlations), inputs.generator(10)))


def _label_randomisation(inputs: CheckInputs, explainer: Explainer, maps: Floats) -> Iterator[Finding]:
    if inputs.label_randomised is None:
        return
    randomised_maps = explainer.importance(inputs.label_randomised, inputs.few.images, inputs.few.classes)
    mean_correlation = bootstrap_mean(rank_correlation(maps, randomised_maps), inputs.generator(10))
    yield finding("label_randomisation", explainer.method.name, mean_correlation)


Number = Callable[[Causes, Floats], Doubles]


def truth_findings(inputs: CheckInputs, method: str, maps: Floats) -> Iterator[Finding]:
    """Agreement of maps (n, y, x) with the cause, for all galaxies and for each class; nothing without a truth.

    The verdict uses the gain over a Gaussian at the centre, galaxy by galaxy.
    """
    if inputs.causes is None:
        return
    baseline = BASELINE_MAPS[GAUSSIAN](inputs.sample.images, inputs.generator(20))
    for check, measure in TRUTH_TESTS.items():
        numbers, baseline_numbers = measure(inputs.causes, maps), measure(inputs.causes, baseline)
        for class_name, selected in _groups(inputs, numbers):
            mean, baseline_mean, gain = (
                bootstrap_mean(values[selected], inputs.generator(10))
                for values in (numbers, baseline_numbers, numbers - baseline_numbers)
            )
            yield finding_against(check, method, mean, baseline_mean, gain, class_name)


def baseline_findings(inputs: CheckInputs) -> Iterator[Finding]:
    """The findings of `truth_findings` for baseline maps, under their names in brackets."""
    for name, draw in BASELINE_MAPS.items():
        yield from truth_findings(inputs, f"({name})", draw(inputs.sample.images, inputs.generator(20)))


def _largest_component(causes: Causes, maps: Floats) -> NDArray[np.int64]:
    """The component with the largest share of each map, int (n,)."""
    shares = np.where(np.isfinite(causes.falls), of_components(maps, causes.light), -np.inf)
    return np.asarray(shares.argmax(axis=1))


def _largest_is_cause(causes: Causes, maps: Floats) -> Doubles:
    """1 where the component with most of the map is the one without which the score falls most, else 0."""
    return _nan_if_single(causes, _largest_component(causes, maps) == causes.cause)


def _removal_lowers_score(causes: Causes, maps: Floats) -> Doubles:
    """1 where the score falls when the component with most of the map is painted away, else 0."""
    falls = np.take_along_axis(causes.falls, _largest_component(causes, maps)[:, None], axis=1)[:, 0]
    return _nan_if_single(causes, falls > 0)


def _nan_if_single(causes: Causes, is_true: NDArray[np.bool_]) -> Doubles:
    """1 or 0; NaN for galaxies of a single component."""
    return np.where(causes.counts > 1, is_true.astype(np.float64), np.nan)


TRUTH_TESTS: Final[Mapping[str, Number]] = {
    "relevance_mass": lambda causes, maps: relevance_mass(maps, causes.region),
    "relevance_rank": lambda causes, maps: relevance_rank(maps, causes.region),
    "pointing": lambda causes, maps: pointing(maps, causes.region),
    "causal": _largest_is_cause,
    "score_falls": _removal_lowers_score,
}
"""Functions that compute a number for each galaxy, by the name of the check."""


def _groups(inputs: CheckInputs, numbers: Doubles) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Masks of all galaxies, and of each predicted class that has some."""
    yield "", np.ones(len(numbers), np.bool_)
    for name in inputs.sample.class_names:
        selected = (inputs.sample.names == name) & np.isfinite(numbers)
        if selected.any():
            yield name, selected
