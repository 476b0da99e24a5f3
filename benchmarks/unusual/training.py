"""The one network of all benchmark surveys: five classes of ordinary galaxies, nothing of what is rare."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from benchmarks.unusual.planted import ORDINARY
from gz2interp.stores.survey import Survey
from trainer.config import read_config
from trainer.fit import fit
from trainer.paint import paint_survey

__all__ = ["NETWORK_SEED", "network"]

NETWORK_SEED: Final = 99


def network(folder: Path, galaxies: int, epochs: int | None) -> Path:
    """The network's file, trained if it is not there."""
    survey = paint_survey(folder / "network", galaxies, NETWORK_SEED, shares=ORDINARY)
    trained = survey.path / "models" / "cnn"
    if not (trained / "model.keras").exists() or (trained / "checkpoint").exists():
        # One thread is settled for a whole process: in one of its own, nobody has computed before.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            process.submit(_fit, survey.path, epochs).result()
    return trained / "model.keras"


def _fit(path: Path, epochs: int | None) -> None:
    changes = {} if epochs is None else {"epochs": epochs}
    fit(Survey.open(path), "cnn", read_config("demo", threads=1, **changes))
