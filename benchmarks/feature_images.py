"""How many feature images a second, beside tf-keras-vis' activation maximisation at equal steps.

    python benchmarks/feature_images.py --threads 1

Both make images for channels of one layer of one network, in one process, with the same threads and steps; each is
asked once to warm up. tf-keras-vis is asked for one channel after the other, as its users do, and for a batch at once.
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
    works = contenders(network(), options.channels, options.steps)
    rates = {name: options.channels / seconds(work, options.rounds) for name, work in works.items()}
    for name, rate in rates.items():
        print(f"{name:42s} {rate:8.3f} channels/s   {rate / rates['tf-keras-vis, one by one']:6.2f} x")


def arguments() -> argparse.Namespace:
    """What the user chose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """Of CPU, the fastest of some rounds after one to warm up: a busy machine then counts less."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def contenders(model: Any, channels: int, steps: int) -> dict[str, Callable[[], Any]]:
    """What is timed, as functions of nothing."""
    import numpy as np

    from gz2interp.features.light import light_of
    from gz2interp.features.visualise import visualise
    from gz2interp.network.layer_scores import channel
    from gz2interp.network.probe import Probe
    from gz2interp.network.quiet import keras
    from gz2interp.painting import draw_recipe, paint

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from tf_keras_vis.activation_maximization import ActivationMaximization
        from tf_keras_vis.utils.scores import CategoricalScore

    rng = np.random.default_rng(1000)
    light = light_of([np.stack([paint(draw_recipe(rng, "spiral")).cutout.image for _ in range(32)])])
    probe = Probe(model)
    cut = keras.Model(model.inputs, model.get_layer(LAYER).output)
    maximise, seed = ActivationMaximization(cut), np.zeros((1, 64, 64, 5), np.float32)
    span = tuple((float(-each), float(top)) for each, top in zip(light.sky, light.highest, strict=True))
    low, high = min(a for a, _ in span), max(b for _, b in span)

    def theirs(numbers: list[int]) -> Any:
        return maximise(
            CategoricalScore(numbers),
            seed_input=np.repeat(seed, len(numbers), axis=0),
            steps=steps,
            input_range=(low, high),
        )

    def ours() -> Any:
        return visualise(probe, [channel(LAYER, k) for k in range(channels)], light, steps=steps)

    return {
        "tf-keras-vis, one by one": lambda: [theirs([k]) for k in range(channels)],
        "tf-keras-vis, in one batch": lambda: theirs(list(range(channels))),
        "ours, traced anew each time": ours,
    }


if __name__ == "__main__":
    main()
