"""Scores of a layer's activations: a channel, a direction, the similarity to another galaxy's activations.

>>> score = channel("block3", 12) - 0.5 * channel("block3", 7)
>>> score.name
'channel(block3, 12) - 0.5 * channel(block3, 7)'
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gz2interp.errors import InputError
from gz2interp.network.answers import LayerInfo
from gz2interp.network.scores import Array, Score

__all__ = ["LayerScore", "channel", "direction", "similarity", "unit"]

TINY = 1e-12


class LayerScore(Score):
    """A function of a layer's mean activations over the image plane, (n, channel)."""

    layer: str

    @property
    def layers(self) -> tuple[str, ...]:  # noqa: D102
        return (self.layer,)

    def resolve(self, class_names: Sequence[str]) -> Score:  # noqa: D102
        return self

    def __call__(  # noqa: D102
        self, probabilities: Array, logits: Array, activations: Mapping[str, Array] | None = None
    ) -> Array:
        assert activations is not None, "the Probe records the layers of a score"
        return self.of(activations[self.layer])

    @abstractmethod
    def of(self, activations: Array) -> Array:
        """From pooled activations (n, channel) to (n,)."""

    @abstractmethod
    def check(self, layer: LayerInfo) -> None:
        """Check that the score is defined for a layer.

        Raises
        ------
        InputError
            The layer has other channels.
        """


@dataclass(frozen=True)
class Channel(LayerScore):
    """The mean of one channel over the image plane."""

    layer: str
    number: int

    @property
    def name(self) -> str:
        return f"channel({self.layer}, {self.number})"

    def of(self, activations: Array) -> Array:
        return activations[:, self.number]

    def check(self, layer: LayerInfo) -> None:
        if not 0 <= self.number < layer.shape[-1]:
            raise InputError(
                f"Channel {self.number} of layer {layer.name!r} was requested", f"0 to {layer.shape[-1] - 1}"
            )


@dataclass(frozen=True)
class Direction(LayerScore):
    """The projection of the mean activations on a direction of length 1, or their cosine with it.

    Attributes
    ----------
    vector : tuple of float
        Of length 1.
    title : str
        Name of the score.
    """

    layer: str
    vector: tuple[float, ...]
    title: str
    cosine: bool = False

    @property
    def name(self) -> str:
        return self.title

    def of(self, activations: Array) -> Array:
        column = np.array(self.vector, np.float32)[:, None]
        along = (activations @ column)[:, 0]
        if not self.cosine:
            return along
        lengths = ((activations * activations) @ np.ones_like(column))[:, 0]
        return along / (lengths + TINY) ** 0.5

    def check(self, layer: LayerInfo) -> None:
        if len(self.vector) != layer.shape[-1]:
            raise InputError(
                f"{self.title} has {len(self.vector)} numbers",
                f"One for each of the {layer.shape[-1]} channels of layer {layer.name!r}",
            )


def channel(layer: str, number: int) -> Score:
    """The mean over the image plane of one of a layer's channels, numbered from 0.

    Raises
    ------
    InputError
        The number is not whole.
    """
    if not isinstance(number, int | np.integer) or not isinstance(layer, str):
        raise InputError(
            f"channel({layer!r}, {number!r}) was given",
            "A layer's name and a whole number",
            "As in channel(block3, 12)",
        )
    return Channel(layer, int(number))


def direction(layer: str, vector: ArrayLike, title: str = "") -> Score:
    """The projection of a layer's mean activations on a direction.

    Parameters
    ----------
    vector : float (channel,)
        It is normalised to length 1.
    title : str, optional
        Name of the score in results.

    Raises
    ------
    InputError
        It is no direction: all zeros, or not finite.
    """
    return Direction(layer, unit(vector), title or f"direction({layer})")


def similarity(layer: str, activations: ArrayLike, to: str = "") -> Score:
    """The cosine between a layer's mean activations and another galaxy's: the similarity behind neighbours and map.

    Parameters
    ----------
    activations : float (channel,)
        Of the other galaxy, from ``probe.activations(image, layer, pooled=True)[0]``.
    to : str, optional
        Its id, for the name.

    Raises
    ------
    InputError
        They are all zeros, or not finite.
    """
    return Direction(layer, unit(activations), f"similarity({to or 'another galaxy'}, {layer})", cosine=True)


def unit(vector: ArrayLike) -> tuple[float, ...]:
    """A direction (channel,) of length 1.

    Raises
    ------
    InputError
        It has no length, or none that is finite.
    """
    values: Any = np.asarray(vector, np.float64)
    length = float(np.linalg.norm(values))
    if values.ndim != 1 or not np.isfinite(length) or not length:
        raise InputError(
            f"A direction of shape {values.shape} and length {length:g} was given",
            "One finite number per channel, not all of them 0",
        )
    return tuple(float(value) for value in values / length)
