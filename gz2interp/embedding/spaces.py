"""What near means: activations as vectors, and the distance between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.portions import Table, finite, portions_of
from gz2interp.embedding.whitening import RIDGE, fit_whitening
from gz2interp.errors import InputError, choices
from gz2interp.results import Whitening

__all__ = ["METRICS", "Space", "space_of"]

METRICS: Final = ("cosine", "euclidean", "whitened")

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Space:
    """The space that a metric makes of activations.

    Attributes
    ----------
    metric : str
        ``"cosine"``: 1 - cosine similarity, which asks for the same pattern of channels however strongly they answer.
        ``"euclidean"``: in the unit of the activations.
        ``"whitened"``: Euclidean between whitened activations, where each independent direction counts alike.
    middle : float32 (channel,)
        Subtracted before squares are added up: about their mean, vectors are short, and small differences survive.
    whitening : Whitening or None
        Of the metric ``"whitened"``.
    """

    metric: str
    middle: Floats
    whitening: Whitening | None = None

    def vectors(self, activations: Floats) -> Floats:
        """Vectors (n, d) whose inner product (cosine) or straight distance (the others) is what counts.

        Raises
        ------
        InputError
            There are other channels than in this space, or not all numbers are finite.
        """
        given = np.asarray(activations, np.float32)
        if given.ndim != 2 or given.shape[1] != len(self.middle):
            raise InputError(f"Activations of shape {given.shape} were given", f"(n, {len(self.middle)})")
        finite(given)
        if self.metric == "cosine":
            return _unit(given)
        return np.ascontiguousarray(given - self.middle if self.whitening is None else self.whitening(given))

    def distances(self, vectors: Floats, others: Floats) -> Floats:
        """The distance of each vector (m, d) to its own row of `others` (m, k, d), float32 (m, k).

        Taken from differences, not from sums of squares, so that twins are at zero.
        """
        apart = others - vectors[:, None]
        squares: Floats = np.einsum("mkd,mkd->mk", apart, apart)
        if self.metric != "cosine":
            return np.sqrt(squares)
        # Of unit vectors. One of zeros has no direction, and is like nobody.
        nobody = np.all(others == 0, axis=2) | np.all(vectors == 0, axis=1, keepdims=True)
        return np.where(nobody, np.float32(1), squares / 2)


def space_of(
    activations: Table, metric: str = "cosine", whitening: Whitening | None = None, ridge: float = RIDGE
) -> Space:
    """The space of some activations, which are read in portions.

    Parameters
    ----------
    activations : float32 (n, channel)
    metric : str
        One of `METRICS`.
    whitening : Whitening, optional
        One that was fitted before; by default it is fitted to the activations.
    ridge : float
        See `fit_whitening`.

    Raises
    ------
    InputError
        The metric is not known, or the activations are not finite.
    """
    if metric not in METRICS:
        raise InputError(f"The metric {metric!r} was given", f"One of {choices(METRICS)}")
    if metric == "whitened":
        whitening = whitening or fit_whitening(activations, ridge)
        return Space(metric, whitening.mean, whitening)
    middle = np.zeros(activations.shape[1], np.float64)
    if metric == "euclidean":
        for _, portion in portions_of(activations):
            middle += portion.sum(axis=0, dtype=np.float64)
    return Space(metric, (middle / max(activations.shape[0], 1)).astype(np.float32))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
