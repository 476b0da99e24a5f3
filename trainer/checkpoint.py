"""Checkpoints at the end of an epoch, from which a training resumes exactly.

A checkpoint holds everything that changes during training: weights, moving averages, moments and step of the optimiser,
states of the random generators of dropout, the best weights so far, and the history. It is an npz file without pickle,
replaced atomically.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError
from gz2interp.stores.arrays import read_npz
from gz2interp.stores.files import atomic_write
from gz2interp.stores.reading import errors_as

__all__ = ["Checkpoint", "assign", "check_same", "load_checkpoint", "save_checkpoint", "values_of"]

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training after some epochs.

    Attributes
    ----------
    epoch : int
        Epochs done.
    training : mapping
        Settings, data and classes, which must be the same on resuming.
    history : tuple of dict
        One record per epoch.
    network, optimizer : arrays
        Values of the variables, in order.
    best : arrays
        Values of the network's variables after its best epoch.
    """

    epoch: int
    training: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    network: Arrays
    optimizer: Arrays
    best: Arrays


_GROUPS = ("network", "optimizer", "best")


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing the previous one atomically."""
    record = {"epoch": checkpoint.epoch, "training": checkpoint.training, "history": checkpoint.history}
    groups = {group: getattr(checkpoint, group) for group in _GROUPS}
    arrays = {f"{group}/{i}": array for group, part in groups.items() for i, array in enumerate(part)}
    with atomic_write(path) as aside, aside.open("wb") as stream:
        np.savez(stream, allow_pickle=False, record=np.array(json.dumps(record)), **arrays)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    SurveyError
        The file is damaged.
    """
    remedy = "Remove it; the training then starts again"
    file = read_npz(path, ("record",), remedy=remedy)
    with errors_as(SurveyError, f"The checkpoint {path}", remedy=remedy):
        record = json.loads(str(file["record"]))
        arrays = {group: _numbered(file, group) for group in _GROUPS}
        return Checkpoint(int(record["epoch"]), dict(record["training"]), tuple(record["history"]), **arrays)


def check_same(checkpoint: Checkpoint, training: Mapping[str, Any], name: str) -> None:
    """Check that a checkpoint belongs to this training.

    Raises
    ------
    InputError
        Settings or data differ; the message lists them.
    """
    before, now = _flat(checkpoint.training), _flat(json.loads(json.dumps(training)))
    changed = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    if changed:
        differences = "; ".join(f"{key} was {before.get(key)}, is {now.get(key)}" for key in changed[:6])
        raise InputError(
            f"The model {name!r} has an unfinished training with other settings or data: {differences}",
            "The same settings and data, to resume it",
            "Or give the new training another name, or remove the unfinished one's checkpoint folder",
        )


def values_of(variables: Iterable[Any]) -> Arrays:
    """Copies of the values of Keras variables."""
    return tuple(np.array(variable.numpy()) for variable in variables)


def assign(variables: Sequence[Any], values: Arrays) -> None:
    """Assign values to Keras variables, the inverse of `values_of`."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _numbered(file: Mapping[str, NDArray[Any]], group: str) -> Arrays:
    count = sum(name.startswith(f"{group}/") for name in file)
    return tuple(file[f"{group}/{i}"] for i in range(count))


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
