"""Two galaxies laid over each other, with the answer divided between them in the same shares.

Between the galaxies that it knows the network then has to change its mind gradually, so that it is less sure of itself
where labels contradict each other. In nanomaggies such a sum is what a chance alignment of two fainter galaxies shows.

Ref. Zhang, Cisse, Dauphin, Lopez-Paz 2018, mixup: beyond empirical risk minimization, https://arxiv.org/abs/1710.09412

Notes on differences: each galaxy of a batch has a share of its own, and its partner is the one that stands in its place
in the reversed batch. Batches are shuffled, so that is as random as any.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.quiet import tf

__all__ = ["draw_shares", "mixed"]


def draw_shares(alpha: float, seed: int, epoch: int, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The share that each galaxy keeps in its mixture, float32 (n,), drawn from Beta(alpha, alpha).

    Parameters
    ----------
    alpha : float
        Small ones leave most galaxies nearly alone; 0 leaves all of them alone.
    seed, epoch : int
    rows : int (n,)
        Of the survey. A galaxy's share does not depend on which others are asked for.
    """
    if alpha == 0:
        return np.ones(len(rows), np.float32)
    generator = np.random.default_rng([seed, epoch, 2])  # 2: neither the numbers of the order nor of the augmentation
    table = generator.beta(alpha, alpha, size=int(rows.max(initial=-1)) + 1)
    return np.asarray(table[rows], np.float32)


def mixed(images: Any, targets: Any, shares: Any) -> tuple[Any, Any]:
    """Images and targets after mixing.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    targets : float32 (n, class)
    shares : float32 (n,)
        As from `draw_shares`.
    """
    kept = shares[:, None, None, None]
    return (
        images * kept + tf.reverse(images, [0]) * (1 - kept),
        targets * shares[:, None] + tf.reverse(targets, [0]) * (1 - shares[:, None]),
    )
