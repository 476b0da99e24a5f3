"""Neuron groups of a layer by non-negative matrix factorisation, and the effect of each on every class.

References
----------
Olah et al. 2018, The building blocks of interpretability, https://doi.org/10.23915/distill.00010
Lee & Seung 1999, Nature 401, 788, https://doi.org/10.1038/44565 (non-negative matrix factorisation)

Notes on differences: groups are found among places of the whole survey or of one galaxy alike; how much of a place
belongs to each group is then found for that place alone, so that it does not depend on the place's company.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.attribution import Completeness, LayerAttribution, completeness_of
from gz2interp.errors import InputError

__all__ = ["GroupEffects", "Groups", "find_groups", "group_activations", "group_effects", "remove_part"]


Floats = NDArray[np.float32]

SWEEPS: Final = 200
"""Of coordinate descent: the loads of ten groups then change by less than single precision."""

TINY: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Groups:
    """Directions of a layer, the group that carries most first.

    Attributes
    ----------
    directions : float32 (group, channel)
        Of length 1, nowhere negative; a feature image of a group is one of its direction.
    held : float
        The share of the activations' squared length that the groups give back.
    negative : float
        The share of it that was negative, of which groups know nothing.
    """

    directions: Floats
    held: float
    negative: float
    layer: str = ""
    seed: int = 0

    def __len__(self) -> int:
        return len(self.directions)

    def loads(self, activations: Floats) -> Floats:
        """How much of each group there is at each place, float32 (..., group): non-negative least squares.

        Parameters
        ----------
        activations : float32 (..., channel)
        """
        if activations.shape[-1] != self.directions.shape[1]:
            raise InputError(
                f"Activations of {activations.shape[-1]} channels were given",
                f"{self.directions.shape[1]} as the groups have",
            )
        rows = np.maximum(activations, 0).reshape(-1, activations.shape[-1])
        found = _loads(rows.astype(np.float64), self.directions.astype(np.float64))
        return np.asarray(found.reshape(*activations.shape[:-1], len(self)), np.float32)


def find_groups(activations: Floats, groups: int = 6, seed: int = 0, layer: str = "", steps: int = 400) -> Groups:
    """Factorise a layer's activations.

    Parameters
    ----------
    activations : float32 (..., channel)
        Of many places. What is negative counts as nothing.
    groups : int, optional
        At most; fewer where there are fewer channels or places.
    steps : int, optional
        Of the factorisation, at most.

    Raises
    ------
    InputError
        No group is asked for, or the layer says nothing anywhere.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    rows = np.asarray(activations, np.float64).reshape(-1, activations.shape[-1])
    positive = np.maximum(rows, 0)
    whole = float(np.square(rows).sum())
    if groups < 1 or not positive.any() or not np.isfinite(whole):
        raise InputError(
            f"{groups} groups of activations of shape {activations.shape}", "One group or more, of a layer that speaks"
        )
    scale = float(np.sqrt(np.square(positive).mean()))
    factors = NMF(min(groups, *positive.shape), init="nndsvda", random_state=seed, max_iter=steps, tol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what it has by then is judged by `held`
        factors.fit(positive / scale)
    lengths = np.linalg.norm(factors.components_, axis=1)
    directions = factors.components_[lengths > TINY] / lengths[lengths > TINY, None]
    loads = _loads(positive, directions)
    order = np.argsort(-np.square(loads).sum(axis=0), kind="stable")
    rest = float(np.square(positive - loads @ directions).sum())
    negative = float(np.square(np.minimum(rows, 0)).sum())
    held = 1 - (rest + negative) / whole
    return Groups(directions[order].astype(np.float32), held, negative / whole, layer, seed)


def group_activations(loads: Floats, groups: Groups, group: int) -> Floats:
    """What one group says, float32 (..., channel)."""
    return np.asarray(loads[..., group, None] * groups.directions[group], np.float32)


def remove_part(activations: Floats, part: Floats) -> Floats:
    """Activations from which a part is taken away, never so much that what was positive becomes negative."""
    return np.asarray(np.maximum(activations - part, np.minimum(activations, 0)))


def _loads(rows: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative least squares of all rows at once, one direction after the other."""
    products, gram = rows @ directions.T, directions @ directions.T
    loads = np.zeros_like(products)
    for _ in range(SWEEPS):
        before = loads.copy()
        for group in range(len(directions)):
            step = (products[:, group] - loads @ gram[group]) / gram[group, group]
            loads[:, group] = np.maximum(loads[:, group] + step, 0)
        if np.abs(loads - before).max(initial=0) <= 1e-9 * np.abs(loads).max(initial=TINY):
            break
    return loads


@dataclass(frozen=True, eq=False)
class GroupEffects:
    """Groups and scores of n galaxies.

    Attributes
    ----------
    loads : float32 (n, y, x, group) or (n, group)
        Maps of the groups.
    attributed : float32 (n, group, score)
        In the unit of the score, signed.
    removed : float32 (n, group, score)
        How much each score falls when the group is taken out of what the layer says, measured: positive speaks for
        the score. It equals `attributed` where the network is linear behind the layer.
    accounted : tuple of Completeness
        Of each score.
    """

    loads: Floats
    attributed: Floats
    removed: Floats
    accounted: tuple[Completeness, ...]
    scores: tuple[str, ...]


def group_effects(
    groups: Groups,
    attributions: Sequence[LayerAttribution],
    past: Floats,
    scores_given: Callable[[Floats], Floats],
) -> GroupEffects:
    """Of the same galaxies, for every score.

    Parameters
    ----------
    attributions : sequence of LayerAttribution
        Of each score.
    past : float32 (n, score)
        See `gz2interp.concepts.attribution.completeness_of`.
    scores_given : callable
        From what the layer says to all scores (n, score).
    """
    said = attributions[0].activations
    loads = groups.loads(said)
    parts = [group_activations(loads, groups, group) for group in range(len(groups))]
    rest = said - np.sum(parts, axis=0)
    whole = scores_given(said)
    silent = scores_given(np.zeros_like(said))
    removed = np.stack([whole - scores_given(remove_part(said, part)) for part in parts], axis=1)
    attributed = np.stack(
        [np.stack([_summed(part * each.gradients) for part in parts], axis=1) for each in attributions], axis=2
    )
    accounted = tuple(
        completeness_of(
            attributed[..., k], _by_channel(rest * each.gradients), (whole - silent)[:, k], past[:, k], each.score
        )
        for k, each in enumerate(attributions)
    )
    return GroupEffects(loads, attributed, removed, accounted, tuple(each.score for each in attributions))


def _summed(values: Floats) -> Floats:
    return np.asarray(values.reshape(len(values), -1).sum(axis=1))


def _by_channel(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=tuple(range(1, values.ndim - 1))))
