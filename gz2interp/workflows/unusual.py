"""``gz2interp unusual``: anomaly scores of every galaxy with reasons, stored inside the analysis.

Nothing is imported here: what was found (`found`) is read without a network, and who rates should not wait for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import (
    IMAGE_SCORES,
    SCORES,
    TITLES,
    AnomalyModel,
    combined,
    normal_scores,
)
from gz2interp.embedding.unusual.morphology import CONTROLS, FAMILIES, Morphology
from gz2interp.embedding.unusual.places import cells_of, farthest_places, feature_names, features_of
from gz2interp.embedding.unusual.reasons import (
    ORDINARY,
    TOLD,
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
from gz2interp.stores.files import whole_folder
from gz2interp.stores.layer_results import UnusualFolder, unusual_folder
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings
from gz2interp.workflows.study import Progress, Study
from gz2interp.workflows.unusual_results import (
    REASONS,
    TOGETHER,
    FittedStatistics,
    UnusualGalaxies,
    frozen_arrays,
    usual_of,
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
    "details_of",
    "judge_image",
    "stages_of",
    "told_of",
    "unusual",
    "votes_in_words",
]


Floats = NDArray[np.float32]

SCALED: Final = "scaled"
"""The layer of a network of ours that scales the images."""


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """What was seen of some images.

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
    """Layers of a network, asked together.

    Parameters
    ----------
    door : ModelProbe
    layers : sequence of str
        By default the last layer of each size of plane: see `stages_of`.
    bands : sequence of str
        Of the images: a layer in front of all weights has them for channels.

    Attributes
    ----------
    layers : tuple of str
    near : str
        The first spatial one, nearest to the pixels; "" if none is spatial.
    feature_names : list of str
        In words.
    """

    def __init__(self, door: ModelProbe, layers: Sequence[str] = (), bands: Sequence[str] = ()) -> None:
        self._door = door
        self.infos = tuple(door.layer(name) for name in layers) if layers else stages_of(door.layers)
        self.layers = tuple(info.name for info in self.infos)
        self.near = next((info.name for info in self.infos if info.spatial), "")
        self.feature_names = [
            name
            for info in self.infos
            for name in feature_names(info.name, info.shape, bands if _is_image(info, bands) else ())
        ]

    def __call__(self, images: Floats) -> LayerFeatures:
        """Ask every layer about the images (n, y, x, band)."""
        features, cells = [], None
        for info in self.infos:
            values = self._door.activations(images, info.name)
            features.append(features_of(values))
            if info.name == self.near:
                cells = cells_of(values)
        return LayerFeatures(np.concatenate(features, axis=1), cells)


def _is_image(info: LayerInfo, bands: Sequence[str]) -> bool:
    """Whether a layer's channels are the bands of the scaled image."""
    return info.name.split("/")[-1] == SCALED and info.spatial and info.shape[-1] == len(bands)


def stages_of(layers: Sequence[LayerInfo]) -> tuple[LayerInfo, ...]:
    """The last layer of each size of plane, in the network's order; all layers where none is spatial.

    The first are near the pixels, and know colours and small things; the last know what the classes need.
    """
    last = {info.shape[:2]: info for info in layers if info.spatial}
    if not last:
        return tuple(layers[-1:])
    return tuple(info for info in layers if info in last.values())


STRONGEST_MEASUREMENTS: Final = 2
"""Numbers that are named."""

EXCESSES: Final = ("residuals", "one_band")
"""Scores that say that something is there: what is less than expected is no reason for them."""

SIGMA: Final = ("bump", "gap", "spot_", "hole_", "one_sided_", "one_band_", "arc_", "line")
"""How the names of those begin that are told in standard deviations of the noise too."""


class PixelMeasurements:
    """Measures images of some bands.

    Parameters
    ----------
    bands : sequence of str
    shape : (int, int)
        Of the images.

    Attributes
    ----------
    names : list of str
        Of the numbers; empty where the images are too small for any.
    """

    def __init__(self, bands: Sequence[str], shape: tuple[int, int]) -> None:
        self.bands = tuple(bands)
        self.names = list(morphology_words(bands)) if min(shape) >= SMALLEST else []

    def __call__(self, images: Floats) -> Floats:
        """Numbers float32 (n, number + 1) of images (n, y, x, band), the last ``bump_at``; (n, 0) if too small."""
        if not self.names:
            return np.empty((len(images), 0), np.float32)
        found = morphology(images, self.bands)
        return np.stack([found[name] for name in (*self.names, "bump_at")], axis=1)


def told_of(usual: Morphology, bands: Sequence[str], numbers: Floats) -> list[dict[str, list[tuple[str, float]]]]:
    """Of each galaxy, for each score of its morphology, what deviates most, and by how many standard deviations.

    Parameters
    ----------
    usual : Morphology
    bands : sequence of str
    numbers : float32 (n, number + 1)
        From `PixelMeasurements`.
    """
    words, names = morphology_words(bands), [str(name) for name in usual.names[len(CONTROLS) :]]
    values = numbers[:, len(CONTROLS) :]
    told: list[dict[str, list[tuple[str, float]]]] = [{} for _ in numbers]
    for family in FAMILIES:
        mine, deviations = np.flatnonzero(usual.of_family(family)), usual.deviations(numbers[:, :-1], family)
        sizes = deviations[:, mine] if family in EXCESSES else np.abs(deviations[:, mine])
        order = mine[np.argsort(-sizes, axis=1, kind="stable")[:, :STRONGEST_MEASUREMENTS]]
        for at, each in enumerate(told):
            named = [(_said(words, names[k], values[at], k), float(deviations[at, k])) for k in order[at]]
            each[family] = [(name, value) for name, value in named if value > 0 or family not in EXCESSES]
    return told


def details_of(
    features: Sequence[tuple[str, float]],
    places: Mapping[str, int],
    grid: tuple[int, int],
    measured: Mapping[str, Sequence[tuple[str, float]]],
    votes: str,
) -> dict[str, str]:
    """What of one galaxy shows each of its scores, in words.

    Parameters
    ----------
    features : sequence of (str, float)
        Of the network's activations: what deviates most, and by how many standard deviations.
    places : mapping of str to int
        Score of the image to the cell that deviates most.
    grid : (int, int)
        Cells (y, x) of an image.
    measured : mapping
        Of `told_of`.
    votes : str
        Of `votes_in_words`.
    """
    together = "No single number stands out; their combination is unusual"
    details = dict.fromkeys(SCORES, deviations_in_words(features) or together)
    details |= {name: f"Most of all {place_in_words(place, grid)}" for name, place in places.items()}
    details |= {name: deviations_in_words(named) or together for name, named in measured.items()}
    return details | {"votes": votes}


def votes_in_words(classes: Sequence[str], shares: NDArray[np.floating], probabilities: NDArray[np.floating]) -> str:
    """What most volunteers chose, and what the network gives most probability, of one galaxy (class,).

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


def _said(words: dict[str, str], name: str, values: Floats, k: int) -> str:
    """As in "the bump in its radial profile (12 sigma at 0.8 Petrosian radii)"."""
    if not name.startswith(SIGMA):
        return words[name]
    where = f" at {values[-1]:.1f} Petrosian radii" if name == "bump" else ""
    return f"{words[name]} ({values[k]:.0f} sigma{where})"


Integers = NDArray[np.int64]

FEWEST = 20
"""Galaxies without which nothing is usual."""


@dataclass(frozen=True, eq=False)
class _ReasonInputs:
    """What of each galaxy its scores were made of, for the reasons.

    Attributes
    ----------
    strongest : int64 (n, TOLD)
        Features of the network that deviate most.
    deviation : float32 (n, TOLD)
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
    """What is asked.

    Attributes
    ----------
    layer : str
        Whose analysis keeps the result; "" for the last spatial one.
    layers : tuple of str
        Those that are looked at; by default the last of each size of plane.
    ground : int
        At most so many galaxies, drawn by chance, say what is usual: time and memory do not grow with their number.
    places : int
        Of them so many say what is usual at each place.
    seed : int
        Of the draw and of the forest.
    """

    layer: str = ""
    layers: tuple[str, ...] = ()
    ground: int = 20_000
    places: int = 4000
    seed: int = 0


def unusual(study: Study, settings: UnusualSettings | None = None, progress: Progress | None = None) -> UnusualGalaxies:
    """How unusual each galaxy is, the most unusual first, and why; what is up to date is left alone.

    Parameters
    ----------
    study : Study
    settings : UnusualSettings, optional
    progress : callable, optional

    Raises
    ------
    SurveyError
        Fewer than 20 galaxies have an image.
    LayerNotFound
        The network has no such layer.
    """
    settings = settings or UnusualSettings()
    analysis = _analysis(study, settings.layer, progress)
    if len(analysis.rows) < FEWEST:
        raise SurveyError(
            f"{len(analysis.rows)} galaxies of {study.survey.name} have an image",
            f"At least {FEWEST} galaxies to measure what is unusual, and about 200 to know it",
        )
    looks, folder = FeatureExtractor(study.probe, settings.layers, study.survey.bands), unusual_folder(analysis)
    provenance = _provenance(analysis, looks, settings)
    if not folder.is_complete or folder.provenance.digest != provenance.digest:
        what = f"the ranking of {study.survey.name} by {analysis.layer} of {study.model.name}"
        with whole_folder(folder.path, what, replace=True) as aside:
            _Scoring(study, analysis, looks, settings, progress).write(UnusualFolder(aside), provenance)
    return UnusualGalaxies(study.survey, study.model, analysis, UnusualFolder(folder.path))


def _analysis(study: Study, layer: str, progress: Progress | None) -> Analysis:
    """The newest there is, however it was made: another one would take its place on the map."""
    survey, model = study.survey, study.model
    there = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    return there or analyse(study, AnalyseSettings(layer), progress)


def _provenance(analysis: Analysis, looks: FeatureExtractor, settings: UnusualSettings) -> Provenance:
    return Provenance(
        data=analysis.provenance.data,
        model=analysis.provenance.model,
        layer=analysis.layer,
        method="unusual",
        parameters={
            "layers": list(looks.layers),
            "ground": settings.ground,
            "places": settings.places,
            "scores": [*SCORES, *IMAGE_SCORES, *FAMILIES, "votes"],
            "together": TOGETHER,
            "reasons": REASONS,
        },
        seed=settings.seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "faiss-cpu", "scikit-learn", "numpy"),
    )


class _Scoring:
    """One judgement of a survey, from the sample to the files."""

    def __init__(
        self,
        study: Study,
        analysis: Analysis,
        looks: FeatureExtractor,
        settings: UnusualSettings,
        progress: Progress | None,
    ) -> None:
        self._study, self._analysis, self._looks = study, analysis, looks
        self._settings, self._progress = settings, progress
        survey = study.survey
        self._measuring = PixelMeasurements(survey.bands, survey.shape)
        rng = np.random.default_rng(settings.seed)
        n = len(analysis.rows)
        self._ground = np.sort(rng.choice(n, min(n, settings.ground), replace=False))
        self._for_places = np.sort(rng.choice(len(self._ground), min(len(self._ground), settings.places), False))
        self._said = study.model.predictions.set_index("row").reindex(analysis.rows)
        self._probabilities = self._said[[f"p_{name}" for name in study.model.class_names]].to_numpy(np.float32)
        self._shares = vote_shares(study.survey.catalog.iloc[analysis.rows], study.model.class_names)

    def write(self, folder: UnusualFolder, provenance: Provenance) -> None:
        """Look twice: at the sample, then at everybody."""
        usual = self._usual()
        n = len(self._analysis.rows)
        vectors = folder.room("vectors", n, usual.space.axes.shape[1])
        names = self._measuring.names
        numbers = folder.room("numbers", n, len(names) + 1) if names else None
        image_scores, marks = self._placed(usual, vectors, numbers)
        if numbers is not None:
            usual = replace(usual, morphology=Morphology.fit(numbers[self._ground, :-1], names))
        classes = self._probabilities.argmax(axis=1).astype(np.int64)
        judge = AnomalyModel.fit(usual.space, vectors[self._ground], classes[self._ground], self._settings.seed)
        values = self._judged(judge, usual, vectors, numbers, image_scores)
        frozen = frozen_arrays(usual) | {"ground": self._ground, "layers": np.array(self._looks.layers)}
        folder.complete(self._table(values, usual, numbers, marks), frozen, provenance)

    def _usual(self) -> FittedStatistics:
        """What the sample says."""
        features: list[Floats] = []
        cells: list[Floats] = []
        wanted = np.zeros(len(self._ground), bool)
        wanted[self._for_places] = True
        for part, _, look in self._seen("what is usual", self._ground):
            features.append(look.features)
            if look.cells is not None:
                cells.append(look.cells[wanted[part]])
        return usual_of(np.concatenate(features), np.concatenate(cells) if cells else None)

    def _placed(
        self, usual: FittedStatistics, vectors: Floats, numbers: Floats | None
    ) -> tuple[dict[str, Floats], _ReasonInputs]:
        """Write everybody's vector and numbers; return the scores of the images, and what they are made of."""
        n, grid = len(vectors), (1, 1)
        image_scores = {name: np.empty(n, np.float32) for name in usual.image_scores}
        places = {name: np.zeros(n, np.int64) for name in usual.image_scores}
        strongest, deviation = np.empty((n, TOLD), np.int64), np.empty((n, TOLD), np.float32)
        for part, images, look in self._seen("everybody", np.arange(n)):
            vectors[part] = usual.space(look.features)
            if numbers is not None:
                numbers[part] = self._measuring(images)
            grid = grid if look.cells is None else look.cells.shape[1:3]
            for name, far in usual.farness(look.cells).items():
                image_scores[name][part], places[name][part] = farthest_places(far), far.argmax(axis=1)
            deviations = usual.deviations(look.features)
            strongest[part] = strongest_features(deviations)
            deviation[part] = np.take_along_axis(deviations, strongest[part], axis=1)
        return image_scores, _ReasonInputs(strongest, deviation, places, grid)

    def _seen(self, stage: str, positions: Integers) -> Iterator[tuple[slice, Floats, Any]]:
        rows = self._analysis.rows[positions]
        done = 0
        for batch in self._study.survey.batches(rows=rows):
            yield slice(done, done + len(batch.rows)), batch.images, self._looks(batch.images)
            done += len(batch.rows)
            if self._progress:
                self._progress(stage, done, len(rows))

    def _judged(
        self,
        judge: AnomalyModel,
        usual: FittedStatistics,
        vectors: Floats,
        numbers: Floats | None,
        image_scores: dict[str, Floats],
    ) -> dict[str, Floats]:
        itself = np.full(len(vectors), -1, np.int64)
        itself[self._ground] = np.arange(len(self._ground))
        parts: list[dict[str, Floats]] = []
        for start in range(0, len(vectors), 16 * SHARD_ROWS):
            part = slice(start, start + 16 * SHARD_ROWS)
            of_pixels = {} if numbers is None else usual.measured(np.asarray(numbers[part]))
            parts.append(
                judge(
                    np.asarray(vectors[part]),
                    self._probabilities[part],
                    itself[part],
                    {name: each[part] for name, each in image_scores.items()} | of_pixels,
                    self._shares[part],
                )
            )
            if self._progress:
                self._progress("scores", min(part.stop, len(vectors)), len(vectors))
        return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}

    def _table(
        self, values: dict[str, Floats], usual: FittedStatistics, numbers: Floats | None, marks: _ReasonInputs
    ) -> pd.DataFrame:
        normal = {name: normal_scores(each) for name, each in values.items()}
        score = combined(normal, SCORES)
        rank = np.empty(len(score), np.int64)
        rank[np.argsort(-score, kind="stable")] = np.arange(1, len(score) + 1)
        counts = {name: int(np.isfinite(each).sum()) for name, each in values.items()}
        reasons = [
            reason_of(
                {name: float(each[i]) for name, each in normal.items()},
                self._details(marks, measured, i),
                counts,
                bool(rank[i] > max(ORDINARY * len(rank), 1)),
            )
            for i, measured in enumerate(self._told(usual, numbers, len(score)))
        ]
        rows = self._analysis.rows
        return pd.DataFrame(
            {
                "row": rows,
                GALAXY_ID: self._study.survey.galaxy_ids[rows],
                "rank": rank,
                "score": score.astype(np.float32),
                "reason": pd.Series(reasons, dtype="str"),
                **{name: each.astype(np.float32) for name, each in values.items()},
                **{f"normal_{name}": each.astype(np.float32) for name, each in normal.items()},
            }
        )

    def _details(self, marks: _ReasonInputs, measured: dict[str, list[tuple[str, float]]], i: int) -> dict[str, str]:
        names = self._looks.feature_names
        return details_of(
            [(names[k], float(d)) for k, d in zip(marks.strongest[i], marks.deviation[i], strict=True)],
            {name: int(of_all[i]) for name, of_all in marks.places.items()},
            marks.grid,
            measured,
            votes_in_words(self._study.model.class_names, self._shares[i], self._probabilities[i]),
        )

    def _told(
        self, usual: FittedStatistics, numbers: Floats | None, n: int
    ) -> Iterator[dict[str, list[tuple[str, float]]]]:
        """What is farthest off of each galaxy, a shard at a time."""
        for start in range(0, n, SHARD_ROWS):
            count = min(SHARD_ROWS, n - start)
            if numbers is None or usual.morphology is None:
                yield from ({} for _ in range(count))
            else:
                part = np.asarray(numbers[start : start + count])
                yield from told_of(usual.morphology, self._study.survey.bands, part)


@dataclass(frozen=True, eq=False)
class ImageAnomaly:
    """What was found of galaxies from elsewhere.

    Attributes
    ----------
    values, normal : dict of float (n,)
        Each score, and its place among the survey's as a normal score; NaN where it is not known.
    score : float64 (n,)
        The combination.
    rank : int64 (n,)
        Which place it would have in the survey, 1 for the most unusual.
    reasons : list of str
    """

    values: dict[str, NDArray[np.float32]]
    normal: dict[str, NDArray[np.float64]]
    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    reasons: list[str]


def judge_image(found: UnusualGalaxies, probe: Probe, images: NDArray[np.float32]) -> ImageAnomaly:
    """Judge galaxies that are not in the survey as its own were judged; nobody's votes are known of them.

    Parameters
    ----------
    found : UnusualGalaxies
    probe : Probe
        Of the model that `found` is of.
    images : float32 (n, y, x, band), nanomaggies
    """
    looks, usual = FeatureExtractor(probe, found.layers, found.survey.bands), found.usual
    look = looks(images)
    probabilities = probe.probabilities(images)
    bands = found.survey.bands
    numbers = PixelMeasurements(bands, images.shape[1:3])(images)
    farness = usual.farness(look.cells)
    image_scores = {name: farthest_places(far) for name, far in farness.items()} | usual.measured(numbers)
    values = found.judge(usual.space(look.features), probabilities, image_scores=image_scores)
    placed = found.placed(values)
    score = placed.pop("score")
    above = np.sort(-found.scores["score"].to_numpy(np.float64))
    deviations = usual.deviations(look.features)
    strongest = strongest_features(deviations)
    measured = [{} for _ in images] if usual.morphology is None else told_of(usual.morphology, bands, numbers)
    rank = np.searchsorted(above, -score, side="left").astype(np.int64) + 1
    counts = {name: int(np.isfinite(found.scores[name]).sum()) for name in placed}
    reasons = [
        reason_of(
            {name: float(placed[name][i]) for name in TITLES if name in placed},
            details_of(
                [(looks.feature_names[k], float(deviations[i, k])) for k in strongest[i]],
                {name: int(far[i].argmax()) for name, far in farness.items()},
                (1, 1) if look.cells is None else look.cells.shape[1:3],
                measured[i],
                "",
            ),
            counts,
            bool(rank[i] > max(ORDINARY * len(above), 1)),
        )
        for i in range(len(images))
    ]
    return ImageAnomaly(values, placed, score, rank, reasons)
