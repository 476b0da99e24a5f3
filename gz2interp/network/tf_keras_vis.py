"""The one adapter to tf-keras-vis: the same questions, answered by the field's known package.

It serves those who want its answer, and our tests as the reference. It differentiates at the input of the network, runs
eagerly, and needs Functional or Sequential networks whose layers lie side by side.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.network.answers import Gradients
from gz2interp.network.loading import first_line
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras, tf
from gz2interp.network.scores import Score

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports `zoom` from a namespace that SciPy is giving up
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency

__all__ = ["grad_cam", "saliency"]

Floats = NDArray[np.float32]
Tensor = Any
Model = Any


def saliency(probe: Probe, images: Floats, score: Score) -> Gradients:
    """The gradient at the network's input, as tf-keras-vis' `Saliency` with its modifier and stretch switched off.

    Parameters
    ----------
    probe : Probe
    images : float32 (n, y, x, band)
    score : Score
    """
    with _refusing(probe):
        ask, watched = Saliency(answering_model(probe)), _watched(probe, score)
        maps = _in_batches(
            lambda batch: ask(watched, batch, keepdims=True, gradient_modifier=None, normalize_map=False), probe, images
        )
    images = np.asarray(images, np.float32)
    return Gradients(probe.scores(images, score), images, maps, "input")


def grad_cam(probe: Probe, images: Floats, score: Score, layer: str) -> tuple[Floats, Floats]:
    """The map in the layer's cells, as tf-keras-vis' `Gradcam` without ReLU and stretch, and the scores.

    Returns
    -------
    cells : float32 (n, y, x)
    scores : float32 (n,)
    """
    with _refusing(probe):
        model = answering_model(probe)
        ask, watched, target = Gradcam(model), _watched(probe, score), model.get_layer(layer)
        cells = _in_batches(
            lambda batch: ask(
                watched,
                batch,
                penultimate_layer=target,
                seek_penultimate_conv_layer=False,
                activation_modifier=None,
                expand_cam=False,
                normalize_cam=False,
            ),
            probe,
            images,
        )
    return cells, probe.scores(images, score)


def answering_model(probe: Probe) -> Model:
    """The network as tf-keras-vis takes it: flat, with answer and logits side by side as its one output."""
    model, use = probe.model, probe.head.use
    if use is None:
        return keras.Model(model.inputs, model.outputs)
    logits = _before_activation(use.layer) if probe.head.inside else use.layer.output
    return keras.Model(model.inputs, keras.layers.Concatenate()([*model.outputs, logits]))


def _before_activation(dense: Any) -> Tensor:
    linear = keras.layers.Dense(dense.units, use_bias=dense.use_bias)
    logits = linear(dense.input)
    linear.set_weights(dense.get_weights())
    return logits


def _watched(probe: Probe, score: Score) -> Callable[[Tensor], Tensor]:
    resolved = score.resolve(probe.class_names)

    def watched(output: Tensor) -> Tensor:
        answer, *logits = [output] if probe.head.use is None else tf.split(output, 2, axis=-1)
        return resolved(*probe.head.read(answer, logits))

    return watched


@contextmanager
def _refusing(probe: Probe) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"tf-keras-vis cannot look into the network {probe.model.name!r}: {first_line(error)}",
            "A Functional or Sequential network that is not nested, and whose logits come from a layer of its own",
            "Use our own backend, backend='ours', which gives the same numbers",
        ) from error


def _in_batches(ask: Callable[[Tensor], Any], probe: Probe, images: Floats) -> Floats:
    if not len(images):
        return _in_batches(ask, probe, np.zeros((1, *images.shape[1:]), np.float32))[:0]
    size = probe.batch_size
    batches = [tf.constant(images[start : start + size], tf.float32) for start in range(0, len(images), size)]
    return np.concatenate([np.asarray(ask(batch), np.float32) for batch in batches])
