"""Adapter to tf-keras-vis: its saliency and class activation maps, with our scores.

It is a selectable backend, and the reference in our tests. It differentiates at the input of the network, runs eagerly,
and needs Functional or Sequential networks that are not nested.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, Final

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
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam

__all__ = ["class_activation_map", "saliency", "score_cam"]

Floats = NDArray[np.float32]
Tensor = Any
Model = Any


_CELLS: Final[dict[str, Any]] = {"seek_penultimate_conv_layer": False, "expand_cam": False, "normalize_cam": False}

CAMS: Final = {"grad_cam": Gradcam, "grad_cam_plus_plus": GradcamPlusPlus, "layer_cam": Layercam}


def saliency(probe: Probe, images: Floats, score: Score, samples: int = 0, noise: float = 0.0) -> Gradients:
    """The gradient at the network's input, as tf-keras-vis' `Saliency` with its modifier and stretch switched off.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    samples, noise : int, float
        Of SmoothGrad; 0 for the gradient itself. The noise is drawn by TensorFlow's own seed.
    """
    options: dict[str, Any] = {"keepdims": True, "gradient_modifier": None, "normalize_map": False}
    if samples:
        options |= {"smooth_samples": samples, "smooth_noise": noise}
    with _refusing(probe):
        explain, target = Saliency(flat_model(probe)), _target(probe, score)
        maps = _in_batches(lambda batch: explain(target, batch, **options), probe, images)
    images = np.asarray(images, np.float32)
    return Gradients(probe.scores(images, score), images, maps, "input")


def class_activation_map(probe: Probe, images: Floats, score: Score, layer: str, method: str) -> tuple[Floats, Floats]:
    """The map in the layer's cells, as tf-keras-vis makes it without a last ReLU and stretch, and the scores.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    method : str
        One of `CAMS`.

    Returns
    -------
    cells : float32 (n, y, x)
    scores : float32 (n,)
    """
    options = _CELLS | ({} if method == "grad_cam_plus_plus" else {"activation_modifier": None})
    with _refusing(probe):
        model = flat_model(probe)
        explain, target, last = CAMS[method](model), _target(probe, score), model.get_layer(layer)
        cells = _in_batches(lambda batch: explain(target, batch, penultimate_layer=last, **options), probe, images)
    return cells, probe.scores(images, score)


def score_cam(probe: Probe, images: Floats, score: Score, layer: str, channels: int = 0) -> tuple[Floats, Floats]:
    """As `class_activation_map`, by `Scorecam`, of all channels or of the `channels` that vary most.

    It is computed from the softmax of the logits, tf-keras-vis' only output: a logit becomes its logarithm.
    """
    resolved = _of_outputs(probe, score)
    options = _CELLS | {"activation_modifier": None, "max_N": channels or None}
    with _refusing(probe), redirect_stdout(io.StringIO()):  # it shows Keras' progress
        model = flat_model(probe)
        classes = len(probe.class_names)
        logits = keras.Model(model.inputs, model.outputs[0][:, -classes:])
        explain, last = Scorecam(logits), logits.get_layer(layer)
        cells = _in_batches(
            lambda batch: explain(lambda shares: resolved(shares, tf.math.log(shares)), batch, last, **options),
            probe,
            images,
        )
    return cells, probe.scores(images, score)


def flat_model(probe: Probe) -> Model:
    """The network as tf-keras-vis takes it: flat, with its output and the logits concatenated as its one output."""
    model, head = probe.model, probe.head
    if not (head.activated or head.named):
        return keras.Model(model.inputs, model.outputs)
    if head.use is None or (head.inside and not isinstance(head.use.layer, keras.layers.Dense)):
        raise ValueError(f"the logits, {head.rule}, are the output of no layer")
    logits = _before_activation(head.use.layer) if head.inside else head.use.layer.output
    return keras.Model(model.inputs, keras.layers.Concatenate()([*model.outputs, logits]))


def _before_activation(dense: Any) -> Tensor:
    linear = keras.layers.Dense(dense.units, use_bias=dense.use_bias)
    logits = linear(dense.input)
    linear.set_weights(dense.get_weights())
    return logits


def _target(probe: Probe, score: Score) -> Callable[[Tensor], Tensor]:
    resolved = _of_outputs(probe, score)

    def target(concatenated: Tensor) -> Tensor:
        both = probe.head.activated or probe.head.named
        output, *logits = tf.split(concatenated, 2, axis=-1) if both else [concatenated]
        return resolved(*probe.head.read(output, logits))

    return target


def _of_outputs(probe: Probe, score: Score) -> Score:
    if score.layers:
        raise InputError(
            f"The score {score} was given",
            "tf-keras-vis takes scores of the network's outputs only",
            "Use our own backend, backend='ours'",
        )
    return score.resolve(probe.class_names)


@contextmanager
def _refusing(probe: Probe) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"tf-keras-vis cannot explain the network {probe.model.name!r}: {first_line(error)}",
            "A Functional or Sequential network that is not nested, and whose logits come from a layer of its own",
            "Use our own backend, backend='ours', which gives the same numbers",
        ) from error


def _in_batches(explain: Callable[[Tensor], Any], probe: Probe, images: Floats) -> Floats:
    if not len(images):
        return _in_batches(explain, probe, np.zeros((1, *images.shape[1:]), np.float32))[:0]
    size = probe.batch_size
    batches = [tf.constant(images[start : start + size], tf.float32) for start in range(0, len(images), size)]
    return np.concatenate([np.asarray(explain(batch), np.float32) for batch in batches])
