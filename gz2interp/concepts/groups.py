"""Neuron groups of a layer by non-negative matrix factorisation, and the effect of each on every class.

It differs from Olah et al. in that the loads of a position are computed by non-negative least squares for that position
alone, whether the groups are of the whole survey or of one galaxy, so that they do not depend on other positions.

References
----------
Olah et al. 2018, The building blocks of interpretability, https://doi.org/10.23915/distill.00010
Lee & Seung 1999, Nature 401, 788, https://doi.org/10.1038/44565 (non-negative matrix factorisation)
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
"""Sweeps of coordinate descent, after which the loads of ten groups change by less than single precision."""

TINY: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Groups:
    """Neuron groups of a layer, by decreasing sum of squared loads.

    Attributes
    ----------
    directions : float32 (group, channel)
        Of length 1, nowhere negative; a feature image of a group is one of its direction.
    held : float
        Share of the activations' squared length that the groups reconstruct.
    negative : float
        Share of the activations' squared length in negative activations, which groups cannot represent.
    """

    directions: Floats
    held: float
    negative: float
    layer: str = ""
    seed: int = 0

    def __len__(self) -> int:
        return len(self.directions)

    def loads(self, activations: Floats) -> Floats:
        """Loads of the groups at each position, float32 (..., group), by non-negative least squares.

        Parameters
        ----------
        activations : float32 (..., channel)
        """
        if activations.shape[-1] != self.directions.shape[1]:
            raise InputError(
                f"Activations of {activations.shape[-1]} channels were given",
                f"{self.directions.shape[1]}, as in the groups",
            )
        rows = np.maximum(activations, 0).reshape(-1, activations.shape[-1])
        loads = _loads(rows.astype(np.float64), self.directions.astype(np.float64))
        return np.asarray(loads.reshape(*activations.shape[:-1], len(self)), np.float32)


def find_groups(activations: Floats, groups: int = 6, seed: int = 0, layer: str = "", steps: int = 400) -> Groups:
    """Factorise a layer's activations.

    Parameters
    ----------
    activations : float32 (..., channel)
        Of many positions. Negative activations count as 0.
    groups : int, optional
        Number of groups; fewer where there are fewer channels or positions.
    steps : int, optional
        Iterations of the factorisation, at most.

    Raises
    ------
    InputError
        `groups` is below 1, or no activation is positive.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    rows = np.asarray(activations, np.float64).reshape(-1, activations.shape[-1])
    positive = np.maximum(rows, 0)
    whole = float(np.square(rows).sum())
    if groups < 1 or not positive.any() or not np.isfinite(whole):
        raise InputError(
            f"{groups} groups of activations of shape {activations.shape} were requested",
            "One group or more, of a layer with finite, positive activations",
        )
    scale = float(np.sqrt(np.square(positive).mean()))
    factors = NMF(min(groups, *positive.shape), init="nndsvda", random_state=seed, max_iter=steps, tol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `held` measures the quality
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
    """Activations reconstructed from one group, float32 (..., channel)."""
    return np.asarray(loads[..., group, None] * groups.directions[group], np.float32)


def remove_part(activations: Floats, part: Floats) -> Floats:
    """Activations minus a part, limited such that no positive activation becomes negative."""
    return np.asarray(np.maximum(activations - part, np.minimum(activations, 0)))


def _loads(rows: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative least squares of all rows at once, by coordinate descent over the directions."""
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
    """Effects of groups on the scores of n galaxies.

    Attributes
    ----------
    loads : float32 (n, y, x, group) or (n, group)
        Maps of the groups.
    attributed : float32 (n, group, score)
        Attribution of each score to each group, in the unit of the score, signed.
    removed : float32 (n, group, score)
        Removal test: the decrease of each score when the group is removed from the activations; positive where the
        group increases the score. It equals `attributed` where the network is linear after the layer.
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
    scores_with: Callable[[Floats], Floats],
) -> GroupEffects:
    """Effects of groups on every score of the same galaxies.

    Parameters
    ----------
    attributions : sequence of LayerAttribution
        Of each score.
    past : float32 (n, score)
        See `gz2interp.concepts.attribution.completeness_of`.
    scores_with : callable
        From a layer's activations to all scores (n, score).
    """
    activations = attributions[0].activations
    loads = groups.loads(activations)
    parts = [group_activations(loads, groups, group) for group in range(len(groups))]
    rest = activations - np.sum(parts, axis=0)
    whole = scores_with(activations)
    baseline = scores_with(np.zeros_like(activations))
    removed = np.stack([whole - scores_with(remove_part(activations, part)) for part in parts], axis=1)
    attributed = np.stack(
        [np.stack([_summed(part * by_score.gradients) for part in parts], axis=1) for by_score in attributions], axis=2
    )
    scores = tuple(attribution.score for attribution in attributions)
    through = whole - baseline
    completeness = tuple(
        completeness_of(attributed[..., k], _by_channel(rest * layer.gradients), through[:, k], past[:, k], scores[k])
        for k, layer in enumerate(attributions)
    )
    return GroupEffects(loads, attributed, removed, completeness, scores)


def _summed(values: Floats) -> Floats:
    return np.asarray(values.reshape(len(values), -1).sum(axis=1))


def _by_channel(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=tuple(range(1, values.ndim - 1))))
