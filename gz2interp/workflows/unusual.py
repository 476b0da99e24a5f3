"""``gz2interp unusual``: anomaly scores of every galaxy with reasons, stored inside the analysis.

Stored results are read by `gz2interp.workflows.unusual_results`, which needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import (
    IMAGE_SCORES,
    SCORES,
    TITLES,
    AnomalyModel,
    combine_scores,
    normal_scores,
)
from gz2interp.embedding.unusual.morphology import CONTROLS, FAMILIES, Morphology
from gz2interp.embedding.unusual.places import cells_of, feature_names, features_of, mean_of_farthest
from gz2interp.embedding.unusual.reasons import (
    MOST_DEVIATIONS,
    ORDINARY,
    deviations_in_words,
    place_in_words,
    reason_of,
    strongest_features,
)
from gz2interp.embedding.unusual.scores import vote_shares
from gz2interp.errors import SurveyError
from gz2interp.measure.morphology import SMALLEST, morphology, morphology_words
from gz2interp.network.answers import LayerInfo
from gz2interp.network.model_probe import ModelProbe
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID, name_in_words
from gz2interp.stores.analyses import Analysis, latest_analysis
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import atomic_folder
from gz2interp.stores.layer_results import UnusualFolder, unusual_folder
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings
from gz2interp.workflows.study import Progress, Study
from gz2interp.workflows.unusual_results import (
    REASONS,
    TOGETHER,
    FittedStatistics,
    UnusualGalaxies,
    fit_statistics,
    probabilities_of,
    statistics_arrays,
)

if TYPE_CHECKING:
    from gz2interp.network.probe import Probe

__all__ = [
    "FEWEST",
    "FeatureExtractor",
    "ImageAnomaly",
    "LayerFeatures",
    "PixelMeasurements",
    "UnusualSettings",
    "last_layers_of_each_size",
    "reason_details",
    "score_images",
    "strongest_measurements",
    "unusual",
    "votes_in_words",
]


Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Deviations = list[tuple[str, float]]
"""Descriptions of measurements, and by how many standard deviations each is off."""

SCALED: Final = "scaled"
"""Name of the layer that scales the images in networks of this project."""

STRONGEST_MEASUREMENTS: Final = 2
"""Measurements that a reason names at most."""

EXCESSES: Final = ("residuals", "one_band")
"""Scores of additional light: a measurement below the expected value is no reason for them."""

SIGMA: Final = ("bump", "gap", "spot_", "hole_", "one_sided_", "one_band_", "arc_", "line")
"""Prefixes of the measurements whose description includes the significance in standard deviations of the noise."""

FEWEST = 20
"""Galaxies with an image that are needed at least."""


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """Features of n images.

    Attributes
    ----------
    features : float32 (n, feature)
        Of all layers.
    cells : float32 (n, y, x, channel), optional
        Of the first spatial layer; None where no layer is spatial.
    """

    features: Floats
    cells: Floats | None


class FeatureExtractor:
    """Computes features of images from several layers of a network.

    Parameters
    ----------
    layers : sequence of str
        By default the last layer of each spatial size: see `last_layers_of_each_size`.
    bands : sequence of str
        Bands of the images: they name the channels of the scaling layer.

    Attributes
    ----------
    near : str
        The first spatial layer, nearest to the pixels; "" if none is spatial.
    feature_names : list of str
        Descriptions of the features.
    """

    def __init__(self, probe: ModelProbe, layers: Sequence[str] = (), bands: Sequence[str] = ()) -> None:
        self._probe = probe
        self.infos = tuple(probe.layer(name) for name in layers) if layers else last_layers_of_each_size(probe.layers)
        self.layers = tuple(info.name for info in self.infos)
        self.near = next((info.name for info in self.infos if info.spatial), "")
        self.feature_names = [
            name
            for info in self.infos
            for name in feature_names(info.name, info.shape, bands if _is_image(info, bands) else ())
        ]

    def __call__(self, images: Floats) -> LayerFeatures:
        """Features of images (n, y, x, band)."""
        features, cells = [], None
        for info in self.infos:
            values = self._probe.activations(images, info.name)
            features.append(features_of(values))
            if info.name == self.near:
                cells = cells_of(values)
        return LayerFeatures(np.concatenate(features, axis=1), cells)


def _is_image(info: LayerInfo, bands: Sequence[str]) -> bool:
    """Whether a layer's channels are the bands of the scaled image."""
    return info.name.split("/")[-1] == SCALED and info.spatial and info.shape[-1] == len(bands)


def last_layers_of_each_size(layers: Sequence[LayerInfo]) -> tuple[LayerInfo, ...]:
    """The last layer of each spatial size, in the network's order; the last layer alone where none is spatial.

    Early layers respond to colours and small structures, late layers to what separates the classes.
    """
    last = {info.shape[:2]: info for info in layers if info.spatial}
    if not last:
        return tuple(layers[-1:])
    return tuple(info for info in layers if info in last.values())


class PixelMeasurements:
    """Morphological measurements on the pixels of images.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the images.

    Attributes
    ----------
    names : list of str
        Of the measurements; empty where the images are too small for any.
    """

    def __init__(self, bands: Sequence[str], shape: tuple[int, int]) -> None:
        self.bands = tuple(bands)
        self.names = list(morphology_words(bands)) if min(shape) >= SMALLEST else []

    def __call__(self, images: Floats) -> Floats:
        """Numbers float32 (n, number + 1) of images (n, y, x, band), the last ``bump_at``; (n, 0) if too small."""
        if not self.names:
            return np.empty((len(images), 0), np.float32)
        values = morphology(images, self.bands)
        return np.stack([values[name] for name in (*self.names, "bump_at")], axis=1)


def strongest_measurements(model: Morphology, bands: Sequence[str], numbers: Floats) -> list[dict[str, Deviations]]:
    """For each galaxy and each morphological score, the measurements that deviate most.

    Parameters
    ----------
    numbers : float32 (n, number + 1)
        From `PixelMeasurements`.

    Returns
    -------
    list of dict, n
        Score to descriptions and deviations [standard deviations], the largest first.
    """
    words, names = morphology_words(bands), [str(name) for name in model.names[len(CONTROLS) :]]
    values = numbers[:, len(CONTROLS) :]
    strongest: list[dict[str, Deviations]] = [{} for _ in numbers]
    for family in FAMILIES:
        members, deviations = np.flatnonzero(model.of_family(family)), model.deviations(numbers[:, :-1], family)
        sizes = deviations[:, members] if family in EXCESSES else np.abs(deviations[:, members])
        order = members[np.argsort(-sizes, axis=1, kind="stable")[:, :STRONGEST_MEASUREMENTS]]
        for i, galaxy in enumerate(strongest):
            named = [(_measurement_in_words(words, names[k], values[i], k), float(deviations[i, k])) for k in order[i]]
            galaxy[family] = [(name, value) for name, value in named if value > 0 or family not in EXCESSES]
    return strongest


def _measurement_in_words(words: dict[str, str], name: str, values: Floats, k: int) -> str:
    """As in "the bump in its radial profile (12 sigma at 0.8 Petrosian radii)"."""
    if not name.startswith(SIGMA):
        return words[name]
    where = f" at {values[-1]:.1f} Petrosian radii" if name == "bump" else ""
    return f"{words[name]} ({values[k]:.0f} sigma{where})"


def reason_details(
    features: Deviations,
    places: Mapping[str, int],
    grid: tuple[int, int],
    measurements: Mapping[str, Deviations],
    votes: str,
) -> dict[str, str]:
    """The details of a galaxy's reason for each of its scores, in words.

    Parameters
    ----------
    features : list of (str, float)
        The features of the network that deviate most.
    places : mapping of str to int
        Score of the image to the cell that deviates most.
    grid : (int, int)
        Cells (y, x) of an image.
    measurements : mapping
        From `strongest_measurements`.
    votes : str
        From `votes_in_words`.
    """
    together = "No single number stands out; their combination is unusual"
    details = dict.fromkeys(SCORES, deviations_in_words(features) or together)
    details |= {name: f"Most of all {place_in_words(place, grid)}" for name, place in places.items()}
    details |= {name: deviations_in_words(named) or together for name, named in measurements.items()}
    return details | {"votes": votes}


def votes_in_words(classes: Sequence[str], shares: NDArray[np.floating], probabilities: NDArray[np.floating]) -> str:
    """The class with most volunteer votes and the one with the highest probability, of one galaxy (class,).

    >>> votes_in_words(["round", "edge_on"], np.array([0.2, 0.8]), np.array([0.97, 0.03]))
    'Volunteers: 80 % edge-on (network 3 %); network: 97 % round (volunteers 20 %)'
    """
    if not np.isfinite(shares).all():
        return ""
    voted, predicted = int(np.argmax(shares)), int(np.argmax(probabilities))
    names = [name_in_words(name) for name in classes]
    return (
        f"Volunteers: {_percent(shares[voted])} {names[voted]} (network {_percent(probabilities[voted])}); "
        f"network: {_percent(probabilities[predicted])} {names[predicted]} (volunteers {_percent(shares[predicted])})"
    )


def _percent(share: float) -> str:
    return f"{100 * float(share):.0f} %"


@dataclass(frozen=True, eq=False)
class _ReasonInputs:
    """What the reasons of n galaxies are derived from.

    Attributes
    ----------
    strongest : int64 (n, k)
        Features of the network that deviate most.
    deviation : float32 (n, k)
        By how many standard deviations.
    places : mapping of int64 (n,)
        Score of the images to the cell that deviates most.
    grid : (int, int)
        Cells (y, x) of an image.
    """

    strongest: Integers
    deviation: Floats
    places: dict[str, Integers]
    grid: tuple[int, int]


@dataclass(frozen=True)
class UnusualSettings:
    """Settings of the anomaly scores.

    Attributes
    ----------
    layer : str
        The layer whose analysis stores the result; "" for the last spatial one.
    layers : tuple of str
        Layers whose features are scored; by default the last of each spatial size.
    sample : int
        Galaxies in the random reference sample, at most: time and memory of the fit do not grow with the survey.
    cells_sample : int
        Galaxies of that sample to which the statistics of each cell are fitted, at most.
    seed : int
        Of the samples and of the isolation forest.
    """

    layer: str = ""
    layers: tuple[str, ...] = ()
    sample: int = 20_000
    cells_sample: int = 4000
    seed: int = 0


def unusual(study: Study, settings: UnusualSettings | None = None, progress: Progress | None = None) -> UnusualGalaxies:
    """Score how unusual each galaxy is, with reasons; a stored result that is up to date is returned as it is.

    Raises
    ------
    SurveyError
        Fewer than 20 galaxies have an image.
    LayerNotFound
        The network has no such layer.
    """
    settings = settings or UnusualSettings()
    # The newest analysis, whatever its settings: another one would take its place on the map.
    analysis = latest_analysis(study.model.path, study.survey.digest, study.model.digest, settings.layer or None)
    analysis = analysis or analyse(study, AnalyseSettings(settings.layer), progress)
    if len(analysis.rows) < FEWEST:
        raise SurveyError(
            f"{len(analysis.rows)} galaxies of {study.survey.name} have an image",
            f"At least {FEWEST} galaxies to measure what is unusual, and about 200 for a reliable ranking",
        )
    extractor = FeatureExtractor(study.probe, settings.layers, study.survey.bands)
    folder, provenance = unusual_folder(analysis), _provenance(analysis, extractor.layers, settings)
    if not folder.is_complete or folder.provenance.digest != provenance.digest:
        what = f"the ranking of {study.survey.name} by {analysis.layer} of {study.model.name}"
        with atomic_folder(folder.path, what, replace=True) as aside:
            _Scoring(study, analysis, extractor, settings, progress).write(UnusualFolder(aside), provenance)
    return UnusualGalaxies(study.survey, study.model, analysis, UnusualFolder(folder.path))


def _provenance(analysis: Analysis, layers: Sequence[str], settings: UnusualSettings) -> Provenance:
    return Provenance(
        data=analysis.provenance.data,
        model=analysis.provenance.model,
        layer=analysis.layer,
        method="unusual",
        parameters={
            "layers": list(layers),
            "ground": settings.sample,
            "places": settings.cells_sample,
            "scores": [*SCORES, *IMAGE_SCORES, *FAMILIES, "votes"],
            "together": TOGETHER,
            "reasons": REASONS,
        },
        seed=settings.seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "faiss-cpu", "scikit-learn", "numpy"),
    )


class _Scoring:
    """Scores all galaxies of a survey: fits a reference sample, then writes scores and reasons."""

    def __init__(
        self,
        study: Study,
        analysis: Analysis,
        extractor: FeatureExtractor,
        settings: UnusualSettings,
        progress: Progress | None,
    ) -> None:
        self._study, self._analysis, self._extractor = study, analysis, extractor
        self._settings, self._progress = settings, progress
        self._measure = PixelMeasurements(study.survey.bands, study.survey.shape)
        rng = np.random.default_rng(settings.seed)
        n = len(analysis.rows)
        self._sample = np.sort(rng.choice(n, min(n, settings.sample), replace=False))
        size = len(self._sample)
        self._cells_sample = np.sort(rng.choice(size, min(size, settings.cells_sample), False))
        self._probabilities = probabilities_of(study.model, analysis.rows)
        self._shares = vote_shares(study.survey.catalog.iloc[analysis.rows], study.model.class_names)

    def write(self, folder: UnusualFolder, provenance: Provenance) -> None:
        """Pass over the pixels twice: of the reference sample, then of all galaxies."""
        statistics = self._fit()
        n, names = len(self._analysis.rows), self._measure.names
        vectors = folder.create_array("vectors", n, statistics.space.axes.shape[1])
        numbers = folder.create_array("numbers", n, len(names) + 1) if names else None
        image_scores, inputs = self._extract(statistics, vectors, numbers)
        if numbers is not None:
            statistics = replace(statistics, morphology=Morphology.fit(numbers[self._sample, :-1], names))
        classes = self._probabilities.argmax(axis=1).astype(np.int64)
        model = AnomalyModel.fit(statistics.space, vectors[self._sample], classes[self._sample], self._settings.seed)
        values = self._score(model, statistics, vectors, numbers, image_scores)
        arrays = statistics_arrays(statistics)
        arrays |= {"ground": self._sample, "layers": np.array(self._extractor.layers)}
        table = self._table(values, statistics, numbers, inputs)
        folder.write(provenance, {"scores": table}, {"frozen": arrays})

    def _fit(self) -> FittedStatistics:
        """Fit the statistics of features and cells to the reference sample."""
        features: list[Floats] = []
        cells: list[Floats] = []
        in_cells_sample = np.zeros(len(self._sample), bool)
        in_cells_sample[self._cells_sample] = True
        for part, _, batch in self._batches("reference sample", self._sample):
            features.append(batch.features)
            if batch.cells is not None:
                cells.append(batch.cells[in_cells_sample[part]])
        return fit_statistics(np.concatenate(features), np.concatenate(cells) if cells else None)

    def _extract(
        self, statistics: FittedStatistics, vectors: Floats, numbers: Floats | None
    ) -> tuple[dict[str, Floats], _ReasonInputs]:
        """Write all vectors and measurements; return the image scores, and what their reasons are derived from."""
        n, grid = len(vectors), (1, 1)
        image_scores = {name: np.empty(n, np.float32) for name in statistics.image_scores}
        places = {name: np.zeros(n, np.int64) for name in statistics.image_scores}
        strongest, deviation = np.empty((n, MOST_DEVIATIONS), np.int64), np.empty((n, MOST_DEVIATIONS), np.float32)
        for part, images, batch in self._batches("all galaxies", np.arange(n)):
            vectors[part] = statistics.space(batch.features)
            if numbers is not None:
                numbers[part] = self._measure(images)
            grid = grid if batch.cells is None else batch.cells.shape[1:3]
            for name, far in statistics.farness(batch.cells).items():
                image_scores[name][part], places[name][part] = mean_of_farthest(far), far.argmax(axis=1)
            deviations = statistics.deviations(batch.features)
            strongest[part] = strongest_features(deviations)
            deviation[part] = np.take_along_axis(deviations, strongest[part], axis=1)
        return image_scores, _ReasonInputs(strongest, deviation, places, grid)

    def _batches(self, stage: str, positions: Integers) -> Iterator[tuple[slice, Floats, LayerFeatures]]:
        rows = self._analysis.rows[positions]
        done = 0
        for batch in self._study.survey.batches(rows=rows):
            yield slice(done, done + len(batch.rows)), batch.images, self._extractor(batch.images)
            done += len(batch.rows)
            if self._progress:
                self._progress(stage, done, len(rows))

    def _score(
        self,
        model: AnomalyModel,
        statistics: FittedStatistics,
        vectors: Floats,
        numbers: Floats | None,
        image_scores: dict[str, Floats],
    ) -> dict[str, Floats]:
        itself = np.full(len(vectors), -1, np.int64)
        itself[self._sample] = np.arange(len(self._sample))
        parts: list[dict[str, Floats]] = []
        for start in range(0, len(vectors), 16 * SHARD_ROWS):
            part = slice(start, start + 16 * SHARD_ROWS)
            pixel_scores = {} if numbers is None else statistics.morphology_scores(np.asarray(numbers[part]))
            parts.append(
                model.score_samples(
                    np.asarray(vectors[part]),
                    self._probabilities[part],
                    itself[part],
                    {name: values[part] for name, values in image_scores.items()} | pixel_scores,
                    self._shares[part],
                )
            )
            if self._progress:
                self._progress("scores", min(part.stop, len(vectors)), len(vectors))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _table(
        self,
        scores: dict[str, Floats],
        statistics: FittedStatistics,
        numbers: Floats | None,
        inputs: _ReasonInputs,
    ) -> pd.DataFrame:
        normal = {name: normal_scores(values) for name, values in scores.items()}
        score = combine_scores(normal, SCORES)
        rank = np.empty(len(score), np.int64)
        rank[np.argsort(-score, kind="stable")] = np.arange(1, len(score) + 1)
        counts = {name: int(np.isfinite(values).sum()) for name, values in scores.items()}
        reasons = [
            reason_of(
                {name: float(values[i]) for name, values in normal.items()},
                self._details(inputs, measurements, i),
                counts,
                bool(rank[i] > max(ORDINARY * len(rank), 1)),
            )
            for i, measurements in enumerate(self._measurements(statistics, numbers, len(score)))
        ]
        rows = self._analysis.rows
        return pd.DataFrame(
            {
                "row": rows,
                GALAXY_ID: self._study.survey.galaxy_ids[rows],
                "rank": rank,
                "score": score.astype(np.float32),
                "reason": pd.Series(reasons, dtype="str"),
                **{name: values.astype(np.float32) for name, values in scores.items()},
                **{f"normal_{name}": values.astype(np.float32) for name, values in normal.items()},
            }
        )

    def _details(self, inputs: _ReasonInputs, measurements: dict[str, Deviations], i: int) -> dict[str, str]:
        names = self._extractor.feature_names
        return reason_details(
            [(names[k], float(d)) for k, d in zip(inputs.strongest[i], inputs.deviation[i], strict=True)],
            {name: int(cells[i]) for name, cells in inputs.places.items()},
            inputs.grid,
            measurements,
            votes_in_words(self._study.model.class_names, self._shares[i], self._probabilities[i]),
        )

    def _measurements(
        self, statistics: FittedStatistics, numbers: Floats | None, n: int
    ) -> Iterator[dict[str, Deviations]]:
        """The strongest measurements of each galaxy, a shard at a time."""
        for start in range(0, n, SHARD_ROWS):
            count = min(SHARD_ROWS, n - start)
            if numbers is None or statistics.morphology is None:
                yield from ({} for _ in range(count))
            else:
                part = np.asarray(numbers[start : start + count])
                yield from strongest_measurements(statistics.morphology, self._study.survey.bands, part)


@dataclass(frozen=True, eq=False)
class ImageAnomaly:
    """Anomaly scores of n images that are not in the survey.

    Attributes
    ----------
    values, normal : dict of float (n,)
        Each score, and the normal score of its rank in the survey; NaN where it is not available.
    score : float64 (n,)
        The combination.
    rank : int64 (n,)
        Rank that it would have in the survey, 1 for the most unusual.
    """

    values: dict[str, NDArray[np.float32]]
    normal: dict[str, NDArray[np.float64]]
    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    reasons: list[str]


def score_images(galaxies: UnusualGalaxies, probe: Probe, images: NDArray[np.float32]) -> ImageAnomaly:
    """Score images that are not in the survey with the survey's fitted model; they have no volunteer votes.

    Parameters
    ----------
    galaxies : UnusualGalaxies
        Of the survey.
    probe : Probe
        Of the model that `galaxies` is of.
    images : float32 (n, y, x, band), nanomaggies
    """
    bands, statistics = galaxies.survey.bands, galaxies.statistics
    extractor = FeatureExtractor(probe, galaxies.layers, bands)
    batch = extractor(images)
    numbers = PixelMeasurements(bands, images.shape[1:3])(images)
    farness = statistics.farness(batch.cells)
    image_scores = {name: mean_of_farthest(far) for name, far in farness.items()}
    image_scores |= statistics.morphology_scores(numbers)
    values = galaxies.anomaly_model.score_samples(
        statistics.space(batch.features), probe.probabilities(images), image_scores=image_scores
    )
    normal = galaxies.normal_scores_of(values)
    score = normal.pop("score")
    above = np.sort(-galaxies.scores["score"].to_numpy(np.float64))
    deviations = statistics.deviations(batch.features)
    strongest = strongest_features(deviations)
    morphology_model = statistics.morphology
    measurements: list[dict[str, Deviations]] = (
        [{} for _ in images] if morphology_model is None else strongest_measurements(morphology_model, bands, numbers)
    )
    rank = np.searchsorted(above, -score, side="left").astype(np.int64) + 1
    counts = {name: int(np.isfinite(galaxies.scores[name]).sum()) for name in normal}
    reasons = [
        reason_of(
            {name: float(normal[name][i]) for name in TITLES if name in normal},
            reason_details(
                [(extractor.feature_names[k], float(deviations[i, k])) for k in strongest[i]],
                {name: int(far[i].argmax()) for name, far in farness.items()},
                (1, 1) if batch.cells is None else batch.cells.shape[1:3],
                measurements[i],
                "",
            ),
            counts,
            bool(rank[i] > max(ORDINARY * len(above), 1)),
        )
        for i in range(len(images))
    ]
    return ImageAnomaly(values, normal, score, rank, reasons)
