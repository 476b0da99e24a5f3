"""Stored results of ``gz2interp unusual``: fitted statistics, scores and reasons. Needs no network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import (
    IMAGE_SCORES,
    SCORES,
    TITLES,
    AnomalyModel,
    WhitenedSpace,
    combine_scores,
    fit_space,
    normal_scores_among,
)
from gz2interp.embedding.unusual.morphology import Morphology
from gz2interp.embedding.unusual.places import BrightnessBins, mean_of_farthest
from gz2interp.embedding.unusual.preference import preference_vectors
from gz2interp.errors import SurveyError
from gz2interp.schema import CLASS_VOTES, DEC, GALAXY_ID, GZ2CLASS, LABEL, RA, vote_column
from gz2interp.stores.analyses import Analysis, analyses_of
from gz2interp.stores.exporting import catalog_columns
from gz2interp.stores.layer_results import UnusualFolder, unusual_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.quality import QualityFile
from gz2interp.stores.reading import errors_as
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_some_rows
from gz2interp.workflows.study import predictions_of

__all__ = [
    "TOGETHER",
    "FittedStatistics",
    "UnusualGalaxies",
    "artefacts_in_words",
    "artefacts_of",
    "fit_statistics",
    "latest_unusual",
    "probabilities_of",
    "statistics_arrays",
    "statistics_from_arrays",
]


Floats = NDArray[np.float32]

MOST_VOTES: Final = 0.5
"""Share of volunteer votes for "star or artefact" from which on a galaxy counts as one."""

NAMES: Final = frozenset({"a", "artifact", "artefact", "star", "star_or_artifact", "star_or_artefact", "problem"})
"""Names of classes of stars and artefacts, in lower case."""

QUALITY: Final = {
    "flat": (5.0, "a peak of {:.0f} pixels that was cut off"),
    "invalid": (0.1, "{:.0%} of the pixels were not imaged"),
    "zero": (0.1, "{:.0%} of the pixels are zero"),
}
"""Columns of image quality, the threshold from which on an image counts as an artefact, and the reason."""

_PAINTED: Final = "painted_kind"

_KINDS: Final = ("debiased", "weighted_fraction", "fraction")

_NEWER: Final = re.compile(
    r"smooth-or-featured.*_(artifact|star-artifact|star-or-artifact|problem)_(debiased|fraction)"
)
"""Vote columns of later Galaxy Zoo projects."""

BY_CHANCE: Final = 0.05
"""Probability for an ordinary galaxy to rank first in a score, above which the ranking carries a caveat."""

TOGETHER = "harmonic mean of the shares"
"""Name of the combination of scores; results stored with another one cannot score further galaxies."""

REASONS: Final = 3
"""Version of the reasons; results of another version are recomputed. Before 3 a reason could contradict the rank."""


@dataclass(frozen=True, eq=False)
class FittedStatistics:
    """Statistics of the reference sample of a survey.

    Attributes
    ----------
    middle, scatter : float32 (feature,)
        Mean and standard deviation of each feature.
    image_scores : mapping
        The fitted `IMAGE_SCORES`; empty where no layer is spatial.
    morphology : Morphology, optional
        None before the pixels are measured, and where images are too small for it.
    """

    space: WhitenedSpace
    middle: Floats
    scatter: Floats
    image_scores: Mapping[str, Any]
    morphology: Morphology | None = None

    def cell_scores(self, cells: Floats | None) -> dict[str, Floats]:
        """The image scores, float32 (n,) each, of cells (n, y, x, channel)."""
        return {name: mean_of_farthest(far) for name, far in self.farness(cells).items()}

    def farness(self, cells: Floats | None) -> dict[str, Floats]:
        """Distance of each cell from the reference sample, float32 (n, cell) for each image score."""
        return {} if cells is None else {name: score.score_cells(cells) for name, score in self.image_scores.items()}

    def morphology_scores(self, numbers: Floats) -> dict[str, Floats]:
        """Scores float32 (n,) each of measurements (n, number + 1) on the pixels, the last of them ``bump_at``."""
        return {} if self.morphology is None else self.morphology.score_samples(numbers[:, :-1])

    def deviations(self, features: Floats) -> Floats:
        """Difference of each feature from its mean in standard deviations, float32 (n, feature)."""
        return np.asarray((features - self.middle) / self.scatter, np.float32)


def fit_statistics(features: Floats, cells: Floats | None) -> FittedStatistics:
    """Fit the statistics to features (n, feature), and the image scores to cells (m, y, x, channel) if any."""
    image_scores = {} if cells is None else {name: kind.fit(cells) for name, kind in IMAGE_SCORES.items()}
    middle, scatter = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-7)
    return FittedStatistics(fit_space(features), middle, scatter, image_scores)


def statistics_arrays(statistics: FittedStatistics) -> dict[str, NDArray[Any]]:
    """Fitted statistics as arrays by name, as they are stored."""
    arrays: dict[str, NDArray[Any]] = {
        "space/middle": statistics.space.middle,
        "space/axes": statistics.space.axes,
        "middle": statistics.middle,
        "scatter": statistics.scatter,
    }
    for name, score in statistics.image_scores.items():
        for field, value in vars(score).items():
            parts = vars(value) if isinstance(value, BrightnessBins) else {"": value}
            arrays |= {f"{name}/{field}/{part}".rstrip("/"): array for part, array in parts.items()}
    if statistics.morphology is not None:
        arrays |= {f"morphology/{field}": array for field, array in vars(statistics.morphology).items()}
    return arrays


def statistics_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> FittedStatistics:
    """The inverse of `statistics_arrays`."""
    kinds = {name: kind for name, kind in IMAGE_SCORES.items() if f"{name}/axis" in arrays}
    image_scores = {name: kind(**_parts(arrays, name, kind)) for name, kind in kinds.items()}
    space = WhitenedSpace(arrays["space/middle"], arrays["space/axes"])
    morphology_arrays = {field.name: arrays.get(f"morphology/{field.name}") for field in fields(Morphology)}
    morphology = None if morphology_arrays["names"] is None else Morphology(**morphology_arrays)  # type: ignore[arg-type]
    return FittedStatistics(space, arrays["middle"], arrays["scatter"], image_scores, morphology)


def _parts(arrays: Mapping[str, NDArray[Any]], name: str, kind: Any) -> dict[str, Any]:
    levels = BrightnessBins(*(arrays[f"{name}/levels/{field.name}"] for field in fields(BrightnessBins)))
    names = [field.name for field in fields(kind)]
    return {field: levels if field == "levels" else arrays[f"{name}/{field}"] for field in names}


def artefacts_of(survey: Survey, model: ModelFolder | None, rows: NDArray[np.int64]) -> pd.Series[str]:
    """Why each galaxy counts as a star or an artefact, "" where it does not.

    The first of these that applies: the class in the catalogue (label, Galaxy Zoo 2 class, painted kind), at least half
    of the volunteer votes, the predicted class, and, where `gz2interp.quality` has measured the images, a saturated
    peak or missing pixels.

    Parameters
    ----------
    model : ModelFolder or None
        Model whose predictions are used; None for no predictions.
    rows : int64 (n,)

    Returns
    -------
    Series of str (n,)
        In the order of `rows` and indexed by them.
    """
    reasons = pd.Series("", index=rows, dtype="str")
    for further in (_by_catalogue(survey, rows), _by_prediction(model, rows), _by_quality(survey, rows)):
        reasons = reasons.where(reasons != "", further)
    return reasons


def artefacts_in_words(reasons: Iterable[str]) -> str:
    """Number of galaxies left out, and by which criterion.

    >>> artefacts_in_words(["catalogue: A", "", "votes: 71 %", "votes: 55 %"])
    '3 stars or artefacts are left out: 1 by catalogue, 2 by votes'
    """
    kinds = pd.Series([reason.split(":")[0] for reason in reasons if reason], dtype="str").value_counts(sort=False)
    if kinds.empty:
        return "No star or artefact was found to leave out"
    parts = ", ".join(f"{count:,} by {kind}" for kind, count in kinds.items())
    stars = "1 star or artefact is" if kinds.sum() == 1 else f"{int(kinds.sum()):,} stars or artefacts are"
    return f"{stars} left out: {parts}"


def _by_catalogue(survey: Survey, rows: NDArray[np.int64]) -> pd.Series[str]:
    columns = catalog_columns(survey)
    classes = [name for name in (LABEL, _PAINTED, GZ2CLASS) if name in columns]
    votes = _vote_columns(columns)
    table = read_some_rows(survey.location.file("catalog.parquet"), rows, [*classes, *votes])
    reasons = pd.Series("", index=table.index, dtype="str")
    for name in map(str, classes):
        values = table[name].astype("str").fillna("")
        is_one = values.str.startswith("A") if name == GZ2CLASS else values.str.lower().isin(NAMES)
        reasons = reasons.where((reasons != "") | ~is_one, "catalogue: " + values)
    for name in votes:
        shares = table[name].astype("float64")
        words = shares.map(lambda share: f"votes: {share:.0%} star or artefact".replace("%", " %"))
        reasons = reasons.where((reasons != "") | ~(shares >= MOST_VOTES), words)
    return reasons


def _vote_columns(columns: list[str]) -> list[str]:
    """The best available kind of Galaxy Zoo 2 votes, and those of later projects."""
    ours = (vote_column(*CLASS_VOTES["A"][0], kind) for kind in _KINDS)
    best = next((name for name in ours if name in columns), None)
    return [*([best] if best else []), *(name for name in columns if _NEWER.fullmatch(name))]


def _by_prediction(model: ModelFolder | None, rows: NDArray[np.int64]) -> pd.Series[str]:
    none = pd.Series("", index=rows, dtype="str")
    predictions = predictions_of(model) if model is not None else None
    if predictions is None:
        return none
    classes: pd.Series[Any] = predictions.set_index("row")["prediction"].reindex(rows).fillna("")
    return none.where(~classes.str.lower().isin(NAMES), "prediction: " + classes.astype("str"))


def _by_quality(survey: Survey, rows: NDArray[np.int64]) -> pd.Series[str]:
    reasons, table = pd.Series("", index=rows, dtype="str"), QualityFile(survey).read()
    if table is None:
        return reasons
    table = table.set_index("row").reindex(rows)
    for name, (least, words) in QUALITY.items():
        text = table[name].map(lambda value, words=words: "image quality: " + words.format(value).replace("%", " %"))
        reasons = reasons.where((reasons != "") | ~(table[name] >= least), text)
    return reasons


@dataclass(frozen=True)
class UnusualGalaxies:
    """Stored anomaly scores of a survey's galaxies, and the fitted model."""

    survey: Survey
    model: ModelFolder
    analysis: Analysis
    folder: UnusualFolder

    @property
    def scores(self) -> pd.DataFrame:
        """A row per analysed galaxy, in the survey's order: see `UnusualFolder.table`."""
        return self.folder.table

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose features were scored."""
        with self._reading():
            return tuple(str(layer) for layer in self.folder.frozen["layers"])

    def table(self, most: int | None = None) -> pd.DataFrame:
        """The most unusual first: rank, galaxy_id, score, reason, ra, dec, prediction, label, and every score."""
        ranked = self.scores.sort_values("rank").head(most if most is not None else len(self.scores))
        rows = ranked["row"].to_numpy()
        predictions = self.model.predictions.set_index("row").reindex(rows)
        catalog = self.survey.catalog.iloc[rows]
        columns = {
            "rank": ranked["rank"].to_numpy(),
            GALAXY_ID: ranked[GALAXY_ID].to_numpy(),
            "score": ranked["score"].to_numpy(),
            "reason": ranked["reason"].to_numpy(),
            RA: catalog[RA].to_numpy(),
            DEC: catalog[DEC].to_numpy(),
            "prediction": predictions["prediction"].to_numpy(),
            LABEL: predictions["label"].fillna("").to_numpy(),
        }
        return pd.DataFrame(columns | {name: ranked[name].to_numpy() for name in TITLES if name in ranked})

    @property
    def caveat(self) -> str:
        """Limits of the ranking, in words; "" where there are none."""
        return " ".join(words for words in (self._too_few, self._outdated) if words)

    @property
    def _outdated(self) -> str:
        if self.folder.provenance.parameters.get("reasons") == REASONS:
            return ""
        return (
            "These reasons were written by an earlier version, and may contradict the ranks. Run gz2interp unusual "
            f"{self.survey.path} --model {self.model.name} --layer {self.analysis.layer} to renew them."
        )

    @property
    def _too_few(self) -> str:
        """A caveat where the survey is too small for a ranking.

        In each of k independent scores one of n galaxies comes first, however ordinary all of them are: any given one
        does so in at least one score with probability 1 - (1 - 1/n)^k. The ranking is meaningful below 5 %.
        """
        names = [name for name in TITLES if name in self.scores and np.isfinite(self.scores[name]).any()]
        k = len([name for name in names if name not in SCORES]) + any(name in SCORES for name in names)
        n = len(self.scores)
        chance = 1 - (1 - 1 / n) ** k
        if chance <= BY_CHANCE:
            return ""
        enough = int(np.ceil(1 / (1 - (1 - BY_CHANCE) ** (1 / k))))
        return (
            f"{n} galaxies are too few to know which of them are unusual: with {k} independent scores, even an "
            f"ordinary galaxy is the highest in one of them with a probability of {chance:.0%} (5% among {enough} "
            "galaxies). Take the order as a list to look through, not as a result."
        ).replace("%", " %")

    @cached_property
    def statistics(self) -> FittedStatistics:
        """The statistics of the reference sample."""
        with self._reading():
            return statistics_from_arrays(self.folder.frozen)

    @cached_property
    def anomaly_model(self) -> AnomalyModel:
        """The anomaly model, fitted again to the stored reference sample, with the same result."""
        with self._reading():
            sample = np.asarray(self.folder.frozen["ground"], np.int64)
            probabilities = probabilities_of(self.model, self.analysis.rows)
            classes = probabilities[sample].argmax(axis=1).astype(np.int64)
            vectors = np.asarray(self.folder.vectors[sample])
            return AnomalyModel.fit(self.statistics.space, vectors, classes, self.folder.provenance.seed or 0)

    def _reading(self) -> AbstractContextManager[None]:
        return errors_as(SurveyError, str(self.folder.path / "frozen.npz"), remedy="Run gz2interp unusual again")

    @cached_property
    def preference_vectors(self) -> Floats:
        """Inputs of the preference model that generalises ratings, float32 (n, component)."""
        normal = self.scores[[f"normal_{name}" for name in TITLES if f"normal_{name}" in self.scores]]
        numbers = self.folder.numbers
        morphology = None if numbers is None else self.statistics.morphology
        whitened = None if numbers is None or morphology is None else morphology.whitened(numbers[:, :-1])
        return preference_vectors(self.folder.vectors, normal.to_numpy(np.float32), whitened)

    def normal_scores_of(self, scores: Mapping[str, NDArray[np.floating]]) -> dict[str, NDArray[np.float64]]:
        """Scores of galaxies outside the survey as normal scores of their ranks in it; ``score`` is the combination.

        Raises
        ------
        SurveyError
            The stored scores come from an earlier version, which combined them in another way.
        """
        if self.folder.provenance.parameters.get("together") != TOGETHER:
            raise SurveyError(
                f"The stored anomaly scores of {self.survey.name} come from an earlier version",
                "Scores that are combined as in this version",
                f"Run gz2interp unusual {self.survey.path} --model {self.model.name}",
            )
        normal = {name: normal_scores_among(values, self.scores[name].to_numpy()) for name, values in scores.items()}
        return normal | {"score": combine_scores(normal, SCORES)}


def probabilities_of(model: ModelFolder, rows: NDArray[np.int64]) -> Floats:
    """Stored class probabilities float32 (n, class) of rows of a survey."""
    predictions = model.predictions.set_index("row").reindex(rows)
    return predictions[[f"p_{name}" for name in model.class_names]].to_numpy(np.float32)


def latest_unusual(survey: Survey, model: ModelFolder, layer: str = "") -> UnusualGalaxies:
    """The scores stored in the newest analysis of exactly this survey and this model that has any.

    Raises
    ------
    SurveyError
        No analysis of them has stored scores.
    """
    for analysis in analyses_of(model.path):
        source, folder = analysis.provenance, unusual_folder(analysis)
        ours = (source.data, source.model) == (survey.digest, model.digest) and layer in ("", source.layer)
        if ours and folder.is_complete:
            return UnusualGalaxies(survey, model, analysis, folder)
    raise SurveyError(
        f"{survey.name} has no anomaly scores by {model.name} as it is now",
        remedy=f"Run gz2interp unusual {survey.path} --model {model.name}" + (f" --layer {layer}" if layer else ""),
    )
