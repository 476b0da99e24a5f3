"""How fast attributions are, beside tf-keras-vis and beside the bare compiled gradient that nothing can beat by much.

    python benchmarks/attribution.py --threads 2

Every contender is asked once to warm up, then in rounds, one after the other, so that a busy moment of the machine
meets them all. The table gives medians over the rounds, of the rate and of the ratio within each round. A look is one
image that goes through the network once, there or there and back: a method that looks ten times at an image is as fast
as the bare gradient if its looks are.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Work:
    """Something to time.

    Attributes
    ----------
    function : callable
    looks : int
        How often an image goes through the network meanwhile.
    """

    function: Callable[[], Any]
    looks: int


Contenders = dict[str, Work]

LAYER, CHANNELS, SAMPLES = "conv4", 64, 50

COMPARED = (
    ("forward pass, ours", "forward pass, bare"),
    ("gradient, ours", "gradient, bare"),
    ("integrated gradients, ours", "gradient, bare"),
    ("SmoothGrad, ours", "gradient, bare"),
    ("expected gradients, ours", "gradient, bare"),
    ("Grad-CAM, ours", "Grad-CAM, bare"),
    ("Score-CAM, ours", "forward pass, bare"),
    ("RISE, ours", "forward pass, bare"),
    ("occlusion, ours", "forward pass, bare"),
    ("gradient, ours", "gradient, tf-keras-vis"),
    ("Grad-CAM, ours", "Grad-CAM, tf-keras-vis"),
    ("SmoothGrad, ours", "SmoothGrad, tf-keras-vis"),
    ("Score-CAM, ours", "Score-CAM, tf-keras-vis"),
)


def main() -> None:
    """Time the contenders and print the table."""
    options = arguments()
    pin(options.threads)
    work = contenders(options.images, options.batch)
    report(timed(work, options.rounds))


def arguments() -> argparse.Namespace:
    """What the user chose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads for TensorFlow and NumPy")
    parser.add_argument("--images", type=int, default=256, help="images of 64 x 64 x 5 in each round")
    parser.add_argument("--batch", type=int, default=64, help="images looked at together")
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def pin(threads: int) -> None:
    """Fix the number of threads; NumPy's libraries read theirs when they are loaded."""
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    if "numpy" in sys.modules:
        raise SystemExit("NumPy is loaded already: its threads cannot be pinned any more.")
    from gz2interp.network.quiet import tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def network() -> Any:
    """A small CNN of the kind one trains on GZ2: four convolutions, a dense layer, five classes."""
    from gz2interp.network.quiet import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((64, 64, 5), name="image")
    features = layers.Rescaling(0.5, name="scaled")(image)
    for k, channels in enumerate((16, 32, 64, 64), start=1):
        features = layers.Conv2D(channels, 3, padding="same", activation="relu", name=f"conv{k}")(features)
        if k < 4:
            features = layers.MaxPooling2D()(features)
    pooled = layers.GlobalAveragePooling2D()(features)
    logits = layers.Dense(5, name="logits")(layers.Dense(64, activation="relu")(pooled))
    return keras.Model(image, layers.Softmax()(logits))


def contenders(count: int, batch: int) -> Contenders:
    """What is timed: functions of nothing that look at all images."""
    import numpy as np

    from gz2interp.attribution import (
        expected_gradients,
        grad_cam,
        gradient,
        integrated_gradients,
        occlusion,
        rise,
        score_cam,
        smooth_grad,
    )
    from gz2interp.network.probe import Probe
    from gz2interp.network.quiet import keras, tf
    from gz2interp.network.scores import logit

    model = network()
    probe, score = Probe(model, batch_size=batch), logit(1)
    images = np.random.default_rng(0).normal(size=(count, 64, 64, 5)).astype(np.float32)
    batches = [tf.constant(images[start : start + batch]) for start in range(0, count, batch)]
    scaled, last, logits = (model.get_layer(name).output for name in ("scaled", LAYER, "logits"))
    up_to_logits = keras.Model(model.inputs, logits)
    forward = tf.function(lambda batch: up_to_logits(batch, training=False), autograph=False)
    bare_gradient = bare(keras.Model(model.inputs, scaled), keras.Model(scaled, logits))
    bare_cam = bare(keras.Model(model.inputs, last), keras.Model(last, logits))

    def each(function: Callable[[Any], Any]) -> Callable[[], Any]:
        return lambda: [function(batch) for batch in batches]

    few, many = images[: max(count // 8, 1)], {"samples": SAMPLES}
    patches = {"patch": 16, "stride": 16}  # sixteen of them
    share, their_noisy, their_scores = (
        tf.constant(few),
        theirs_smooth_grad(up_to_logits),
        theirs_score_cam(up_to_logits),
    )

    # Ours goes from NumPy to NumPy. The others are spared that: their batches are tensors before the clock starts.
    every = {
        "forward pass, ours": lambda: probe.logits(images),
        "forward pass, bare": each(forward),
        "gradient, ours": lambda: gradient(probe, images, score),
        "gradient, bare": each(bare_gradient),
        "gradient, tf-keras-vis": each(theirs_saliency(up_to_logits)),
        "Grad-CAM, ours": lambda: grad_cam(probe, images, score, LAYER),
        "Grad-CAM, bare": each(bare_cam),
        "Grad-CAM, tf-keras-vis": each(theirs_cam(up_to_logits)),
    }
    many_looks = {
        "integrated gradients, ours": (lambda: integrated_gradients(probe, few, score, steps=SAMPLES), SAMPLES),
        "SmoothGrad, ours": (lambda: smooth_grad(probe, few, score, **many), SAMPLES),
        "SmoothGrad, tf-keras-vis": (lambda: their_noisy(share), SAMPLES),
        "expected gradients, ours": (lambda: expected_gradients(probe, few, score, references=images, **many), SAMPLES),
        "Score-CAM, ours": (lambda: score_cam(probe, few, score, LAYER), CHANNELS),
        "Score-CAM, tf-keras-vis": (lambda: their_scores(share), CHANNELS),
        "RISE, ours": (lambda: rise(probe, few, score, samples=64), 64),
        "occlusion, ours": (lambda: occlusion(probe, few, score, **patches), 16),
    }
    return {name: Work(function, count) for name, function in every.items()} | {
        name: Work(function, looks * len(few)) for name, (function, looks) in many_looks.items()
    }


def bare(before: Any, after: Any) -> Callable[[Any], Any]:
    """The compiled gradient of logit 1 with respect to what `before` gives, and nothing else."""
    from gz2interp.network.quiet import tf

    def derivative(batch: Any) -> Any:
        values = before(batch, training=False)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            value = after(values, training=False)[:, 1]
        return values, tape.gradient(value, values)

    return tf.function(derivative, autograph=False)


def theirs_saliency(model: Any) -> Callable[[Any], Any]:
    """tf-keras-vis' saliency, doing what ours does: signed, in every band, as it comes."""
    from tf_keras_vis.saliency import Saliency

    ask, options = Saliency(model), {"keepdims": True, "gradient_modifier": None, "normalize_map": False}
    return lambda batch: ask(lambda logits: logits[:, 1], batch, **options)


def theirs_cam(model: Any) -> Callable[[Any], Any]:
    """tf-keras-vis' Grad-CAM, doing what ours does: signed, resized to the image, as it comes."""
    from tf_keras_vis.gradcam import Gradcam

    ask, options = Gradcam(model), {"penultimate_layer": LAYER, "activation_modifier": None, "normalize_cam": False}
    return lambda batch: ask(lambda logits: logits[:, 1], batch, **options)


def theirs_smooth_grad(model: Any) -> Callable[[Any], Any]:
    """tf-keras-vis' SmoothGrad."""
    from tf_keras_vis.saliency import Saliency

    ask, options = Saliency(model), {"keepdims": True, "gradient_modifier": None, "normalize_map": False}
    return lambda batch: ask(lambda logits: logits[:, 1], batch, smooth_samples=SAMPLES, smooth_noise=0.15, **options)


def theirs_score_cam(model: Any) -> Callable[[Any], Any]:
    """tf-keras-vis' Score-CAM."""
    import contextlib
    import io

    from tf_keras_vis.scorecam import Scorecam

    ask, options = Scorecam(model), {"penultimate_layer": LAYER, "activation_modifier": None, "normalize_cam": False}

    def quietly(batch: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):  # Keras' progress bar
            return ask(lambda shares: shares[:, 1], batch, **options)

    return quietly


def timed(work: Contenders, rounds: int) -> dict[str, list[float]]:
    """Looks a second of each contender in each round."""
    for each in work.values():
        each.function()
    rates: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, each in work.items():
            start = time.perf_counter()
            each.function()
            rates[name].append(each.looks / (time.perf_counter() - start))
    return rates


def report(rates: dict[str, list[float]]) -> None:
    """Print looks a second, and how many times as fast ours is as others."""
    print(f"{'':<28}{'looks/s':>10}")
    for name, each in rates.items():
        print(f"{name:<28}{statistics.median(each):>10.0f}")
    print(f"\n{'':<28}{'':<28}{'looks of the first over those of the second':>10}")
    for ours, other in COMPARED:
        ratios = sorted(own / theirs for own, theirs in zip(rates[ours], rates[other], strict=True))
        print(f"{ours:<28}{other:<28}{statistics.median(ratios):>6.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
