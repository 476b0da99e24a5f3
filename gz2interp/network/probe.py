"""The one door to a network: scores, activations, gradients, and what follows from given activations."""

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
    """Questions to a network, asked in batches and always with ``training=False``.

    Parameters
    ----------
    model : keras.Model
        Of any kind: Functional, Sequential, nested, with augmentation inside, subclassed (and built). It is left as it
        is; what it learns later is seen.
    class_names : sequence of str, optional
        In the order of its outputs; [negative, positive] for a network with a single output. By default "class 0", ...
    batch_size : int, optional
        How many images are in the works at a time, whatever the number handed over: it bounds the memory.

    Attributes
    ----------
    layers : tuple of LayerInfo
        Those one would choose to look at, in the order of computation, up to the logits.
    logit_rule : str
        Where the logits come from, for the reader.
    image_shape : tuple
        (y, x, band); None where any size will do.

    Notes
    -----
    Each question is compiled once, for any number of images, so that an odd last batch costs no new tracing. Several
    threads may ask one probe.
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
        self._questions = CompiledFunctions(batch_size)
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
        return self._questions.batch_size

    @property
    def logit_rule(self) -> str:  # noqa: D102
        return self.head.rule

    @property
    def default_layer(self) -> str:
        """The last layer that still knows where things are: what Grad-CAM and the map look at if nothing is said."""
        spatial = [layer.name for layer in self.layers if layer.spatial]
        if not spatial:
            raise InputError(
                "The network has no layer of shape (y, x, channel)",
                f"Its layers are {choices(layer.name for layer in self.layers)}",
                "Name the layer to look at; Grad-CAM cannot be drawn for this network",
            )
        return spatial[-1]

    def layer(self, name: str) -> LayerInfo:
        """A layer by its full name, or by the last part of it where no other layer has that.

        Raises
        ------
        LayerNotFound
            There is none; the error lists those that exist.
        """
        return find_layer(name, self._uses).info

    def cells(self, layer: str, image: Sequence[int] = ()) -> CellGeometry:
        """Where the cells of a layer lie in the image.

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
        It follows from the layers on the way (`gz2interp.network.geometry`); where they cannot be followed it is
        measured: the centroid of the gradient of cells over the middle of the plane, averaged over images of noise,
        and a straight line through these.
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
            known = self._cells[shape]
            if place.name not in known:
                known[place.name] = self._measured_cells(place, shape)
            return known[place.name]

    def _measured_cells(self, place: LayerUse, shape: tuple[int, int, int]) -> CellGeometry:
        images = np.random.default_rng(0).normal(size=(self.batch_size, *shape)).astype(np.float32)
        plane = self.activations(images[:1], place.name).shape[1:]

        def question(images: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
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
            found = self._questions.ask_of_several(key, question, (images,), (self.image_shape,), (cell,))[0]
            return np.asarray(found.sum(axis=(0, 3)), np.float32)

        return measure_cells(gradient, (plane[0], plane[1]), shape[:2])

    def check(self, score: Score) -> None:
        """Whether this network knows the classes, layers and channels of a score.

        Raises
        ------
        InputError
            It does not; the error lists what there is.
        """
        self._resolved(score)

    def probabilities(self, images: ArrayLike) -> Floats:
        """What the network says of each image, float32 (n, class)."""
        return self._outputs(images)[0]

    def logits(self, images: ArrayLike) -> Floats:
        """The evidence before the last activation, float32 (n, class); see `logit_rule`."""
        return self._outputs(images)[1]

    def scores(self, images: ArrayLike, score: Score) -> Floats:
        """A score of each image, float32 (n,)."""
        resolved = self._resolved(score)
        if not resolved.layers:
            probabilities, logits = self._outputs(images)
            return np.asarray(resolved(probabilities, logits), np.float32)
        return self._ask_about(images, ("scores", resolved), lambda images: (self._passes.score(images, resolved),))[0]

    def activations(self, images: ArrayLike, layer: str, pooled: bool = False) -> Floats:
        """What a layer says of each image.

        Parameters
        ----------
        images : float32 (n, y, x, band), nanomaggies
        pooled : bool, optional
            The mean over the image plane instead of the plane.

        Returns
        -------
        float32 (n, y, x, channel) or (n, channel)
        """
        place = find_layer(layer, self._uses)

        def question(images: Tensor) -> tuple[Tensor, ...]:
            recorder = ActivationRecorder()
            self._passes.outputs(images, place, recorder.record)
            return (plane_mean(recorder.recorded) if pooled else recorder.recorded,)

        return self._ask_about(images, ("activations", place, pooled), question)[0]

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
        return self._differentiated(images, score, at, nullcontext)

    def guided_gradients(self, images: ArrayLike, score: Score, at: str = SCALED) -> Gradients:
        """As `gradients`, by the rule of guided backpropagation.

        Raises
        ------
        InputError
            As for `gradients`, or if the network has no ReLU.
        """
        return self._differentiated(images, score, at, partial(guided_relus, self._uses))

    def domain_of(self, at: str = SCALED) -> str:
        """The place itself, by its full name; ``"input"`` for ``"scaled"`` where no layer scales."""
        place = self._place(at)
        return INPUT if place is None else SCALED if at == SCALED else place.name

    def values_at(self, images: ArrayLike, at: str = SCALED) -> Floats:
        """What flows through a place, ``"scaled"``, ``"input"`` or a layer as in `gradients`; float32 (n, ...)."""
        place = self._place(at)
        return check_rows(images, self.image_shape, "Images") if place is None else self.activations(images, place.name)

    def gradients_at(self, values: ArrayLike, score: Score, at: str = SCALED) -> Gradients:
        """The score that follows when a place says this, and its derivative there.

        Parameters
        ----------
        values : float32 (n, ...)
            As `values_at` gives them, or others of that shape.
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

        def question(values: Tensor) -> tuple[Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                score_given = self._passes.score_given(values, resolved, place, score.name)
            return score_given, self._passes.derivative(tape, score_given, values, place, score.name)

        shape = rows.shape[1:]
        scores, gradients = self._questions.ask(("gradients given", place, resolved, shape), question, rows, shape)
        return Gradients(scores, rows, gradients, self.domain_of(at))

    def gradient_moments(
        self,
        look: SampleFunction,
        rows: Sequence[Floats],
        shared: Sequence[Floats],
        score: Score,
        at: str = SCALED,
        *,
        varies: bool = True,
    ) -> tuple[Floats, ...]:
        """Mean and variance of what the score's gradient gives when each image is looked at many times.

        Parameters
        ----------
        look : callable
            ``look(*rows, *shared) -> (seen, factor)`` of tensors: what a place says in one look, (batch, ...), and what
            the gradient there is multiplied with. It is traced once, so it must be a function that stays the same; it
            may use ``+ - *``, nothing of NumPy.
        rows : sequence of float32 (n, ...)
            Of each image. The first has the shape of the place.
        shared : sequence of float32 (k, ...)
            Of each look, the same for all images; `look` receives one entry of each.
        at : str, optional
            As in `gradients`.
        varies : bool, optional
            Whether the variance is asked for too.

        Returns
        -------
        mean, variance : float32, as the first of `rows`
            Over the k looks.
        """
        place, resolved = self._place(at), self._resolved(score)

        def derivative(seen: Tensor) -> Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(seen)
                value = self._passes.score_given(seen, resolved, place, score.name)
            return self._passes.derivative(tape, value, seen, place, score.name)

        def question(*tensors: Tensor) -> tuple[Tensor, ...]:
            return moments_over(look, derivative, tensors[: len(rows)], tensors[len(rows) :], varies)

        shapes = [each.shape[1:] for each in rows]
        key = ("gradient moments", look, varies, place, resolved, *shapes)
        return self._questions.ask_of_several(key, question, rows, shapes, shared)

    def scores_from_layer(self, layer: str, activations: ArrayLike, score: Score) -> Floats:
        """The score that follows when a layer says this, float32 (n,).

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

        def question(activations: Tensor) -> tuple[Tensor, ...]:
            return (self._passes.score_given(activations, resolved, place, score.name),)

        shape = rows.shape[1:]
        return self._questions.ask(("scores_from_layer", place, resolved, shape), question, rows, shape)[0]

    def record(self, images: Tensor, layers: Sequence[str]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """What a score is told of a batch, for use inside somebody's ``tf.function``.

        Parameters
        ----------
        images : tensor (n, y, x, band), nanomaggies
        layers : sequence of str
            To listen to. What lies behind them is left out by TensorFlow where nobody asks for the network's answer.

        Returns
        -------
        probabilities, logits : tensor (n, class)
        said : dict of tensors
            For each layer, its mean over the image plane, (n, channel), and, under `plane_of` its name, the plane
            itself, (n, y, x, channel).
        """
        with TRACING:
            recorders = {name: ActivationRecorder() for name in layers}
            return *self._passes.outputs(images, recorders=recorders), layer_inputs(recorders)

    def scores_with_activations(
        self, images: ArrayLike, layer: str, activations: ArrayLike, scores: Sequence[Score]
    ) -> Floats:
        """Scores of each image when a layer says something else than it would, float32 (n, score).

        Unlike `scores_from_layer` it may be asked of any layer: what reaches the scores by another way still does.

        Parameters
        ----------
        images : float32 (n, y, x, band), nanomaggies
        activations : float32 (n, y, x, channel) or (n, channel)
        scores : sequence of Score
            All heard in one pass.
        """
        place, resolved = find_layer(layer, self._uses), tuple(self._resolved(score) for score in scores)

        def question(images: Tensor, said: Tensor) -> tuple[Tensor, ...]:
            return (self._passes.scores(images, resolved, place, lambda own: tf.cast(said, own.dtype)),)

        return self._ask_when(images, place, activations, ("scores when", place, resolved), question)[0]

    def gradients_with_activations(
        self, images: ArrayLike, layer: str, activations: ArrayLike, score: Score
    ) -> Gradients:
        """As `scores_with_activations`, of one score, with its derivative with respect to what the layer says.

        Raises
        ------
        InputError
            If the score does not depend on the layer.
        """
        place, resolved = find_layer(layer, self._uses), self._resolved(score)

        def question(images: Tensor, said: Tensor) -> tuple[Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(said)
                value = self._passes.score(images, resolved, place, lambda own: tf.cast(said, own.dtype))
            return value, self._passes.derivative(tape, value, said, place, score.name)

        found = self._ask_when(images, place, activations, ("gradients when", place, resolved), question)
        return Gradients(found[0], np.asarray(activations, np.float32), found[1], place.name)

    def gradients_along(self, images: ArrayLike, layer: str, vector: ArrayLike, at: str = SCALED) -> Gradients:
        """How far a layer's mean activations point along a vector, and the derivative of that at an earlier place.

        It is compiled once for all vectors, where a score of each would be compiled for each.

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

        def question(images: Tensor, along: Tensor) -> tuple[Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                recorder, far = ActivationRecorder(tape), ActivationRecorder()
                self._passes.outputs(images, place, recorder.record, {target.name: far})
                value = tf.linalg.matvec(plane_mean(far.recorded), along[0])
            return (
                value,
                recorder.recorded,
                self._passes.derivative(tape, value, recorder.tensor, place, f"of {target.name}"),
            )

        key = ("gradients along", place, target)
        found = self._questions.ask_of_several(key, question, (rows,), (self.image_shape,), (along,))
        return Gradients(found[0], found[1], found[2], self.domain_of(at))

    def _ask_when(
        self,
        images: ArrayLike,
        place: LayerUse,
        activations: ArrayLike,
        key: Hashable,
        question: Callable[[Tensor, Tensor], tuple[Tensor, ...]],
    ) -> tuple[Floats, ...]:
        rows = check_rows(images, self.image_shape, "Images")
        said = check_rows(activations, self._shape_of(place), f"Activations of layer {place.name!r}")
        if len(rows) != len(said):
            raise InputError(
                f"{len(rows)} images and {len(said)} activations were given", "One of each for every galaxy"
            )
        shapes = (self.image_shape, said.shape[1:])
        return self._questions.ask_of_several((key, shapes), question, (rows, said), shapes)

    def _differentiated(
        self, images: ArrayLike, score: Score, at: str, rule: Callable[[], AbstractContextManager[None]]
    ) -> Gradients:
        place, resolved = self._place(at), self._resolved(score)

        def question(images: Tensor) -> tuple[Tensor, ...]:
            with rule(), tf.GradientTape(watch_accessed_variables=False) as tape:
                recorder = ActivationRecorder(tape)
                value = self._passes.score(images, resolved, place, recorder.record)
            return value, recorder.recorded, self._passes.derivative(tape, value, recorder.tensor, place, score.name)

        scores, values, gradients = self._ask_about(
            images, ("gradients", rule is nullcontext, place, resolved), question
        )
        return Gradients(scores, values, gradients, self.domain_of(at))

    def _shape_of(self, place: LayerUse) -> tuple[int | None, ...]:
        """Of one image's values there; None where the network leaves its size open."""
        sides = (None if None in self.image_shape else side for side in place.info.shape[:-1])
        return *sides, place.info.shape[-1]

    def _resolved(self, score: Score) -> Score:
        """With classes by their position, and its layers found to be there."""
        for part in single_scores(score):
            if isinstance(part, LayerScore):
                part.check(self.layer(part.layer))
        return score.resolve(self.class_names)

    def _outputs(self, images: ArrayLike) -> tuple[Floats, ...]:
        outputs = self._ask_about(images, "outputs", self._passes.outputs)
        broken = np.asarray(~np.isfinite(outputs[0]).all(axis=1), np.bool_)
        if broken.any() and np.isfinite(np.asarray(images)[broken]).all():
            raise InputError(
                f"The network {self.model.name!r} gives answers that are not finite to {broken.sum()} of {len(broken)} "
                "images, whose pixels are",
                "A network that answers with finite numbers",
                "Train it again with a smaller learning rate, or look at its scaling: a logarithm, a root, a ratio",
            )
        return outputs

    def _ask_about(
        self, images: ArrayLike, key: Hashable, question: Callable[[Tensor], tuple[Tensor, ...]]
    ) -> tuple[Floats, ...]:
        rows = check_rows(images, self.image_shape, "Images")
        return self._questions.ask(key, question, rows, self.image_shape)

    def _place(self, at: str) -> LayerUse | None:
        if at == SCALED:
            shape = example_shape(self.image_shape)
            return next((use for use in self._uses if use.leaf == SCALED and use.info.shape == shape), None)
        return None if at == INPUT else find_layer(at, self._uses)
