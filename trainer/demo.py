"""The demo: a painted survey, a network trained on it and its analysis, built from nothing in a few minutes.

Every stage goes on where it was interrupted, and is left alone once it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gz2interp.stores.survey import Survey
from trainer.paint import paint_survey

__all__ = ["GALAXIES", "MODEL", "SEED", "build_demo"]

GALAXIES = 3000
SEED = 2018
"""Of the painted galaxies; tests of the painter and of recipes use seeds below 100."""
MODEL = "cnn"

Progress = Callable[[str, int, int, str], None]
"""Called with (stage, done, of how many, words); stages are ``paint``, ``fit`` and ``analyse``."""


def build_demo(path: Path, galaxies: int = GALAXIES, progress: Progress | None = None) -> Survey:
    """Paint, fit, evaluate and analyse.

    Parameters
    ----------
    path : Path
        The survey's folder, new or from an interrupted building of the same size.
    galaxies : int
    progress : callable, optional

    Returns
    -------
    Survey
        With the model `MODEL`, its evaluation and the analysis of its last spatial layer.
    """
    tell = progress or _silent
    survey = paint_survey(path, galaxies, SEED, lambda done, of: tell("paint", done, of, f"{done} of {of} galaxies"))
    if MODEL not in survey.models() or (survey.path / "models" / MODEL / "checkpoint").exists():
        _fit(survey, tell)
    if not (survey.path / "models" / MODEL / "evaluation.json").exists():
        _evaluate(survey, tell)
    _analyse(survey, tell)
    return survey


def _fit(survey: Survey, tell: Progress) -> None:
    tell("fit", 0, 1, "TensorFlow is starting")
    from trainer.config import read_config  # TensorFlow takes seconds: the painting is shown first
    from trainer.fit import fit
    from trainer.training import TrainingProgress as Epoch

    def listen(now: Epoch) -> None:
        done = (now.epoch - 1) * now.steps + now.step
        words = f"epoch {now.epoch} of {now.epochs}, accuracy {now.accuracy:.1%}"
        if now.validation_accuracy is not None:
            words += f", on other galaxies {now.validation_accuracy:.1%}"
        tell("fit", done, now.epochs * now.steps, words)

    fit(survey, MODEL, read_config("demo"), listen)


def _evaluate(survey: Survey, tell: Progress) -> None:
    from trainer.evaluate import evaluate

    tell("fit", 1, 1, "judging it on galaxies it has never seen")
    evaluate(survey, MODEL)


def _analyse(survey: Survey, tell: Progress) -> None:
    tell("analyse", 0, 4, "opening the network")
    from gz2interp.workflows.analyse import analyse
    from gz2interp.workflows.study import Study

    stages = ("predict", "activations", "neighbours", "map")
    words = {"map": "drawing the map"}

    def listen(stage: str, done: int, of: int) -> None:
        if stage in stages:
            tell("analyse", stages.index(stage) + (done == of), 4, words.get(stage, f"{stage}: {done} of {of}"))

    analyse(Study(survey, survey.model(MODEL)), progress=listen)
    tell("analyse", 4, 4, "done")


def _silent(stage: str, done: int, of: int, words: str) -> None:
    pass
