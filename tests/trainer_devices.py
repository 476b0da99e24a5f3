"""Trainings on two logical devices, or two hosts, each in a process of its own: devices are settled once a process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from trainer_surveys import BANDS, tiny_network

from gz2interp.network.quiet import keras, tf
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.devices import strategy_for
from trainer.fit import fit
from trainer.networks import build_network
from trainer.precision import recast
from trainer.step import CrossEntropy, compiled_step, optimizer_of
from trainer.training import TrainingProgress, TrainingStopped


def weights_after_steps(network: str, devices: str, precision: str = "float32", optimizer: str = "sgd") -> np.ndarray:
    """All weights of a network after five steps on batches of odd sizes."""
    config = Config(network=network, devices=devices, precision=precision, optimizer=optimizer, learning_rate=0.02)
    strategy, generator = strategy_for(devices, 16), np.random.default_rng(0)
    keras.utils.set_random_seed(3)
    model = build_network(network, shape=(24, 24), class_count=3, scaling="asinh", softening=[0.1] * len(BANDS))
    with strategy.scope():
        model = recast(model, precision, synchronized=strategy.num_replicas_in_sync > 1)
        chosen = optimizer_of(config)
        chosen.build(model.trainable_variables)
    teach = compiled_step(model, chosen, CrossEntropy())
    for count in (16, 15, 16, 13, 16):
        images = generator.gamma(1, 1, (count, 24, 24, len(BANDS))).astype(np.float32)
        targets = np.eye(3, dtype=np.float32)[generator.integers(3, size=count)]
        teach(tf.constant(images), tf.constant(targets), 0.02)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def compare() -> None:
    """How far two devices' weights are from one's, beside how far they have come."""
    differences = {}
    for network, precision in (("plain", "float32"), ("cnn", "float32"), ("plain", "mixed_float16")):
        one, two = (weights_after_steps(network, devices, precision) for devices in ("one", "mirrored"))
        differences[f"{network} {precision}"] = float(np.abs(one - two).max())
    print(json.dumps({"replicas": strategy_for("mirrored", 16).num_replicas_in_sync} | differences))  # noqa: T201


def plain(pixels, class_count, dropout=0.0):
    """A tiny network without batch normalisation."""
    features = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(pixels)
    features = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(features)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.layers.Dense(class_count, activation="softmax", name="probabilities")(features)


def whole(survey: Path) -> None:
    """A training that is stopped in its second epoch and goes on, and one that nothing disturbs."""
    opened, config = (
        Survey.open(survey),
        Config(network="tiny", epochs=3, batch_size=32, learning_rate=5e-3, devices="mirrored"),
    )

    def second(now: TrainingProgress) -> None:
        if (now.epoch, now.step) == (2, 1):
            raise TrainingStopped("The training was stopped")

    try:
        fit(opened, "stopped", config, progress=second)
    except TrainingStopped:
        digests = [fit(opened, name, config).run["weights_digest"] for name in ("stopped", "undisturbed")]
        print(json.dumps(digests))  # noqa: T201


def host(survey: Path) -> None:
    """One host's share of a training."""
    heard = []
    config = Config(network="original", epochs=2, batch_size=32, learning_rate=1e-3, devices="hosts", threads=1)
    model = fit(Survey.open(survey), "hosts", config, progress=heard.append)
    print(json.dumps([len(heard), model.run["weights_digest"], model.run["replicas"]]))  # noqa: T201


if __name__ == "__main__":
    from trainer.networks import NETWORKS

    NETWORKS["plain"] = plain
    if sys.argv[1] != "host":
        processor = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    with tiny_network():
        {"compare": lambda _: compare(), "whole": whole, "host": host}[sys.argv[1]](Path(sys.argv[-1]))
