"""Judge every galaxy of a survey: a sample says what is usual, then all are judged, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import IMAGE_SCORES, SCORES, Judge, combined, normal_scores
from gz2interp.embedding.unusual.morphology import FAMILIES, Morphology
from gz2interp.embedding.unusual.places import farthest_places
from gz2interp.embedding.unusual.reasons import ORDINARY, TOLD, reason_of, strongest_features
from gz2interp.embedding.unusual.scores import vote_shares
from gz2interp.errors import SurveyError
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis, latest_analysis
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import whole_folder
from gz2interp.stores.layer_results import UnusualFolder, unusual_folder
from gz2interp.workflows.analyse import AnalyseSettings, analyse
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.unusual.found import REASONS, TOGETHER, Unusual
from gz2interp.workflows.unusual.looking import Looks
from gz2interp.workflows.unusual.measuring import Measuring, details_of, told_of, votes_in_words
from gz2interp.workflows.unusual.usual import Usual, frozen_arrays, usual_of

__all__ = ["FEWEST", "UnusualSettings", "unusual"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

FEWEST = 20
"""Galaxies without which nothing is usual."""


@dataclass(frozen=True, eq=False)
class _Marks:
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


def unusual(subject: Subject, settings: UnusualSettings | None = None, progress: Progress | None = None) -> Unusual:
    """How unusual each galaxy is, the most unusual first, and why; what is up to date is left alone.

    Parameters
    ----------
    subject : Subject
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
    analysis = _analysis(subject, settings.layer, progress)
    if len(analysis.rows) < FEWEST:
        raise SurveyError(
            f"{len(analysis.rows)} galaxies of {subject.survey.name} have an image",
            f"At least {FEWEST} galaxies to measure what is unusual, and about 200 to know it",
        )
    looks, folder = Looks(subject.probe, settings.layers, subject.survey.bands), unusual_folder(analysis)
    provenance = _provenance(analysis, looks, settings)
    if not folder.is_complete or folder.provenance.digest != provenance.digest:
        what = f"the ranking of {subject.survey.name} by {analysis.layer} of {subject.model.name}"
        with whole_folder(folder.path, what, replace=True) as aside:
            _Scoring(subject, analysis, looks, settings, progress).write(UnusualFolder(aside), provenance)
    return Unusual(subject.survey, subject.model, analysis, UnusualFolder(folder.path))


def _analysis(subject: Subject, layer: str, progress: Progress | None) -> Analysis:
    """The newest there is, however it was made: another one would take its place on the map."""
    survey, model = subject.survey, subject.model
    there = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    return there or analyse(subject, AnalyseSettings(layer), progress)


def _provenance(analysis: Analysis, looks: Looks, settings: UnusualSettings) -> Provenance:
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
        self, subject: Subject, analysis: Analysis, looks: Looks, settings: UnusualSettings, progress: Progress | None
    ) -> None:
        self._subject, self._analysis, self._looks = subject, analysis, looks
        self._settings, self._progress = settings, progress
        survey = subject.survey
        self._measuring = Measuring(survey.bands, survey.shape)
        rng = np.random.default_rng(settings.seed)
        n = len(analysis.rows)
        self._ground = np.sort(rng.choice(n, min(n, settings.ground), replace=False))
        self._for_places = np.sort(rng.choice(len(self._ground), min(len(self._ground), settings.places), False))
        self._said = subject.model.predictions.set_index("row").reindex(analysis.rows)
        self._probabilities = self._said[[f"p_{name}" for name in subject.model.class_names]].to_numpy(np.float32)
        self._shares = vote_shares(subject.survey.catalog.iloc[analysis.rows], subject.model.class_names)

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
        judge = Judge.fit(usual.space, vectors[self._ground], classes[self._ground], self._settings.seed)
        values = self._judged(judge, usual, vectors, numbers, image_scores)
        frozen = frozen_arrays(usual) | {"ground": self._ground, "layers": np.array(self._looks.layers)}
        folder.complete(self._table(values, usual, numbers, marks), frozen, provenance)

    def _usual(self) -> Usual:
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

    def _placed(self, usual: Usual, vectors: Floats, numbers: Floats | None) -> tuple[dict[str, Floats], _Marks]:
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
        return image_scores, _Marks(strongest, deviation, places, grid)

    def _seen(self, stage: str, positions: Integers) -> Iterator[tuple[slice, Floats, Any]]:
        rows = self._analysis.rows[positions]
        done = 0
        for batch in self._subject.survey.batches(rows=rows):
            yield slice(done, done + len(batch.rows)), batch.images, self._looks(batch.images)
            done += len(batch.rows)
            if self._progress:
                self._progress(stage, done, len(rows))

    def _judged(
        self, judge: Judge, usual: Usual, vectors: Floats, numbers: Floats | None, image_scores: dict[str, Floats]
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

    def _table(self, values: dict[str, Floats], usual: Usual, numbers: Floats | None, marks: _Marks) -> pd.DataFrame:
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
                GALAXY_ID: self._subject.survey.galaxy_ids[rows],
                "rank": rank,
                "score": score.astype(np.float32),
                "reason": pd.Series(reasons, dtype="str"),
                **{name: each.astype(np.float32) for name, each in values.items()},
                **{f"normal_{name}": each.astype(np.float32) for name, each in normal.items()},
            }
        )

    def _details(self, marks: _Marks, measured: dict[str, list[tuple[str, float]]], i: int) -> dict[str, str]:
        names = self._looks.feature_names
        return details_of(
            [(names[k], float(d)) for k, d in zip(marks.strongest[i], marks.deviation[i], strict=True)],
            {name: int(of_all[i]) for name, of_all in marks.places.items()},
            marks.grid,
            measured,
            votes_in_words(self._subject.model.class_names, self._shares[i], self._probabilities[i]),
        )

    def _told(self, usual: Usual, numbers: Floats | None, n: int) -> Iterator[dict[str, list[tuple[str, float]]]]:
        """What is farthest off of each galaxy, a shard at a time."""
        for start in range(0, n, SHARD_ROWS):
            count = min(SHARD_ROWS, n - start)
            if numbers is None or usual.morphology is None:
                yield from ({} for _ in range(count))
            else:
                part = np.asarray(numbers[start : start + count])
                yield from told_of(usual.morphology, self._subject.survey.bands, part)
