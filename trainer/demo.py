"""The demo: a painted survey, a network trained on it and its analysis, in a few minutes.

Interrupted stages are resumed, finished ones are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gz2interp.stores.survey import Survey
from trainer.paint import paint_survey

__all__ = ["GALAXIES", "MODEL", "SEED", "build_demo"]

GALAXIES = 3000
SEED = 2018
"""Seed of the painted galaxies; tests use seeds below 100."""
MODEL = "cnn"

Progress = Callable[[str, int, int, str], None]
"""Called with (stage, done, total, message); stages are ``paint``, ``fit`` and ``analyse``."""


def build_demo(path: Path, galaxies: int = GALAXIES, progress: Progress | None = None) -> Survey:
    """Paint, fit, evaluate and analyse.

    Parameters
    ----------
    path : Path
        Folder of the survey, new or from an interrupted call with the same number of galaxies.

    Returns
    -------
    Survey
        With the model `MODEL`, its evaluation and the analysis of its last spatial layer.
    """
    report = progress or _silent
    survey = paint_survey(path, galaxies, SEED, lambda done, of: report("paint", done, of, f"{done} of {of} galaxies"))
    if MODEL not in survey.models() or (survey.path / "models" / MODEL / "checkpoint").exists():
        _fit(survey, report)
    if not (survey.path / "models" / MODEL / "evaluation.json").exists():
        _evaluate(survey, report)
    _analyse(survey, report)
    return survey


def _fit(survey: Survey, report: Progress) -> None:
    report("fit", 0, 1, "TensorFlow is starting")
    from trainer.config import read_config  # late, because TensorFlow takes seconds to import
    from trainer.fit import fit
    from trainer.training import TrainingProgress as Epoch

    def callback(now: Epoch) -> None:
        done = (now.epoch - 1) * now.steps + now.step
        words = f"epoch {now.epoch} of {now.epochs}, accuracy {now.accuracy:.1%}"
        if now.validation_accuracy is not None:
            words += f", validation {now.validation_accuracy:.1%}"
        report("fit", done, now.epochs * now.steps, words)

    fit(survey, MODEL, read_config("demo"), callback)


def _evaluate(survey: Survey, report: Progress) -> None:
    from trainer.evaluate import evaluate

    report("fit", 1, 1, "evaluating on test galaxies")
    evaluate(survey, MODEL)


def _analyse(survey: Survey, report: Progress) -> None:
    report("analyse", 0, 4, "opening the network")
    from gz2interp.workflows.analyse import analyse
    from gz2interp.workflows.study import Study

    stages = ("predict", "activations", "neighbours", "map")
    words = {"map": "drawing the map"}

    def callback(stage: str, done: int, of: int) -> None:
        if stage in stages:
            report("analyse", stages.index(stage) + (done == of), 4, words.get(stage, f"{stage}: {done} of {of}"))

    analyse(Study(survey, survey.model(MODEL)), progress=callback)
    report("analyse", 4, 4, "done")


def _silent(stage: str, done: int, of: int, words: str) -> None:
    pass
