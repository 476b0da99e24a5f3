"""A classifier that tries to tell real from painted, and what it goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .report import Line

__all__ = ["Sample", "forest", "judged", "logistic", "told_apart"]

Array = NDArray[np.floating]

FOLDS, RESAMPLED = 5, 300
GOAL = 0.65


@dataclass(frozen=True, eq=False)
class Sample:
    """Features of real and painted pieces of sky.

    Attributes
    ----------
    values : float (n, feature)
    painted : bool (n,)
    groups : str (n,)
        What must not be learnt from and judged at once.
    names : sequence of str
        Of the features; what precedes the colon is the family.
    """

    values: Array
    painted: NDArray[np.bool_]
    groups: NDArray[np.str_]
    names: Sequence[str]

    @classmethod
    def of(cls, sides: Sequence[Sequence[Mapping[str, float]]], groups: Sequence[str]) -> Sample:
        """From the features of each piece: those of the real ones, then those of the painted ones."""
        names = list(sides[0][0])
        values = np.array([[piece[name] for name in names] for side in sides for piece in side], np.float64)
        painted = np.arange(len(values)) >= len(sides[0])
        return cls(np.nan_to_num(values, nan=-9.0, posinf=9, neginf=-9), painted, np.array(groups), names)

    def family(self, name: str) -> Sample:
        """Only the features of one family."""
        kept = [index for index, full in enumerate(self.names) if full.split(":")[0] == name]
        return Sample(self.values[:, kept], self.painted, self.groups, [self.names[index] for index in kept])

    def without(self, families: Sequence[str]) -> Sample:
        """All but the features of some families."""
        kept = [index for index, full in enumerate(self.names) if full.split(":")[0] not in families]
        return Sample(self.values[:, kept], self.painted, self.groups, [self.names[index] for index in kept])


def forest(trees: int = 300) -> Any:
    """A random forest, both classes of equal weight."""
    return RandomForestClassifier(trees, min_samples_leaf=3, class_weight="balanced", random_state=0)


def logistic() -> Any:
    """A logistic regression on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000))


def judged(sample: Sample, model: Any, what: str, goal: float = GOAL) -> Line:
    """Area under the curve of scores given to pieces from groups that were not learnt from, with a 95 % interval."""
    scores = _unseen_scores(sample, model)
    area = float(roc_auc_score(sample.painted, scores))
    low, high = np.percentile(_resampled(sample, scores), [2.5, 97.5])
    real, painted = (str(int((sample.painted == side).sum())) for side in (False, True))
    return Line(what, real, painted, f"{area:.3f} [{low:.3f}, {high:.3f}]", area < goal, f"AUC below {goal:g}")


def told_apart(sample: Sample, most: int = 8) -> list[Line]:
    """The features that a forest goes by, each with its own AUC: 0 or 1 is told at a glance, 0.5 says nothing."""
    importance = forest().fit(sample.values, sample.painted).feature_importances_
    lines = []
    for index in np.argsort(importance)[::-1][:most]:
        real, painted = (np.median(sample.values[sample.painted == side, index]) for side in (False, True))
        alone = roc_auc_score(sample.painted, sample.values[:, index])
        lines.append(Line(f"   {sample.names[index]}", f"{real:.3f}", f"{painted:.3f}", f"alone {alone:.2f}"))
    return lines


def _unseen_scores(sample: Sample, model: Any) -> Array:
    scores = np.zeros(len(sample.painted))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for learnt, tried in folds.split(sample.values, sample.painted, sample.groups):
        model.fit(sample.values[learnt], sample.painted[learnt])
        scores[tried] = model.predict_proba(sample.values[tried])[:, 1]
    return scores


def _resampled(sample: Sample, scores: Array) -> list[float]:
    """Whole groups are drawn, real and painted ones each with replacement."""
    rng = np.random.default_rng(0)
    sides = [_members(sample, painted) for painted in (False, True)]
    areas = []
    for _ in range(RESAMPLED):
        drawn = np.concatenate(
            [groups[place] for groups in sides for place in rng.integers(len(groups), size=len(groups))]
        )
        areas.append(float(roc_auc_score(sample.painted[drawn], scores[drawn])))
    return areas


def _members(sample: Sample, painted: bool) -> list[NDArray[np.intp]]:
    """Places of the real or the painted pieces of each group."""
    side = sample.painted == painted
    return [np.flatnonzero(side & (sample.groups == name)) for name in np.unique(sample.groups[side])]
