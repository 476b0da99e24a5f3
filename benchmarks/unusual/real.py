"""Real cutouts among painted galaxies: do stars and artefacts rank above galaxies, and do galaxies look ordinary?

    GZ2INTERP_REAL_DATA=DATA python -m benchmarks.unusual.real FOLDER

The painted galaxies are those that the benchmark's network was trained on: 3,000 ordinary ones. Each real cutout of
``DATA/sdss_cutouts`` is judged as a galaxy that is not in the survey; the labels of its ``cutouts.csv`` are an eye's.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.unusual.judging import Seen, look_at
from benchmarks.unusual.training import network
from gz2interp.embedding.unusual.anomaly_model import (
    SCORES,
    AnomalyModel,
    combine_scores,
    normal_scores,
    normal_scores_among,
)
from gz2interp.embedding.unusual.morphology import Morphology
from gz2interp.network.probe import Probe
from gz2interp.stores.survey import Survey
from gz2interp.workflows.image_from_file import outside_image
from gz2interp.workflows.unusual import PixelMeasurements
from gz2interp.workflows.unusual_results import FittedStatistics, fit_statistics

__all__ = ["Found", "real_against_painted"]

DRAWS = 2000


@dataclass(frozen=True)
class Found:
    """What came of it.

    Attributes
    ----------
    counts : (int, int)
        Stars and artefacts, and galaxies.
    auroc, low, high : float
        Of the stars and artefacts above the galaxies, and its interval.
    median, painted : float and (float, float)
        The galaxies' median score, and the 5th and 95th percentile of painted ones.
    by_score : DataFrame
        Of each score the AUROC, and the medians of the galaxies and of the others as normal scores.
    """

    counts: tuple[int, int]
    auroc: float
    low: float
    high: float
    median: float
    painted: tuple[float, float]
    by_score: pd.DataFrame


def real_against_painted(cutouts: Path, folder: Path, galaxies: int = 3000, epochs: int | None = None) -> Found:
    """Judge the real cutouts of a folder with ``cutouts.csv`` among painted galaxies."""
    probe = Probe.open(network(folder, galaxies, epochs))
    survey = Survey.open(folder / "network")
    listed = pd.read_csv(cutouts / "cutouts.csv")
    real = look_at(probe, np.concatenate([outside_image(cutouts / str(file), survey) for file in listed["file"]]))
    parts = [look_at(probe, batch.images) for batch in survey.batches()]
    painted = Seen(*(np.concatenate([vars(part)[name] for part in parts]) for name in vars(real)))
    statistics = fit_statistics(painted.features, painted.cells)
    names = PixelMeasurements(survey.bands, survey.shape).names
    statistics = replace(statistics, morphology=Morphology.fit(painted.numbers[:, :-1], names))
    vectors = statistics.space(painted.features)
    judge = AnomalyModel.fit(statistics.space, vectors, painted.probabilities.argmax(axis=1))
    own = judge.score_samples(
        vectors, painted.probabilities, np.arange(len(vectors)), _image_scores(statistics, painted)
    )
    values = judge.score_samples(
        statistics.space(real.features), real.probabilities, image_scores=_image_scores(statistics, real)
    )
    del own["votes"], values["votes"]
    reference = combine_scores({name: normal_scores(each) for name, each in own.items()}, SCORES)
    normal = {name: normal_scores_among(each, own[name]) for name, each in values.items()}
    strange = (listed["label_by_eye"] == "star_or_artifact").to_numpy()
    # By its place alone, whoever is beyond all painted ones would tie with all others that are.
    beyond = np.mean([_beyond(values[name], own[name]) for name in values], axis=0)
    score = combine_scores(normal, SCORES) + 1e-3 * beyond
    low, high = _interval(score, strange)
    by_score = pd.DataFrame(
        [
            (name, _auroc(values[name], strange), np.median(each[~strange]), np.median(each[strange]))
            for name, each in normal.items()
        ],
        columns=["score", "auroc", "galaxies", "stars and artefacts"],
    )
    edges = tuple(float(edge) for edge in np.percentile(reference, [5, 95]))
    median = float(np.median(score[~strange]))
    counts = int(strange.sum()), int((~strange).sum())
    return Found(counts, _auroc(score, strange), low, high, median, (edges[0], edges[1]), by_score)


def _image_scores(statistics: FittedStatistics, seen: Seen) -> dict[str, NDArray[np.float32]]:
    return statistics.cell_scores(seen.cells) | statistics.morphology_scores(seen.numbers)


def _beyond(values: NDArray[np.floating], own: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far beyond the middle, in scatters that outliers do not widen."""
    low, middle, high = np.percentile(own, [16, 50, 84])
    return np.asarray((values - middle) / max((high - low) / 2, 1e-9), np.float64)


def _auroc(scores: NDArray[np.floating], strange: NDArray[np.bool_]) -> float:
    above = scores[strange][:, None] - scores[~strange][None]
    return float((above > 0).mean() + (above == 0).mean() / 2)


def _interval(scores: NDArray[np.floating], strange: NDArray[np.bool_]) -> tuple[float, float]:
    """By drawing the cutouts of each label again."""
    rng, draws = np.random.default_rng(0), np.empty(DRAWS)
    one, other = scores[strange], scores[~strange]
    for draw in range(DRAWS):
        drawn = rng.choice(one, len(one))[:, None] - rng.choice(other, len(other))[None]
        draws[draw] = (drawn > 0).mean() + (drawn == 0).mean() / 2
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    found = real_against_painted(Path(os.environ["GZ2INTERP_REAL_DATA"]) / "sdss_cutouts", given.folder)
    print(f"{found.counts[0]} stars and artefacts above {found.counts[1]} galaxies: AUROC {found.auroc:.3f}", end=" ")
    print(f"({found.low:.3f}-{found.high:.3f})")
    low, high = found.painted
    print(f"median score of the galaxies {found.median:.2f}; painted galaxies, 5 to 95 %: {low:.2f} to {high:.2f}")
    print(found.by_score.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
