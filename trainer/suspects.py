"""Which labels are suspect: confident learning on what networks say of galaxies they have not learnt from.

Ref. Northcutt, Jiang, Chuang 2021, J. Artif. Intell. Res. 70, 1373, https://arxiv.org/abs/1911.00068

A galaxy counts for a class if its probability is at least the mean probability of that class among the galaxies so
labelled; so a class of which the network is never very sure is judged by its own measure. Whoever counts for another
class than its label is suspect: these are the galaxies off the diagonal of the paper's confident joint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.schema import LABEL

__all__ = ["confident_class", "confident_joint", "normalised_margin", "self_confidence", "suspects", "thresholds"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

NOBODY = -1
"""The class of a galaxy that counts for none."""


def thresholds(probabilities: Floats, labels: Ints) -> Floats:
    """The mean probability of each class among the galaxies so labelled, float (class,); infinite where there are none.

    Parameters
    ----------
    probabilities : float (n, class)
        Out of sample: of networks that have not learnt from these galaxies.
    labels : int (n,)
    """
    members = np.bincount(labels, minlength=probabilities.shape[1])
    own = np.bincount(labels, self_confidence(probabilities, labels), minlength=probabilities.shape[1])
    return np.where(members > 0, own / np.maximum(members, 1), np.inf)


def confident_class(probabilities: Floats, labels: Ints) -> Ints:
    """The class that each galaxy counts for, the most probable one of those whose threshold it meets, or `NOBODY`.

    Parameters
    ----------
    probabilities : float (n, class)
    labels : int (n,)
    """
    meets = probabilities >= thresholds(probabilities, labels)
    strongest = np.where(meets, probabilities, -1.0).argmax(axis=1)
    return np.where(meets.any(axis=1), strongest, NOBODY)


def confident_joint(probabilities: Floats, labels: Ints) -> NDArray[np.int64]:
    """Counts (label, class that the galaxy counts for); galaxies that count for none are left out.

    Parameters
    ----------
    probabilities : float (n, class)
    labels : int (n,)
    """
    found = confident_class(probabilities, labels)
    joint = np.zeros((probabilities.shape[1],) * 2, np.int64)
    np.add.at(joint, (labels[found != NOBODY], found[found != NOBODY]), 1)
    return joint


def self_confidence(probabilities: Floats, labels: Ints) -> Floats:
    """The probability of the label itself, float (n,)."""
    return np.asarray(probabilities[np.arange(len(labels)), labels])


def normalised_margin(probabilities: Floats, labels: Ints) -> Floats:
    """The probability of the label less that of the strongest other class, float (n,) between -1 and 1."""
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return np.asarray(self_confidence(probabilities, labels) - others.max(axis=1))


def suspects(predictions: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    """All labelled galaxies, the most suspect label first.

    Parameters
    ----------
    predictions : DataFrame
        Columns row, galaxy_id, label and p_CLASS, out of sample.
    class_names : sequence of str

    Returns
    -------
    DataFrame
        rank (from 1), row, galaxy_id, label, suggestion (the most probable class), self_confidence, suspect, p_CLASS.
        Ranked by `self_confidence`, the lowest first; equal ones in the survey's order. `normalised_margin` ranks
        about as well (benchmarks/suspects.py prints both).

    Raises
    ------
    InputError
        There is no galaxy, or one has a label outside the classes.
    """
    labels = pd.Index(class_names).get_indexer(pd.Index(predictions[LABEL]))
    if len(predictions) == 0 or labels.min() < 0:
        raise InputError("The predictions lack labels of these classes", f"Each of {', '.join(class_names)}")
    probabilities = predictions[[f"p_{name}" for name in class_names]].to_numpy(np.float64)
    counts_for = confident_class(probabilities, labels)
    table = predictions.assign(
        suggestion=np.array(class_names)[probabilities.argmax(axis=1)],
        self_confidence=self_confidence(probabilities, labels),
        suspect=(counts_for != NOBODY) & (counts_for != labels),
    )
    table = table.sort_values("self_confidence", kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    first = ["rank", "row", "galaxy_id", LABEL, "suggestion", "self_confidence", "suspect"]
    return table[[*first, *(f"p_{name}" for name in class_names)]]
