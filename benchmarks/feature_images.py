"""How many feature images a second, beside tf-keras-vis' activation maximisation at equal steps.

    python benchmarks/feature_images.py --threads 1
    python benchmarks/feature_images.py --threads 2 --sheet   # minutes that the images of a layer of 128 channels take

Both make images for channels of a layer of one network, in one process, with the same threads and steps. tf-keras-vis
is asked for a few channels one after the other, as its users do, and for them in one batch; ours for a layer at once,
as a sheet does, with what it takes to compile the step.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

LAYER = "conv4"


def main() -> None:
    """Time both and print the table."""
    options = arguments()
    from attribution import network, pin

    pin(options.threads)
    if options.sheet:
        print(f"128 channels, two starts each, {options.steps} steps: {sheet_minutes(options.steps):.1f} minutes")
        return
    works = contenders(network(), options)
    rates = {name: count / seconds(work, options.rounds) for name, (work, count) in works.items()}
    for name, rate in rates.items():
        print(f"{name:42s} {rate:8.3f} channels/s   {rate / rates['tf-keras-vis, one by one']:6.2f} x")


def arguments() -> argparse.Namespace:
    """What the user chose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--channels", type=int, default=64, help="Ours.")
    parser.add_argument("--theirs", type=int, default=4, help="Channels that tf-keras-vis is asked for.")
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--sheet", action="store_true", help="How long a layer takes, by the clock.")
    return parser.parse_args()


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """Of CPU, the fastest of some rounds: a busy machine then counts less."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def painted_light() -> Any:
    """That of 32 painted spirals."""
    import numpy as np

    from gz2interp.features.image_prior import image_prior
    from gz2interp.painting import draw_recipe, paint

    rng = np.random.default_rng(1000)
    return image_prior([np.stack([paint(draw_recipe(rng, "spiral")).cutout.image for _ in range(32)])])


def sheet_minutes(steps: int) -> float:
    """By the clock, for 128 channels of the default network: the 96 of its last block, and 32 of that before."""
    from gz2interp.features.visualise import visualise
    from gz2interp.network.layer_scores import channel
    from gz2interp.network.probe import Probe
    from trainer.networks import build_network

    light = painted_light()
    shape = {"shape": (64, 64), "class_count": 5, "scaling": "asinh", "softening": light.sky.tolist()}
    probe = Probe(build_network("cnn", **shape))
    objectives = [channel("block3", k) for k in range(96)] + [channel("block2", k) for k in range(32)]
    start = time.perf_counter()
    for seed in range(2):
        visualise(probe, objectives, light, steps=steps, seed=seed)
    return (time.perf_counter() - start) / 60


def contenders(model: Any, options: argparse.Namespace) -> dict[str, tuple[Callable[[], Any], int]]:
    """What is timed, as functions of nothing, and how many channels each makes."""
    import numpy as np

    from gz2interp.features.visualise import visualise
    from gz2interp.network.layer_scores import channel
    from gz2interp.network.probe import Probe
    from gz2interp.network.quiet import keras

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from tf_keras_vis.activation_maximization import ActivationMaximization
        from tf_keras_vis.utils.scores import CategoricalScore

    light, probe = painted_light(), Probe(model)
    cut = keras.Model(model.inputs, model.get_layer(LAYER).output)
    maximise, seed = ActivationMaximization(cut), np.zeros((1, 64, 64, 5), np.float32)
    span = tuple((float(-each), float(top)) for each, top in zip(light.sky, light.highest, strict=True))
    low, high = min(a for a, _ in span), max(b for _, b in span)

    def theirs(numbers: list[int]) -> Any:
        return maximise(
            CategoricalScore(numbers),
            seed_input=np.repeat(seed, len(numbers), axis=0),
            steps=options.steps,
            input_range=(low, high),
        )

    def ours() -> Any:
        return visualise(probe, [channel(LAYER, k) for k in range(options.channels)], light, steps=options.steps)

    few = list(range(options.theirs))
    theirs([0])  # what is loaded when it is first asked is not its work
    return {
        "tf-keras-vis, one by one": (lambda: [theirs([k]) for k in few], len(few)),
        "tf-keras-vis, in one batch": (lambda: theirs(few), len(few)),
        "ours": (ours, options.channels),
    }


if __name__ == "__main__":
    main()
