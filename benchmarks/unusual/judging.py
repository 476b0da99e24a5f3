"""What every method says of one survey: ours, its parts, scikit-learn's on the same activations, and chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from gz2interp.embedding.unusual.anomaly_model import SCORES, AnomalyModel, combine_scores, normal_scores
from gz2interp.embedding.unusual.morphology import Morphology
from gz2interp.embedding.unusual.preference import PreferenceModel, next_to_rate, preference_vectors
from gz2interp.network.probe import Probe
from gz2interp.schema import BANDS
from gz2interp.workflows.unusual import FeatureExtractor, PixelMeasurements
from gz2interp.workflows.unusual_results import fit_statistics

__all__ = ["AFTER", "Asking", "Seen", "look_at", "opinions", "rated"]

Floats = NDArray[np.float32]
Asking = Callable[[NDArray[np.floating], Floats, NDArray[np.int64]], int | None]

AFTER: Final = (10, 30, 100)
"""Ratings after which is measured."""

PLACES: Final = 4000
BLOCK: Final = 256


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network says of some images, features, cells of its first layer and probabilities, and their numbers."""

    features: Floats
    cells: Floats
    probabilities: Floats
    numbers: Floats

    def __add__(self, other: Seen) -> Seen:
        return Seen(*(np.concatenate(pair) for pair in zip(vars(self).values(), vars(other).values(), strict=True)))


def look_at(probe: Probe, images: Floats) -> Seen:
    """Ask the network about images (n, y, x, band), and measure them, block by block."""
    looks, parts, measuring = FeatureExtractor(probe), [], PixelMeasurements(BANDS, images.shape[1:3])
    for start in range(0, len(images), BLOCK):
        block = np.ascontiguousarray(images[start : start + BLOCK])
        look = looks(block)
        assert look.cells is not None
        parts.append(Seen(look.features, look.cells, probe.probabilities(block), measuring(block)))
    return Seen(*(np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])))


def opinions(seen: Seen, seed: int, others: bool = True) -> tuple[dict[str, NDArray[np.float64]], Floats]:
    """Scores of each method by name, and the vectors that ratings are passed on by; no votes are given.

    Without `others`, scikit-learn is not asked.
    """
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(len(seen.features), min(PLACES, len(seen.features)), replace=False))
    statistics = fit_statistics(seen.features, seen.cells[sample])
    vectors = statistics.space(seen.features)
    judge = AnomalyModel.fit(statistics.space, vectors, seen.probabilities.argmax(axis=1), seed)
    shape = Morphology.fit(seen.numbers[:, :-1], PixelMeasurements(BANDS, (64, 64)).names)
    image_scores = statistics.cell_scores(seen.cells) | shape.score_samples(seen.numbers[:, :-1])
    values = judge.score_samples(vectors, seen.probabilities, np.arange(len(vectors)), image_scores)
    normal = {name: normal_scores(each) for name, each in values.items() if name != "votes"}
    found = {"gz2interp": combine_scores(normal, SCORES), "random": rng.random(len(vectors))}
    if others:
        last = seen.features[:, -3 * 96 : -2 * 96] if seen.features.shape[1] > 3 * 96 else seen.features
        found |= {
            "sklearn isolation forest": -IsolationForest(random_state=seed).fit(vectors).score_samples(vectors),
            "sklearn LOF": -LocalOutlierFactor(20).fit(vectors).negative_outlier_factor_,
            "sklearn LOF, last layer's means": -LocalOutlierFactor(20).fit(last).negative_outlier_factor_,
        }
    whitened = shape.whitened(seen.numbers[:, :-1])
    return found | normal, preference_vectors(vectors, np.stack(list(normal.values()), axis=1), whitened)


def rated(
    scores: NDArray[np.float64], taste: Floats, is_rare: NDArray[np.bool_], ask: Asking = next_to_rate
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Scores and rated positions after some ratings, where the person says 5 of what is rare and 0 of all else."""
    known: list[int] = []
    learnt, after = scores, {}
    for count in range(1, AFTER[-1] + 1):
        position = ask(learnt, taste, np.array(known, np.int64))
        assert position is not None
        known.append(position)
        model = PreferenceModel.fit(taste[known], scores[known], is_rare[known].astype(float))
        learnt = model.score_samples(taste, scores)
        if count in AFTER:
            after[count] = learnt, np.array(known, np.int64)
    return after
