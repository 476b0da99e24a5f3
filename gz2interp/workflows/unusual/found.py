"""What was found unusual, as it lies on the disk: no network is needed to read it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import SCORES, TITLES, Judge, combined, placed_among
from gz2interp.embedding.unusual.preference import taste_vectors
from gz2interp.errors import SurveyError
from gz2interp.schema import DEC, GALAXY_ID, LABEL, RA
from gz2interp.stores.analyses import Analysis, analyses_of
from gz2interp.stores.layer_results import UnusualFolder, unusual_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.reading import failing_as
from gz2interp.stores.survey import Survey
from gz2interp.workflows.unusual.usual import Usual, read_usual

__all__ = ["TOGETHER", "Unusual", "latest_unusual"]

Floats = NDArray[np.float32]

BY_CHANCE: Final = 0.05
"""Probability for an ordinary galaxy to be the highest in a score, above which a ranking is no result."""

TOGETHER = "harmonic mean of the shares"
"""How scores become one; results that were kept when it was another judge nobody from elsewhere."""

REASONS: Final = 3
"""Of how reasons are told; another one makes another result. Before 3 a reason could contradict the rank."""


@dataclass(frozen=True)
class Unusual:
    """The scores of a survey's galaxies, and the judge that gave them.

    Attributes
    ----------
    survey : Survey
    model : ModelFolder
    analysis : Analysis
    folder : UnusualFolder
    """

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
        """The layers that were looked at."""
        with self._reading():
            return tuple(str(layer) for layer in self.folder.frozen["layers"])

    def table(self, most: int | None = None) -> pd.DataFrame:
        """The most unusual first: rank, galaxy_id, score, reason, ra, dec, prediction, label, and every score."""
        ranked = self.scores.sort_values("rank").head(most if most is not None else len(self.scores))
        rows = ranked["row"].to_numpy()
        said = self.model.predictions.set_index("row").reindex(rows)
        catalog = self.survey.catalog.iloc[rows]
        told = {
            "rank": ranked["rank"].to_numpy(),
            GALAXY_ID: ranked[GALAXY_ID].to_numpy(),
            "score": ranked["score"].to_numpy(),
            "reason": ranked["reason"].to_numpy(),
            RA: catalog[RA].to_numpy(),
            DEC: catalog[DEC].to_numpy(),
            "prediction": said["prediction"].to_numpy(),
            LABEL: said["label"].fillna("").to_numpy(),
        }
        return pd.DataFrame(told | {name: ranked[name].to_numpy() for name in TITLES if name in ranked})

    @property
    def caveat(self) -> str:
        """What the ranking cannot tell, in words; "" where there is nothing to say."""
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
        """What so few galaxies cannot tell.

        In each of k independent scores one of n galaxies comes first, however ordinary all of them are: any given one
        does so in at least one score with probability 1 - (1 - 1/n)^k. Below 5 % the first places mean something.
        """
        known = [name for name in TITLES if name in self.scores and np.isfinite(self.scores[name]).any()]
        k, n = (
            len([name for name in known if name not in SCORES]) + any(name in SCORES for name in known),
            len(self.scores),
        )
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
    def usual(self) -> Usual:
        """What is usual in the survey."""
        with self._reading():
            return read_usual(self.folder.frozen)

    @cached_property
    def judge(self) -> Judge:
        """The scores as they were fitted; fitting them again to the same ground gives the same."""
        with self._reading():
            ground = np.asarray(self.folder.frozen["ground"], np.int64)
            classes = self._probabilities[ground].argmax(axis=1).astype(np.int64)
            vectors = np.asarray(self.folder.vectors[ground])
            return Judge.fit(self.usual.space, vectors, classes, self.folder.provenance.seed or 0)

    def _reading(self) -> AbstractContextManager[None]:
        return failing_as(SurveyError, str(self.folder.path / "frozen.npz"), remedy="Run gz2interp unusual again")

    @cached_property
    def taste(self) -> Floats:
        """By what galaxies are told apart when a rating is passed on, float32 (n, component)."""
        normal = self.scores[[f"normal_{name}" for name in TITLES if f"normal_{name}" in self.scores]]
        numbers = self.folder.numbers
        morphology = None if numbers is None else self.usual.morphology
        whitened = None if numbers is None or morphology is None else morphology.whitened(numbers[:, :-1])
        return taste_vectors(self.folder.vectors, normal.to_numpy(np.float32), whitened)

    def placed(self, values: Mapping[str, NDArray[np.floating]]) -> dict[str, NDArray[np.float64]]:
        """Scores of galaxies from elsewhere, as normal scores among the survey's; ``score`` is their combination.

        Raises
        ------
        SurveyError
            What is kept was made by an earlier version, which put scores together in another way.
        """
        if self.folder.provenance.parameters.get("together") != TOGETHER:
            raise SurveyError(
                f"What is unusual in {self.survey.name} was asked of an earlier version",
                "Scores that are put together as those of the survey are",
                f"Run gz2interp unusual {self.survey.path} --model {self.model.name}",
            )
        normal = {name: placed_among(each, self.scores[name].to_numpy()) for name, each in values.items()}
        return normal | {"score": combined(normal, SCORES)}

    @cached_property
    def _probabilities(self) -> Floats:
        said = self.model.predictions.set_index("row").reindex(self.analysis.rows)
        return said[[f"p_{name}" for name in self.model.class_names]].to_numpy(np.float32)


def latest_unusual(survey: Survey, model: ModelFolder, layer: str = "") -> Unusual:
    """What was found in the newest analysis of exactly this survey and this model that was asked.

    Raises
    ------
    SurveyError
        Nothing was asked of them.
    """
    for analysis in analyses_of(model.path):
        made, folder = analysis.provenance, unusual_folder(analysis)
        ours = (made.data, made.model) == (survey.digest, model.digest) and layer in ("", made.layer)
        if ours and folder.is_complete:
            return Unusual(survey, model, analysis, folder)
    raise SurveyError(
        f"What is unusual in {survey.name} was not asked of {model.name} as it is now",
        remedy=f"Run gz2interp unusual {survey.path} --model {model.name}" + (f" --layer {layer}" if layer else ""),
    )
