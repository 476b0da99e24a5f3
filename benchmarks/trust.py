"""Our numbers of trust beside those of Quantus and xplique, on the same maps of the same galaxies.

    pip install --no-deps quantus xplique opencv-python-headless einops ...   # in an environment of its own
    python benchmarks/trust.py SURVEY --model cnn --galaxies 48

Both are asked only what their present versions can be asked beside Keras 3: Quantus' measures of maps against regions
and its rank correlation (its measures that ask a network need Keras 2), xplique's deletion and insertion. What is not
installed is said and left out. Deletion and insertion are given the same sky as ours to put in a pixel's place.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gz2interp.attribution import METHODS
from gz2interp.attribution.baselines import sky_like
from gz2interp.trust.map_tests import Explainer, areas, order_of, rank_correlation
from gz2interp.trust.truth import pointing, relevance_mass, relevance_rank
from gz2interp.workflows.explain import AttributionSettings, method_options
from gz2interp.workflows.study import open_study
from gz2interp.workflows.trust_questions import draw_sample, find_causes

METHOD = "gradient"


@dataclass(frozen=True)
class Row:
    """One number, by both."""

    name: str
    ours: float
    theirs: float
    whose: str

    def __str__(self) -> str:
        return f"{self.name:<22}{self.ours:>10.4f}{self.theirs:>10.4f}{self.ours / self.theirs:>9.4f}  {self.whose}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("survey")
    parser.add_argument("--model")
    parser.add_argument("--galaxies", type=int, default=48)
    asked = parser.parse_args()
    study = open_study(asked.survey, asked.model)
    sample = draw_sample(study, asked.galaxies, 0)
    explainer = Explainer(METHODS[METHOD], method_options(study, METHODS[METHOD], AttributionSettings(METHOD)))
    maps = explainer.importance(study.probe, sample.images, sample.classes)
    print(f"{METHOD}, {len(maps)} galaxies of {study.survey.name}, network {study.model.name}")
    print(f"{'':<22}{'ours':>10}{'theirs':>10}{'ratio':>9}")
    causes = find_causes(study, sample)
    if causes is not None:
        _print(lambda: quantus_rows(maps, causes.region))
    _print(lambda: xplique_rows(study.probe, sample.images, sample.classes, maps))


def _print(rows: Callable[[], Iterator[Row]]) -> None:
    try:
        for row in rows():
            print(row)
    except ImportError as error:
        print(f"not compared: {error}")


def quantus_rows(maps: np.ndarray, region: np.ndarray) -> Iterator[Row]:
    """Relevance mass and rank, the pointing game, and the rank correlation of two maps."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import quantus

        asked = {
            "relevance mass": (quantus.RelevanceMassAccuracy, relevance_mass, np.maximum(maps, 0)),
            "relevance rank": (quantus.RelevanceRankAccuracy, relevance_rank, maps),
            "pointing game": (quantus.PointingGame, pointing, maps),
        }
        rows = []
        for name, (theirs, ours, given) in asked.items():
            measure = theirs(abs=False, normalise=False, disable_warnings=True)
            values = measure(
                model=None,
                x_batch=given[:, None],
                y_batch=np.zeros(len(given), int),
                a_batch=given[:, None],
                s_batch=region[:, None],
            )
            rows.append(Row(name, float(ours(given, region).mean()), float(np.mean(values)), "Quantus"))
        pairs = [
            quantus.similarity_func.correlation_spearman(a.ravel(), b.ravel())
            for a, b in zip(maps, maps[::-1], strict=True)
        ]
        rows.append(
            Row("rank correlation", float(rank_correlation(maps, maps[::-1]).mean()), float(np.mean(pairs)), "Quantus")
        )
    yield from rows


def xplique_rows(probe: object, images: np.ndarray, classes: np.ndarray, maps: np.ndarray) -> Iterator[Row]:
    """Deletion and insertion in sixteen steps, the same sky in the place of pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from xplique.metrics import Deletion, Insertion

        sky = sky_like(images, np.random.default_rng(0))
        targets = np.eye(len(probe.class_names), dtype=np.float32)[classes]  # type: ignore[attr-defined]
        ours = areas(probe, images, classes, order_of(maps), np.random.default_rng(0))  # type: ignore[arg-type]
        for name, theirs, mine in (("deletion", Deletion, ours[0]), ("insertion", Insertion, ours[1])):
            measure = theirs(probe.model, images, targets, baseline_mode=lambda inputs: sky, steps=16)  # type: ignore[attr-defined]
            yield Row(name, float(mine.mean()), float(measure(maps)), "xplique")


if __name__ == "__main__":
    main()
