"""Scores, activations and gradients of a network, also with activations replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.cells import CellGeometry
from gz2interp.errors import InputError, choices
from gz2interp.network.answers import Gradients, LayerInfo
from gz2interp.network.compiled import CompiledFunctions, check_rows, moments_over
from gz2interp.network.geometry import layer_geometries, measure_cells
from gz2interp.network.head import check_outputs, class_names_of, head_of
from gz2interp.network.hooks import TRACING, ActivationRecorder
from gz2interp.network.layer_scores import LayerScore
from gz2interp.network.layers import LayerUse, example_shape, find_layer, image_shape, trace_layers
from gz2interp.network.loading import load_network
from gz2interp.network.model_probe import SampleFunction
from gz2interp.network.passes import Passes, guided_relus, layer_inputs, plane_mean
from gz2interp.network.quiet import tf
from gz2interp.network.scores import Score, single_scores

__all__ = ["Probe"]

Floats = NDArray[np.float32]
Tensor = Any
Model = Any

SCALED = "scaled"
INPUT = "input"


class Probe:
    """Scores, activations and gradients of a network, computed batch by batch and always with ``training=False``.

    Parameters
    ----------
    model : keras.Model
        Of any kind: Functional, Sequential, nested, with augmentation inside, subclassed (and built). It is not
        changed; if its weights change later, so do the results.
    class_names : sequence of str, optional
        In the order of its outputs; [negative, positive] for a network with a single output. By default "class 0", ...
    batch_size : int, optional
        The largest number of images processed at a time, which bounds the memory.

    Attributes
    ----------
    layers : tuple of LayerInfo
        The layers with an output of their own, in the order of computation, up to the logits.
    logit_rule : str
        How the logits were found, in words.
    image_shape : tuple
        (y, x, band); None where any size will do.

    Notes
    -----
    Each computation is compiled once, for any number of images, so that an odd last batch costs no new tracing. A probe
    may be used by several threads.
    """

    def __init__(self, model: Model, class_names: Sequence[str] | None = None, *, batch_size: int = 64) -> None:
        self.model = model
        self.image_shape = image_shape(model)
        layers = trace_layers(model)
        self._uses = layers.uses
        check_outputs(model)
        self.head = head_of(layers)
        self.class_names = class_names_of(class_names, self.head.classes)
        self.layers = tuple(use.info for use in self.head.uses if use.new)
        self._passes = Passes(model, self.head, self._uses, self.image_shape)
        self._functions = CompiledFunctions(batch_size)
        self._cells: dict[tuple[int, ...], dict[str, CellGeometry]] = {}
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: str | Path, class_names: Sequence[str] | None = None, batch_size: int = 64) -> Probe:
        """A probe of the network in a ``.keras`` file.

        Raises
        ------
        InputError
            If it is no such file, or one that could run code of its own.
        """
        return cls(load_network(Path(path)), class_names, batch_size=batch_size)

    @property
    def batch_size(self) -> int:  # noqa: D102
        return self._functions.batch_size

    @property
    def logit_rule(self) -> str:  # noqa: D102
        return self.head.rule

    @property
    def default_layer(self) -> str:
        """Name of the last spatial layer: the default of Grad-CAM and of the map."""
        spatial = [layer.name for layer in self.layers if layer.spatial]
        if not spatial:
            raise InputError(
                "The network has no layer of shape (y, x, channel)",
                f"Its layers are {choices(layer.name for layer in self.layers)}",
                "Name the layer to look at; Grad-CAM cannot be drawn for this network",
            )
        return spatial[-1]

    def layer(self, name: str) -> LayerInfo:
        """Look a layer up by its full name, or by the last part of it where no other layer has that.

        Raises
        ------
        LayerNotFound
            There is none; the error lists those that exist.
        """
        return find_layer(name, self._uses).info

    def cells(self, layer: str, image: Sequence[int] = ()) -> CellGeometry:
        """Positions of a layer's cells in the image.

        Parameters
        ----------
        image : (int, int), optional
            Shape (y, x) of the images, for a network that takes any size.

        Raises
        ------
        InputError
            The layer has no rows and columns of cells.

        Notes
        -----
        They are computed from the layers before (`gz2interp.network.geometry`). Where these cannot be followed, they
        are measured: the centroids of the gradients of cells over the middle of the plane, averaged over images of
        noise, with a straight line fitted through them.
        """
        place = find_layer(layer, self._uses)
        if len(place.info.shape) != 3:
            raise InputError(
                f"The layer {place.name!r} of shape {place.info.shape} was given", "A layer of shape (y, x, channel)"
            )
        height, width = example_shape(tuple(image) or self.image_shape[:2])
        shape = (height, width, self.image_shape[2])
        with self._lock:
            if shape not in self._cells:
                self._cells[shape] = layer_geometries(self.model, shape)
            cells = self._cells[shape]
            if place.name not in cells:
                cells[place.name] = self._measure_cells(place, shape)
            return cells[place.name]

    def _measure_cells(self, place: LayerUse, shape: tuple[int, int, int]) -> CellGeometry:
        images = np.random.default_rng(0).normal(size=(self.batch_size, *shape)).astype(np.float32)
        plane = self.activations(images[:1], place.name).shape[1:]

        def compute(images: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(images)
                recorder = ActivationRecorder()
                self._passes.outputs(images, None, recorders={place.name: recorder})
                value = tf.reduce_sum(recorder.recorded * cell)
            gradient = tape.gradient(value, images)
            return (tf.abs(tf.zeros_like(images) if gradient is None else gradient),)

        def gradient(y: int, x: int) -> Floats:
            cell = np.zeros(plane, np.float32)
            cell[y, x] = 1
            key = ("cells", place, shape)
            gradients = self._functions.apply(key, compute, (images,), (self.image_shape,), (cell,))[0]
            return np.asarray(gradients.sum(axis=(0, 3)), np.float32)

        return measure_cells(gradient, (plane[0], plane[1]), shape[:2])

    def check(self, score: Score) -> None:
        """Check that this network has the classes, layers and channels of a score.

        Raises
        ------
        InputError
            It does not; the error lists those that exist.
        """
        self._resolved(score)

    def probabilities(self, images: ArrayLike) -> Floats:
        """Class probabilities, float32 (n, class)."""
        return self._outputs(images)[0]

    def logits(self, images: ArrayLike) -> Floats:
        """The inputs of the last activation, float32 (n, class); see `logit_rule`."""
        return self._outputs(images)[1]

    def scores(self, images: ArrayLike, score: Score) -> Floats:
        """A score of each image, float32 (n,)."""
        resolved = self._resolved(score)
        if not resolved.layers:
            probabilities, logits = self._outputs(images)
            return np.asarray(resolved(probabilities, logits), np.float32)
        return self._apply(images, ("scores", resolved), lambda images: (self._passes.score(images, resolved),))[0]

    def activations(self, images: ArrayLike, layer: str, pooled: bool = False) -> Floats:
        """Activations of a layer.

        Parameters
        ----------
        images : float32 (n, y, x, band), nanomaggies
        pooled : bool, optional
            Return the mean over the image plane instead of the plane.

        Returns
        -------
        float32 (n, y, x, channel) or (n, channel)
        """
        place = find_layer(layer, self._uses)

        def compute(images: Tensor) -> tuple[Tensor, ...]:
            recorder = ActivationRecorder()
            self._passes.outputs(images, place, recorder.record)
            return (plane_mean(recorder.recorded) if pooled else recorder.recorded,)

        return self._apply(images, ("activations", place, pooled), compute)[0]

    def gradients(self, images: ArrayLike, score: Score, at: str = SCALED) -> Gradients:
        """A score of each image and its derivative.

        Parameters
        ----------
        images : float32 (n, y, x, band), nanomaggies
        at : str, optional
            With respect to what: the scaled images (``"scaled"``; the input if no layer of that name gives images of
            the same shape), the ``"input"``, or a layer's activations. The backward pass goes no further than there.

        Raises
        ------
        InputError
            If the score does not depend on it.
        """
        return self._gradients(images, score, at, nullcontext)

    def guided_gradients(self, images: ArrayLike, score: Score, at: str = SCALED) -> Gradients:
        """As `gradients`, by the rule of guided backpropagation.

        Raises
        ------
        InputError
            As for `gradients`, or if the network has no ReLU.
        """
        return self._gradients(images, score, at, partial(guided_relus, self._uses))

    def domain_of(self, at: str = SCALED) -> str:
        """The full name of a place; ``"input"`` for ``"scaled"`` where no layer scales."""
        place = self._place(at)
        return INPUT if place is None else SCALED if at == SCALED else place.name

    def values_at(self, images: ArrayLike, at: str = SCALED) -> Floats:
        """The values at a place, ``"scaled"``, ``"input"`` or a layer as in `gradients`; float32 (n, ...)."""
        place = self._place(at)
        return check_rows(images, self.image_shape, "Images") if place is None else self.activations(images, place.name)

    def gradients_at(self, values: ArrayLike, score: Score, at: str = SCALED) -> Gradients:
        """A score and its derivative, computed from the values at a place instead of from images.

        Parameters
        ----------
        values : float32 (n, ...)
            From `values_at`, or others of that shape.
        at : str, optional
            As in `gradients`.

        Raises
        ------
        InputError
            If the score also depends on the image in another way, or not on this place at all.
        """
        place = self._place(at)
        if place is None:
            return self.gradients(values, score, INPUT)
        resolved = self._resolved(score)
        rows = check_rows(values, self._shape_of(place), f"Values at {place.name!r}")

        def compute(values: Tensor) -> tuple[Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                value = self._passes.score_at(values, resolved, place, score.name)
            return value, self._passes.derivative(tape, value, values, place, score.name)

        shape = rows.shape[1:]
        scores, gradients = self._functions.apply(("gradients at", place, resolved, shape), compute, (rows,), (shape,))
        return Gradients(scores, rows, gradients, self.domain_of(at))

    def gradient_moments(
        self,
        sample: SampleFunction,
        rows: Sequence[Floats],
        shared: Sequence[Floats],
        score: Score,
        at: str = SCALED,
        *,
        varies: bool = True,
    ) -> tuple[Floats, ...]:
        """Mean and variance of the score's gradient over samples of each image.

        Parameters
        ----------
        sample : callable
            ``sample(*rows, *shared) -> (values, factor)`` of tensors: the values at the place in one sample,
            (batch, ...), and what the gradient there is multiplied by. It is traced once, so it must be a function that
            stays the same; it may use ``+ - *`` but no NumPy.
        rows : sequence of float32 (n, ...)
            Of each image. The first has the shape of the place.
        shared : sequence of float32 (k, ...)
            Of each sample, the same for all images; `sample` receives one entry of each.
        at : str, optional
            As in `gradients`.
        varies : bool, optional
            Whether to compute the variance too.

        Returns
        -------
        mean, variance : float32, as the first of `rows`
            Over the k samples.
        """
        place, resolved = self._place(at), self._resolved(score)

        def derivative(values: Tensor) -> Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                value = self._passes.score_at(values, resolved, place, score.name)
            return self._passes.derivative(tape, value, values, place, score.name)

        def compute(*tensors: Tensor) -> tuple[Tensor, ...]:
            return moments_over(sample, derivative, tensors[: len(rows)], tensors[len(rows) :], varies)

        shapes = [array.shape[1:] for array in rows]
        key = ("gradient moments", sample, varies, place, resolved, *shapes)
        return self._functions.apply(key, compute, rows, shapes, shared)

    def scores_from_layer(self, layer: str, activations: ArrayLike, score: Score) -> Floats:
        """The score computed from a layer's activations, float32 (n,).

        Parameters
        ----------
        activations : float32 (n, y, x, channel) or (n, channel)

        Raises
        ------
        InputError
            If the score also depends on the image in another way, for example along a connection that skips the layer.
        """
        place, resolved = find_layer(layer, self._uses), self._resolved(score)
        rows = check_rows(activations, self._shape_of(place), f"Activations of layer {place.name!r}")

        def compute(activations: Tensor) -> tuple[Tensor, ...]:
            return (self._passes.score_at(activations, resolved, place, score.name),)

        shape = rows.shape[1:]
        return self._functions.apply(("scores from layer", place, resolved, shape), compute, (rows,), (shape,))[0]

    def record(self, images: Tensor, layers: Sequence[str]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Outputs and activations of a batch, for use inside a ``tf.function`` of the caller.

        Parameters
        ----------
        images : tensor (n, y, x, band), nanomaggies
        layers : sequence of str
            Layers to record. TensorFlow prunes the layers after them if the network's outputs are not used.

        Returns
        -------
        probabilities, logits : tensor (n, class)
        activations : dict of tensors
            For each layer, its mean over the image plane, (n, channel), and, under `plane_of` its name, the plane
            itself, (n, y, x, channel).
        """
        with TRACING:
            recorders = {name: ActivationRecorder() for name in layers}
            return *self._passes.outputs(images, recorders=recorders), layer_inputs(recorders)

    def scores_with_activations(
        self, images: ArrayLike, layer: str, activations: ArrayLike, scores: Sequence[Score]
    ) -> Floats:
        """Scores of each image with a layer's activations replaced, float32 (n, score), in one pass.

        Unlike `scores_from_layer` it works for any layer: connections that bypass it keep their values.

        Parameters
        ----------
        images : float32 (n, y, x, band), nanomaggies
        activations : float32 (n, y, x, channel) or (n, channel)
        """
        place, resolved = find_layer(layer, self._uses), tuple(self._resolved(score) for score in scores)

        def compute(images: Tensor, values: Tensor) -> tuple[Tensor, ...]:
            return (self._passes.scores(images, resolved, place, lambda output: tf.cast(values, output.dtype)),)

        return self._apply_with(images, place, activations, ("scores with", place, resolved), compute)[0]

    def gradients_with_activations(
        self, images: ArrayLike, layer: str, activations: ArrayLike, score: Score
    ) -> Gradients:
        """As `scores_with_activations`, of one score, with its derivative with respect to the activations.

        Raises
        ------
        InputError
            If the score does not depend on the layer.
        """
        place, resolved = find_layer(layer, self._uses), self._resolved(score)

        def compute(images: Tensor, values: Tensor) -> tuple[Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                value = self._passes.score(images, resolved, place, lambda output: tf.cast(values, output.dtype))
            return value, self._passes.derivative(tape, value, values, place, score.name)

        key = ("gradients with", place, resolved)
        values, gradients = self._apply_with(images, place, activations, key, compute)
        return Gradients(values, np.asarray(activations, np.float32), gradients, place.name)

    def gradients_along(self, images: ArrayLike, layer: str, vector: ArrayLike, at: str = SCALED) -> Gradients:
        """The projection of a layer's mean activations on a vector, and its derivative at an earlier place.

        It is compiled once for all vectors, where a `direction` score would be compiled for each.

        Parameters
        ----------
        images : float32 (n, y, x, band), nanomaggies
        vector : float (channel,)
            Not normalised: that of one channel has a single 1.
        at : str, optional
            As in `gradients`.

        Raises
        ------
        InputError
            If the layer does not depend on the place, or has other channels.
        """
        place, target = self._place(at), find_layer(layer, self._uses)
        along = check_rows(np.asarray(vector, np.float32)[None], target.info.shape[-1:], "Vectors")
        rows = check_rows(images, self.image_shape, "Images")

        def compute(images: Tensor, along: Tensor) -> tuple[Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                recorder, later = ActivationRecorder(tape), ActivationRecorder()
                self._passes.outputs(images, place, recorder.record, {target.name: later})
                value = tf.linalg.matvec(plane_mean(later.recorded), along[0])
            gradient = self._passes.derivative(tape, value, recorder.tensor, place, f"of {target.name}")
            return value, recorder.recorded, gradient

        key = ("gradients along", place, target)
        values, activations, gradients = self._functions.apply(key, compute, (rows,), (self.image_shape,), (along,))
        return Gradients(values, activations, gradients, self.domain_of(at))

    def _apply_with(
        self,
        images: ArrayLike,
        place: LayerUse,
        activations: ArrayLike,
        key: Hashable,
        function: Callable[[Tensor, Tensor], tuple[Tensor, ...]],
    ) -> tuple[Floats, ...]:
        rows = check_rows(images, self.image_shape, "Images")
        values = check_rows(activations, self._shape_of(place), f"Activations of layer {place.name!r}")
        if len(rows) != len(values):
            raise InputError(
                f"{len(rows)} images and {len(values)} activations were given", "One of each for every galaxy"
            )
        shapes = (self.image_shape, values.shape[1:])
        return self._functions.apply((key, shapes), function, (rows, values), shapes)

    def _gradients(
        self, images: ArrayLike, score: Score, at: str, rule: Callable[[], AbstractContextManager[None]]
    ) -> Gradients:
        place, resolved = self._place(at), self._resolved(score)

        def compute(images: Tensor) -> tuple[Tensor, ...]:
            with rule(), tf.GradientTape(watch_accessed_variables=False) as tape:
                recorder = ActivationRecorder(tape)
                value = self._passes.score(images, resolved, place, recorder.record)
            gradient = self._passes.derivative(tape, value, recorder.tensor, place, score.name)
            return value, recorder.recorded, gradient

        scores, values, gradients = self._apply(images, ("gradients", rule is nullcontext, place, resolved), compute)
        return Gradients(scores, values, gradients, self.domain_of(at))

    def _shape_of(self, place: LayerUse) -> tuple[int | None, ...]:
        """Shape of one image's values at a place; None where the network leaves its size open."""
        sides = (None if None in self.image_shape else side for side in place.info.shape[:-1])
        return *sides, place.info.shape[-1]

    def _resolved(self, score: Score) -> Score:
        """The score with classes given by their positions, after its layers have been checked."""
        for part in single_scores(score):
            if isinstance(part, LayerScore):
                part.check(self.layer(part.layer))
        return score.resolve(self.class_names)

    def _outputs(self, images: ArrayLike) -> tuple[Floats, ...]:
        outputs = self._apply(images, "outputs", self._passes.outputs)
        broken = np.asarray(~np.isfinite(outputs[0]).all(axis=1), np.bool_)
        if broken.any() and np.isfinite(np.asarray(images)[broken]).all():
            raise InputError(
                f"The outputs of the network {self.model.name!r} are not finite for {broken.sum()} of {len(broken)} "
                "images, whose pixels are",
                "A network with finite outputs",
                "Train it again with a smaller learning rate, or look at its scaling: a logarithm, a root, a ratio",
            )
        return outputs

    def _apply(
        self, images: ArrayLike, key: Hashable, function: Callable[[Tensor], tuple[Tensor, ...]]
    ) -> tuple[Floats, ...]:
        rows = check_rows(images, self.image_shape, "Images")
        return self._functions.apply(key, function, (rows,), (self.image_shape,))

    def _place(self, at: str) -> LayerUse | None:
        if at == SCALED:
            shape = example_shape(self.image_shape)
            return next((use for use in self._uses if use.leaf == SCALED and use.info.shape == shape), None)
        return None if at == INPUT else find_layer(at, self._uses)
