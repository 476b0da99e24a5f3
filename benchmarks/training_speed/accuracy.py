"""Seconds until a validation accuracy is reached."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from gz2interp.stores.survey import Survey
from trainer.paint import paint_survey


def time_to_accuracy(options: argparse.Namespace) -> None:
    """Seconds of `original` and of `default` until the validation accuracy with which `original` ends."""
    from trainer.config import read_config

    survey = paint_survey(options.folder / f"painted-{options.galaxies}", options.galaxies, 5)
    settings = {"scheme": "e_vs_s", "threads": options.threads}
    first = replace(read_config("original", **settings), epochs=options.epochs)
    history = history_of(survey, "original", first, goal=2.0)
    goal = float(history[-1]["validation_accuracy"])
    print(f"original ends with {goal:.1%} of the validation side after {len(history)} epochs")
    seconds = {"original": until(history, goal)}
    print(f"original: {seconds['original']:.0f} s", flush=True)
    seconds["default"] = until(history_of(survey, "default", read_config("default", **settings), goal), goal)
    print(f"default: {seconds['default']:.0f} s\noriginal / default: {seconds['original'] / seconds['default']:.2f}")


def history_of(survey: Survey, name: str, config: Any, goal: float) -> list[dict[str, Any]]:
    """The epochs of a training, until it reaches the goal; what an earlier start has done counts."""
    from trainer.checkpoint import load_checkpoint
    from trainer.fit import fit
    from trainer.training import TrainingStopped

    folder = survey.path / "models" / name
    checkpoint, reached = folder / "checkpoint" / "training.npz", []
    known = [dict(record) for record in load_checkpoint(checkpoint).history] if checkpoint.exists() else []
    if any(record["validation_accuracy"] >= goal for record in known):
        return known

    def listen(now: Any) -> None:
        if now.validation_accuracy is not None and now.validation_accuracy >= goal:
            reached.append(now.epoch)

    try:
        model = survey.model(name) if name in survey.models() and not checkpoint.exists() else None
        model = model or fit(survey, name, config, progress=listen, stop=lambda: bool(reached))
    except TrainingStopped:
        return [dict(record) for record in load_checkpoint(checkpoint).history]
    return [{str(key): value for key, value in record.items()} for record in model.history.to_dict("records")]


def until(history: list[dict[str, Any]], goal: float) -> float:
    """Seconds of all epochs up to the first that reaches the goal; infinity if none does."""
    at = next((i for i, record in enumerate(history) if record["validation_accuracy"] >= goal), None)
    return float("inf") if at is None else float(sum(record["seconds"] for record in history[: at + 1]))
