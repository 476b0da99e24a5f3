"""Forward passes while they are traced: inputs, recorded layers and outputs, and guided ReLU gradients."""

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
    """Passes through one network, inside whatever is being traced.

    Attributes
    ----------
    uses : sequence of LayerUse
        Of its layers.
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
        """Probabilities and logits of a batch; what passes `place` (None: the input) goes through `visit`.

        Each of the `recorders` hears the layer that it is named by.
        """
        with ExitStack() as taps:
            if place is None:
                images = visit(tf.identity(images))
            else:
                taps.enter_context(output_hook(place.layer, visit, place.number))
            for name, recorder in (recorders or {}).items():  # after the hook at `place`: they record what it returns
                use = find_layer(name, self.uses)
                taps.enter_context(output_hook(use.layer, recorder.record, use.number))
            logits = taps.enter_context(self.head.record_logits())
            answer = self.model(images, training=False)
        return self.head.read(answer, logits)

    def score(
        self, images: Tensor, resolved: Score, place: LayerUse | None = None, visit: Visit = tf.identity
    ) -> Tensor:
        """The score of a batch; what passes `place` goes through `visit` before the score hears of it."""
        return self.scores(images, (resolved,), place, visit)[:, 0]

    def scores(
        self, images: Tensor, resolved: Sequence[Score], place: LayerUse | None = None, visit: Visit = tf.identity
    ) -> Tensor:
        """Several scores of a batch in one pass, (n, score)."""
        recorders = {name: ActivationRecorder() for score in resolved for name in score.layers}
        answers = self.outputs(images, place, visit, recorders)
        said = layer_inputs(recorders)
        return tf.stack([score(*answers, said) for score in resolved], axis=1)

    def score_given(self, values: Tensor, resolved: Score, place: LayerUse | None, title: str) -> Tensor:
        """The score of a batch when a place says this; it must depend on nothing else.

        The layers before this one run on nothing and are then left out by TensorFlow, since nobody needs them.

        Raises
        ------
        InputError
            It depends on something else; `title` is what the score is called.
        """
        if place is None:
            return self.score(values, resolved)
        nothing = tf.zeros((tf.shape(values)[0], *example_shape(self.image_shape)))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(nothing)
            value = self.score(nothing, resolved, place, lambda said: tf.cast(values, said.dtype))
        if tape.gradient(value, nothing) is not None:
            raise InputError(
                f"The score {title} does not follow from layer {place.name!r} alone: something reaches it by another "
                "way",
                f"A layer that everything passes through, before the logits ({self.head.rule})",
                "Take the layer where the ways join again, an Add or a Concatenate perhaps, or an earlier one",
            )
        return value

    def derivative(self, tape: Any, value: Tensor, at: Tensor, place: LayerUse | None, title: str) -> Tensor:
        """Of a score with respect to what flows through a place, float32.

        Raises
        ------
        InputError
            The score does not depend on it.
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
    """What a score is told of the layers it listens to: their means, and their planes."""
    planes = {plane_of(name): _plane(recorder.recorded) for name, recorder in recorders.items()}
    return planes | {name: plane_mean(recorder.recorded) for name, recorder in recorders.items()}


def _plane(values: Tensor) -> Tensor:
    return values if values.shape.rank == 4 else values[:, None, None, :]


def plane_mean(values: Tensor) -> Tensor:
    """The mean over the image plane, of what still has one."""
    return tf.reduce_mean(values, axis=(1, 2)) if values.shape.rank == 4 else values


_RELUS = (keras.activations.relu, keras.activations.relu6, keras.activations.leaky_relu)


@contextmanager
def guided_relus(uses: Sequence[LayerUse]) -> Iterator[None]:
    """While a forward pass is traced inside, its gradient passes each ReLU only where it is positive.

    Raises
    ------
    InputError
        The network has no ReLU.
    """
    relus = [use for use in uses if _is_relu(use.layer)]
    if not relus:
        raise InputError(
            "The network has no ReLU, which guided backpropagation is about",
            "A network with ReLU layers or activations",
            "Take gradient, or integrated_gradients",
        )
    with ExitStack() as taps:
        for use in relus:
            taps.enter_context(output_hook(use.layer, _one_way, use.number))
        yield


def _is_relu(layer: Any) -> bool:
    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) in _RELUS


@tf.custom_gradient
def _one_way(values: Tensor) -> tuple[Tensor, Any]:
    return tf.identity(values), tf.nn.relu
