"""Objectives of feature images beside the scores of networks: neurons, cosine, DeepDream, caricature and inversion.

Each is a score, so that ``+``, ``-`` and ``*`` combine them with channels, directions, logits and numbers, and a Probe
computes them for galaxies too.

>>> objective = neuron("block3", 12) - 0.1 * deep_dream("block3")
>>> objective.name
'neuron(block3, 12) - 0.1 * deep_dream(block3)'
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError
from gz2interp.network.answers import LayerInfo
from gz2interp.network.layer_scores import LayerScore, channel, unit
from gz2interp.network.quiet import tf
from gz2interp.network.scores import Score, plane_of

__all__ = [
    "LEAST_COSINE",
    "TINY",
    "PlaneScore",
    "caricature",
    "cosine_direction",
    "deep_dream",
    "interpolation",
    "inversion",
    "neuron",
]

Floats = NDArray[np.float32]
Tensor = Any

LEAST_COSINE = 0.1
"""Lower limit of a cosine, below which its power would have no useful gradient."""

TINY = 1e-12


class PlaneScore(LayerScore):
    """A function of a layer's activations at all positions, (n, y, x, channel), and of parameters, its numbers.

    Scores that differ in their numbers only are evaluated in one batch: see `gz2interp.features.forms`.
    """

    layer: str
    placed: ClassVar[bool] = False
    """Whether its numbers depend on positions, so that the size of the images is fixed."""

    @property
    def form(self) -> Hashable:
        """The same for all scores with the same `measure`."""
        return type(self).__name__, self.layer

    def numbers(self, layer: LayerInfo) -> tuple[Floats, ...]:
        """The parameters of `measure`, for a layer of this shape."""
        return ()

    def measure(self, plane: Tensor, *numbers: Tensor) -> Tensor:
        """From activations (n, y, x, channel), and `numbers` of each image (n, ...), to (n,)."""
        raise NotImplementedError

    def of(self, activations: Any) -> Any:  # noqa: D102
        raise NotImplementedError("it needs the plane")

    def check(self, layer: LayerInfo) -> None:  # noqa: D102
        self.numbers(layer)

    def __call__(  # noqa: D102
        self, probabilities: Any, logits: Any, activations: Mapping[str, Any] | None = None
    ) -> Any:
        assert activations is not None, "the Probe records the layers of a score"
        plane = activations[plane_of(self.layer)]
        shape = tuple(plane.shape[1:])
        return self.measure(plane, *(array[None] for array in self.numbers(LayerInfo(self.layer, "", shape))))


@dataclass(frozen=True)
class Neuron(PlaneScore):
    """One channel, or one direction, at one position."""

    layer: str
    vector: tuple[float, ...] | int
    place: tuple[int, int] | None
    placed: ClassVar[bool] = True

    @property
    def name(self) -> str:
        of = self.vector if isinstance(self.vector, int) else "direction"
        return f"neuron({self.layer}, {of}{', {}, {}'.format(*self.place) if self.place else ''})"

    def numbers(self, layer: LayerInfo) -> tuple[Floats, ...]:
        height, width, _ = plane_shape(layer)
        y, x = self.place or (height // 2, width // 2)
        if not (0 <= y < height and 0 <= x < width):
            raise InputError(
                f"{self.name} was requested", f"Places of layer {layer.name!r} are within {height} x {width}"
            )
        return np.eye(height, dtype=np.float32)[y], np.eye(width, dtype=np.float32)[x], self._weights(layer)

    def measure(self, plane: Tensor, *numbers: Tensor) -> Tensor:
        y, x, weights = numbers
        rows = tf.reduce_sum(plane * y[:, :, None, None], axis=1)
        return tf.reduce_sum(tf.reduce_sum(rows * x[:, :, None], axis=1) * weights, axis=-1)

    def _weights(self, layer: LayerInfo) -> Floats:
        if not isinstance(self.vector, int):
            return vector_for(self.vector, layer, self.name)
        channel(layer.name, self.vector).check(layer)  # type: ignore[attr-defined]
        return np.asarray(np.eye(layer.shape[-1], dtype=np.float32)[self.vector])


@dataclass(frozen=True)
class CosineDirection(PlaneScore):
    """The mean over all positions of the projection on a direction, times a power of the cosine."""

    layer: str
    vector: tuple[float, ...]
    power: float
    title: str

    @property
    def name(self) -> str:
        return self.title

    @property
    def form(self) -> Hashable:
        return type(self).__name__, self.layer, self.power

    def numbers(self, layer: LayerInfo) -> tuple[Floats, ...]:
        return (vector_for(self.vector, layer, self.title),)

    def measure(self, plane: Tensor, *numbers: Tensor) -> Tensor:
        along = tf.reduce_sum(plane * numbers[0][:, None, None, :], axis=-1)
        lengths = tf.sqrt(tf.reduce_sum(plane**2, axis=-1) + TINY)
        return tf.reduce_mean(along * tf.maximum(along / lengths, LEAST_COSINE) ** self.power, axis=(1, 2))


@dataclass(frozen=True)
class DeepDream(PlaneScore):
    """The mean square of a layer's activations."""

    layer: str

    @property
    def name(self) -> str:
        return f"deep_dream({self.layer})"

    def measure(self, plane: Tensor, *numbers: Tensor) -> Tensor:
        return tf.reduce_mean(plane**2, axis=(1, 2, 3))


@dataclass(frozen=True)
class Target(PlaneScore):
    """Similarity to a galaxy's activations at each position: caricature (projection) or inversion (distance).

    Attributes
    ----------
    more : bool
        Whether it is a caricature; otherwise an inversion.
    power : float
        Of the cosine, for a caricature.
    to : str
        Id of the galaxy.
    digest : str
        Of the activations.
    activations : float32 (y, x, channel)
    """

    layer: str
    more: bool
    power: float
    to: str
    digest: str
    activations: Floats = field(compare=False, repr=False)
    placed: ClassVar[bool] = True
    LABELS: ClassVar = {True: "caricature", False: "inversion"}

    @property
    def name(self) -> str:
        return f"{self.LABELS[self.more]}({self.to or 'a galaxy'}, {self.layer})"

    @property
    def form(self) -> Hashable:
        return type(self).__name__, self.layer, self.more, self.power

    def numbers(self, layer: LayerInfo) -> tuple[Floats, ...]:
        shape = plane_shape(layer)
        if self.activations.shape != shape:
            raise InputError(
                f"Activations of shape {self.activations.shape} were given for {self.name}",
                f"Those of layer {layer.name!r} are {shape}",
                "Take probe.activations(image, layer)[0]",
            )
        return (self.activations,)

    def measure(self, plane: Tensor, *numbers: Tensor) -> Tensor:
        target, axes = numbers[0], (1, 2, 3)
        size = tf.reduce_sum(target**2, axis=axes) + TINY
        if not self.more:
            return -tf.reduce_sum((plane - target) ** 2, axis=axes) / size
        along = tf.reduce_sum(plane * target, axis=axes) / size
        lengths = tf.sqrt((tf.reduce_sum(plane**2, axis=axes) + TINY) / size)
        return along * tf.maximum(along / lengths, LEAST_COSINE) ** self.power


def neuron(layer: str, of: int | ArrayLike, y: int | None = None, x: int | None = None) -> Score:
    """One channel of a layer, or a direction, at one position of its plane.

    Parameters
    ----------
    of : int or float (channel,)
        The channel, numbered from 0, or a direction, which is normalised.
    y, x : int, optional
        Cell of the layer; by default the middle.

    Raises
    ------
    InputError
        Only one of `y` and `x` is given.
    """
    if (y is None) != (x is None):
        raise InputError(f"A neuron was requested at y = {y}, x = {x}", "Both, or neither for the middle")
    place = None if y is None or x is None else (int(y), int(x))
    return Neuron(layer, int(of) if isinstance(of, int | np.integer) else unit(of), place)


def cosine_direction(layer: str, vector: ArrayLike, power: float = 2.0, title: str = "") -> Score:
    """The projection of activations on a direction, times a power of the cosine, averaged over all positions.

    A plain `direction` also increases with activations in other channels; the cosine suppresses these.

    References
    ----------
    Carter et al. 2019, Activation Atlas, https://distill.pub/2019/activation-atlas
    """
    return CosineDirection(layer, unit(vector), float(power), title or f"cosine_direction({layer})")


def deep_dream(layer: str) -> Score:
    """The mean square of a layer's activations.

    References
    ----------
    Mordvintsev et al. 2015, Inceptionism
    """
    return DeepDream(layer)


def caricature(layer: str, activations: ArrayLike, power: float = 1.0, to: str = "") -> Score:
    """Caricature of a galaxy: the projection on its activations at each position, times a power of the cosine.

    The score is 1 for the galaxy's own activations.

    Parameters
    ----------
    activations : float (y, x, channel)
        From ``probe.activations(image, layer)[0]``.
    power : float, optional
        Exponent of the cosine.
    to : str, optional
        Id of the galaxy, for the name.

    References
    ----------
    Olah et al. 2018, The Building Blocks of Interpretability, https://distill.pub/2018/building-blocks
    """
    return _target(layer, activations, True, power, to)


def inversion(layer: str, activations: ArrayLike, to: str = "") -> Score:
    """Inversion of a galaxy's activations: minus the squared distance to them, relative to their squared length.

    The score is 0 for the galaxy's own activations.

    References
    ----------
    Mahendran and Vedaldi 2015, https://arxiv.org/abs/1412.0035
    """
    return _target(layer, activations, False, 0.0, to)


def interpolation(first: Score, second: Score, count: int) -> tuple[Score, ...]:
    """Linear interpolations between two objectives, both included; use ``aligned=True`` for comparable images.

    Raises
    ------
    InputError
        `count` is below 2.
    """
    if count < 2:
        raise InputError(f"{count} objectives between two were requested", "2 or more, both ends included")
    shares = (k / (count - 1) for k in range(count))
    return tuple((1 - share) * first + share * second for share in shares)


def plane_shape(layer: LayerInfo) -> tuple[int, int, int]:
    """Shape of a layer's activations as (y, x, channel): a flat layer has one position."""
    shape = layer.shape
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (1, 1, shape[-1])


def vector_for(vector: Sequence[float], layer: LayerInfo, title: str) -> Floats:
    """The vector as an array, if the layer has as many channels."""
    if len(vector) != layer.shape[-1]:
        raise InputError(
            f"{title} has {len(vector)} numbers",
            f"One for each of the {layer.shape[-1]} channels of layer {layer.name!r}",
        )
    return np.asarray(vector, np.float32)


def _target(layer: str, activations: ArrayLike, more: bool, power: float, to: str) -> Score:
    values = np.asarray(activations, np.float32)
    values = values if values.ndim == 3 else values.reshape(1, 1, -1)
    if not np.isfinite(values).all() or not values.any():
        raise InputError(
            "The activations of a galaxy to be shown are all 0, or not finite",
            "Finite activations, not all of them 0",
            "Choose another layer, or another galaxy",
        )
    return Target(layer, more, float(power), to, sha256(values.tobytes()).hexdigest(), values)
