"""Labels that a network which never saw them does not believe: confident learning, as pure functions of arrays.

Ref. Northcutt, Jiang, Chuang 2021, Confident learning: estimating uncertainty in dataset labels,
https://arxiv.org/abs/1911.00068

Notes on differences: all labelled galaxies are ranked, not only those counted as errors, by how far the probability of
the label lies below that of the strongest other class, each measured from its class's own threshold: classes of which
the network is seldom sure are so judged like the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_thresholds", "confident_class", "label_margin"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def class_thresholds(probabilities: Floats, labels: Ints) -> NDArray[np.float64]:
    """How sure the network is of a class, on average over the galaxies labelled so, float64 (class,).

    Parameters
    ----------
    probabilities : float (n, class)
        From networks that did not learn from the galaxy.
    labels : int (n,)
        A class without a galaxy gets a threshold of 1: nothing is confidently of it.
    """
    count = probabilities.shape[1]
    return np.array([probabilities[labels == k, k].mean() if (labels == k).any() else 1.0 for k in range(count)])


def confident_class(probabilities: Floats, labels: Ints) -> NDArray[np.int64]:
    """The class that a galaxy is confidently of: the most probable among those above their thresholds, or -1.

    Where it is another than the label, the label counts as an error in the paper's confident joint.

    Parameters
    ----------
    probabilities, labels
        As in `class_thresholds`.
    """
    above = probabilities >= class_thresholds(probabilities, labels)
    best = np.where(above, probabilities, -1.0).argmax(axis=1)
    return np.where(above.any(axis=1), best, -1).astype(np.int64)


def label_margin(probabilities: Floats, labels: Ints) -> NDArray[np.float64]:
    """How far the label is ahead of the strongest other class, above the thresholds of both; the least is most suspect.

    Parameters
    ----------
    probabilities, labels
        As in `class_thresholds`.
    """
    excess = np.asarray(probabilities, np.float64) - class_thresholds(probabilities, labels)
    rows = np.arange(len(labels))
    own = excess[rows, labels]
    excess[rows, labels] = -np.inf
    return np.asarray(own - excess.max(axis=1))
