"""Feature images of one objective that are to differ: the many faces of one channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gz2interp.errors import InputError
from gz2interp.features.objectives import PlaneScore
from gz2interp.network.quiet import tf
from gz2interp.network.scores import Score, plane_of

__all__ = ["COMPANY", "diversity"]

Tensor = Any

COMPANY: Final = "company"
"""Under which name images made together find their weights for one another, (n, n), among what was said."""

TINY = 1e-8


@dataclass(frozen=True)
class Diversity(PlaneScore):
    """Minus the mean cosine between an image's Gram matrix of channels and those of others with its objective."""

    layer: str

    @property
    def name(self) -> str:
        return f"diversity({self.layer})"

    def __call__(self, probabilities: Any, logits: Any, said: Mapping[str, Any] | None = None) -> Any:
        assert said is not None, "the Probe listens to the layers of a score"
        if COMPANY not in said:
            raise InputError(
                f"The score {self.name} was asked of galaxies",
                "It is between feature images that are made together",
                "Leave it out of the score",
            )
        plane = said[plane_of(self.layer)]
        grams = tf.einsum("nyxa,nyxb->nab", plane, plane)
        flat = tf.reshape(grams, (tf.shape(grams)[0], -1))
        flat /= tf.sqrt(tf.reduce_sum(flat**2, axis=1, keepdims=True) + TINY)
        return -tf.reduce_sum(said[COMPANY] * tf.matmul(flat, flat, transpose_b=True), axis=1)


def diversity(layer: str) -> Score:
    """How unlike one another images of the same objective are in a layer; give that objective several times.

    >>> objectives = [channel("block3", 12) + 0.5 * diversity("block3")] * 4  # doctest: +SKIP

    References
    ----------
    Olah et al. 2017, Feature Visualization, https://distill.pub/2017/feature-visualization
    """
    return Diversity(layer)
