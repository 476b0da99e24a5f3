"""Forward passes of a network while it is traced: scores, replaced activations, and guided ReLU gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from gz2interp.errors import InputError, choices
from gz2interp.network.head import Head
from gz2interp.network.hooks import ActivationRecorder, output_hook
from gz2interp.network.layers import LayerUse, example_shape, find_layer
from gz2interp.network.quiet import keras, tf
from gz2interp.network.scores import Score, plane_of

__all__ = ["Passes", "guided_relus", "layer_inputs", "plane_mean"]


Tensor = Any
Model = Any
Visit = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Passes:
    """Forward passes of one network, for use inside a traced function.

    Attributes
    ----------
    image_shape : tuple
        (y, x, band); None where any size will do.
    """

    model: Model
    head: Head
    uses: Sequence[LayerUse]
    image_shape: tuple[int | None, int | None, int]

    def outputs(
        self,
        images: Tensor,
        place: LayerUse | None = None,
        visit: Visit = tf.identity,
        recorders: Mapping[str, ActivationRecorder] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Probabilities and logits of a batch, with the output of `place` (None: the input) replaced by `visit` of it.

        Each of `recorders` records the layer of its name.
        """
        with ExitStack() as hooks:
            if place is None:
                images = visit(tf.identity(images))
            else:
                hooks.enter_context(output_hook(place.layer, visit, place.number))
            for name, recorder in (recorders or {}).items():  # after the hook at `place`: they record what it returns
                use = find_layer(name, self.uses)
                hooks.enter_context(output_hook(use.layer, recorder.record, use.number))
            logits = hooks.enter_context(self.head.record_logits())
            output = self.model(images, training=False)
        return self.head.read(output, logits)

    def score(
        self, images: Tensor, resolved: Score, place: LayerUse | None = None, visit: Visit = tf.identity
    ) -> Tensor:
        """The score of a batch (n,), with the output of `place` replaced by `visit` of it."""
        return self.scores(images, (resolved,), place, visit)[:, 0]

    def scores(
        self, images: Tensor, resolved: Sequence[Score], place: LayerUse | None = None, visit: Visit = tf.identity
    ) -> Tensor:
        """Several scores of a batch in one pass, (n, score)."""
        recorders = {name: ActivationRecorder() for score in resolved for name in score.layers}
        outputs = self.outputs(images, place, visit, recorders)
        activations = layer_inputs(recorders)
        return tf.stack([score(*outputs, activations) for score in resolved], axis=1)

    def score_at(self, values: Tensor, resolved: Score, place: LayerUse | None, title: str) -> Tensor:
        """The score of a batch from the `values` at a place alone.

        The layers before the place are traced on zeros; TensorFlow prunes them, since their outputs are not used.

        Raises
        ------
        InputError
            The score `title` also depends on the image in another way.
        """
        if place is None:
            return self.score(values, resolved)
        zeros = tf.zeros((tf.shape(values)[0], *example_shape(self.image_shape)))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(zeros)
            value = self.score(zeros, resolved, place, lambda output: tf.cast(values, output.dtype))
        if tape.gradient(value, zeros) is not None:
            raise InputError(
                f"The score {title} does not follow from layer {place.name!r} alone: a connection bypasses it",
                f"A layer that all connections pass through, before the logits ({self.head.rule})",
                "Take the layer where the branches join again, such as an Add or a Concatenate, or an earlier one",
            )
        return value

    def derivative(self, tape: Any, value: Tensor, at: Tensor, place: LayerUse | None, title: str) -> Tensor:
        """The derivative of a score with respect to the tensor `at` a place, float32.

        Raises
        ------
        InputError
            The score does not depend on the place.
        """
        gradient = tape.gradient(value, at)
        if gradient is None:
            raise InputError(
                f"The score {title} does not depend on {f'layer {place.name!r}' if place else 'the input'}",
                f"A layer that the score is computed from ({self.head.rule})",
                f"Take one of {choices(use.name for use in self.head.uses if use.new)}",
            )
        return tf.cast(gradient, tf.float32)


def layer_inputs(recorders: Mapping[str, ActivationRecorder]) -> dict[str, Tensor]:
    """The activations that scores are computed from: each layer's spatial mean, and its plane under `plane_of` it."""
    planes = {plane_of(name): _plane(recorder.recorded) for name, recorder in recorders.items()}
    return planes | {name: plane_mean(recorder.recorded) for name, recorder in recorders.items()}


def _plane(values: Tensor) -> Tensor:
    return values if values.shape.rank == 4 else values[:, None, None, :]


def plane_mean(values: Tensor) -> Tensor:
    """The mean over the image plane, (n, channel); flat activations are returned as they are."""
    return tf.reduce_mean(values, axis=(1, 2)) if values.shape.rank == 4 else values


_RELUS = (keras.activations.relu, keras.activations.relu6, keras.activations.leaky_relu)


@contextmanager
def guided_relus(uses: Sequence[LayerUse]) -> Iterator[None]:
    """Pass gradients through each ReLU only where they are positive, for forward passes traced inside the context.

    Raises
    ------
    InputError
        The network has no ReLU.
    """
    relus = [use for use in uses if _is_relu(use.layer)]
    if not relus:
        raise InputError(
            "The network has no ReLU, which guided backpropagation modifies",
            "A network with ReLU layers or activations",
            "Take gradient, or integrated_gradients",
        )
    with ExitStack() as hooks:
        for use in relus:
            hooks.enter_context(output_hook(use.layer, _positive_gradient, use.number))
        yield


def _is_relu(layer: Any) -> bool:
    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) in _RELUS


@tf.custom_gradient
def _positive_gradient(values: Tensor) -> tuple[Tensor, Any]:
    return tf.identity(values), tf.nn.relu
