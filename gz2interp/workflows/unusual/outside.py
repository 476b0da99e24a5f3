"""How unusual a galaxy from elsewhere would be in a survey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import TITLES
from gz2interp.embedding.unusual.places import farthest_places
from gz2interp.embedding.unusual.reasons import ORDINARY, reason_of, strongest_features
from gz2interp.network.probe import Probe
from gz2interp.workflows.unusual.found import Unusual
from gz2interp.workflows.unusual.looking import Looks
from gz2interp.workflows.unusual.measuring import Measuring, details_of, told_of

__all__ = ["Judged", "judge_image"]


@dataclass(frozen=True, eq=False)
class Judged:
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


def judge_image(found: Unusual, probe: Probe, images: NDArray[np.float32]) -> Judged:
    """Judge galaxies that are not in the survey as its own were judged; nobody's votes are known of them.

    Parameters
    ----------
    found : Unusual
    probe : Probe
        Of the model that `found` is of.
    images : float32 (n, y, x, band), nanomaggies
    """
    looks, usual = Looks(probe, found.layers, found.survey.bands), found.usual
    look = looks(images)
    probabilities = probe.probabilities(images)
    bands = found.survey.bands
    numbers = Measuring(bands, images.shape[1:3])(images)
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
    return Judged(values, placed, score, rank, reasons)
