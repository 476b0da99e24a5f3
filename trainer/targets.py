"""Class names, labels and target distributions of a catalogue by a label scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.schema import CLASS_VOTES, LABEL, vote_column
from trainer.catalog.labels import labels_by

__all__ = ["CATALOGUE_SCHEME", "Targets", "strongest_votes", "targets_by"]

CATALOGUE_SCHEME = "label"
"""The scheme that uses the label column of the catalogue."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of a whole catalogue.

    Attributes
    ----------
    class_names : tuple of str
        In the order of the network's outputs.
    labels : object (n,)
        The class, or None.
    distributions : float32 (n, class)
        Distributions over the classes; NaN without a label.
    complete : bool
        Whether classes without any galaxy are kept.
    """

    class_names: tuple[str, ...]
    labels: NDArray[np.object_]
    distributions: Floats
    complete: bool = False

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Mask of galaxies with targets, bool (n,)."""
        return np.asarray(np.isfinite(self.distributions).all(axis=1))


def targets_by(scheme: str, catalog: pd.DataFrame) -> Targets:
    """Targets by a label scheme.

    Columns ``target_CLASS`` of the catalogue or of the scheme give soft targets; without them, targets are one-hot.

    Parameters
    ----------
    scheme : str
        ``"label"`` for the labels of the catalogue, or a scheme of `trainer.catalog.labels`.

    Raises
    ------
    InputError
        There are no labels, or only one class.
    """
    complete = False
    if scheme == CATALOGUE_SCHEME:
        if LABEL not in catalog or catalog[LABEL].isna().all():
            raise InputError(
                "The catalogue has no labels",
                "A column 'label' with the class of each galaxy, or a label scheme such as scheme = \"five_class\"",
                "Make the survey from a catalogue with labels: python -m trainer catalog --help",
            )
        labels, soft, named = catalog[LABEL], catalog, tuple(sorted(catalog[LABEL].dropna().unique()))
    else:
        result = labels_by(scheme, catalog)
        labels, soft, named = result.labels, catalog if result.targets is None else result.targets, result.classes
        complete = result.complete
    plain = np.array([None if pd.isna(label) else str(label) for label in labels], dtype=object)
    class_names = tuple(name for name in named if complete or name in set(plain))
    if len(class_names) < 2:
        raise InputError(
            f"All labelled galaxies are of one class, {class_names[0]!r}" if class_names else "No galaxy has a label",
            "At least two classes",
            "Choose another label scheme, or a catalogue with more classes",
        )
    return Targets(class_names, plain, _distributions(plain, class_names, soft), complete)


def strongest_votes(catalog: pd.DataFrame, class_names: Sequence[str]) -> NDArray[np.object_] | None:
    """The class with most votes, regardless of thresholds; None for galaxies without votes.

    The share of a class reached through several answers is the product of their shares. Returns None if the catalogue
    has no votes for these classes.
    """
    columns = [_share(catalog, name) for name in class_names]
    if any(column is None for column in columns):
        return None
    shares = np.stack([column for column in columns if column is not None], axis=1)
    voted = np.isfinite(shares).any(axis=1) & (np.nan_to_num(shares).max(axis=1) > 0)
    strongest: NDArray[np.object_] = np.array(class_names, dtype=object)[np.nan_to_num(shares).argmax(axis=1)]
    strongest[~voted] = None
    return strongest


def _share(catalog: pd.DataFrame, class_name: str) -> NDArray[np.float64] | None:
    if f"target_{class_name}" in catalog:
        return catalog[f"target_{class_name}"].to_numpy(np.float64)
    columns = [vote_column(question, answer) for question, answer in CLASS_VOTES.get(class_name, ())]
    if not columns or any(column not in catalog for column in columns):
        return None
    return np.asarray(catalog[columns].to_numpy(np.float64).prod(axis=1))


def _distributions(labels: NDArray[np.object_], class_names: Sequence[str], soft: pd.DataFrame) -> Floats:
    columns = [f"target_{name}" for name in class_names]
    if all(column in soft for column in columns):
        shares = soft[columns].to_numpy(np.float64)
        values = shares / shares.sum(axis=1, keepdims=True)
    else:
        values = (labels[:, None] == np.array(class_names, dtype=object)).astype(np.float64)
    values[[label is None for label in labels]] = np.nan
    return np.asarray(values, np.float32)
