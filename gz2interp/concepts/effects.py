"""What each group does for each class: what is attributed to it, and what changes if it is taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.accounted import Accounted, account
from gz2interp.concepts.attribution import LayerAttribution
from gz2interp.concepts.groups import Groups, part_of, without

__all__ = ["GroupEffects", "group_effects"]

Floats = NDArray[np.float32]


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
    accounted : tuple of Accounted
        Of each score.
    scores : tuple of str
    """

    loads: Floats
    attributed: Floats
    removed: Floats
    accounted: tuple[Accounted, ...]
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
    groups : Groups
    attributions : sequence of LayerAttribution
        Of each score.
    past : float32 (n, score)
        See `gz2interp.concepts.accounted.account`.
    scores_given : callable
        From what the layer says to all scores (n, score).
    """
    said = attributions[0].activations
    loads = groups.loads(said)
    parts = [part_of(loads, groups, group) for group in range(len(groups))]
    rest = said - np.sum(parts, axis=0)
    whole = scores_given(said)
    silent = scores_given(np.zeros_like(said))
    removed = np.stack([whole - scores_given(without(said, part)) for part in parts], axis=1)
    attributed = np.stack(
        [np.stack([_summed(part * each.gradients) for part in parts], axis=1) for each in attributions], axis=2
    )
    accounted = tuple(
        account(attributed[..., k], _by_channel(rest * each.gradients), (whole - silent)[:, k], past[:, k], each.score)
        for k, each in enumerate(attributions)
    )
    return GroupEffects(loads, attributed, removed, accounted, tuple(each.score for each in attributions))


def _summed(values: Floats) -> Floats:
    return np.asarray(values.reshape(len(values), -1).sum(axis=1))


def _by_channel(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=tuple(range(1, values.ndim - 1))))
