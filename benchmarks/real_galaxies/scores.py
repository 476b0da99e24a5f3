"""What the trials say together: scores with intervals, and differences galaxy by galaxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.real_galaxies.data import Files
from trainer.metrics import calibration_error

DRAWS = 4000

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def parts_of(files: Files) -> Mapping[str, Bools]:
    """The galaxies that are counted, bool (n,) of the good file."""
    everybody = np.ones(len(files.good.ids), np.bool_)
    parts = {"all": everybody, "decided": files.decided, "without mergers": ~files.merger}
    return {f"{words} ({part.sum()})": part for words, part in parts.items()}


def shares_of(tables: Sequence[pd.DataFrame], files: Files, column: str = "p24") -> Floats:
    """The probability of S by each seed's networks, float (seed, n), in the order of the good file."""
    return np.stack([table.set_index("galaxy_id").loc[files.good.ids, column].to_numpy(float) for table in tables])


def right_of(shares: Floats, files: Files) -> Floats:
    """The share of seeds that are right about each galaxy, float (n,)."""
    return np.asarray(((shares > 0.5) == (files.good.labels == "S")).mean(axis=0))


def intervals(values: Floats, files: Files, generator: np.random.Generator) -> list[str]:
    """Means over each part in per cent, with 95 % intervals of galaxies drawn again with replacement."""
    return [_interval(values[part], generator) for part in parts_of(files).values()]


def calibration(shares: Floats, files: Files, generator: np.random.Generator) -> str:
    """ECE and Brier score, means over seeds, beside the ECE of a perfectly calibrated network on as many galaxies."""
    truth = files.good.labels == "S"
    confidence = np.maximum(shares, 1 - shares)
    errors = [calibration_error(*pair) for pair in zip(confidence, (shares > 0.5) == truth, strict=True)]
    lucky = [(sure, generator.random((200, len(sure))) < sure) for sure in confidence]
    ideal = [calibration_error(sure, drawn) for sure, draws in lucky for drawn in draws]
    low, high = np.quantile(ideal, [0.025, 0.975])
    brier = 2 * np.mean((shares - truth) ** 2)
    return f"ECE {np.mean(errors):.3f}, of a perfect one {np.mean(ideal):.3f} ({low:.3f}-{high:.3f}); Brier {brier:.3f}"


def _interval(values: Floats, generator: np.random.Generator) -> str:
    draws = generator.integers(len(values), size=(DRAWS, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"
