"""The direct way: a network of the same make that is told lengths and angles, and says them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.quiet import keras, tf
from trainer.augment import augment, draw, policy_named
from trainer.dataset import PixelSource
from trainer.networks import build_network
from trainer.scaling import sky_noise

__all__ = ["regressed", "taught"]

Floats = NDArray[np.float64]

POLICY = "standard"
BATCH, RATE, DECAY = 64, 3e-3, 2e-3


def taught(
    path: Path, pixels: PixelSource, rows: NDArray[np.int64], lengths: Floats, angles: Floats, *, epochs: int, seed: int
) -> keras.Model:
    """The network ``cnn`` with three numbers at its end, learnt from those bars unless `path` holds it.

    Parameters
    ----------
    path : Path
        Of a ``.keras`` file.
    pixels : PixelSource
    rows : int64 (n,), increasing
    lengths, angles : float (n,)
        [arcsec], [deg].
    epochs, seed : int

    Notes
    -----
    It says log(length / 1"), cos 2 angle and sin 2 angle; what augmentation does to a galaxy it does to its bar.
    """
    if path.exists():
        return keras.saving.load_model(path)
    keras.utils.set_random_seed(seed)
    noise = sky_noise(pixels.images(rows[:256]), pixels.valid(rows[:256]))
    model = _network(tuple(pixels.valid(rows[:1]).shape[1:]), noise)
    batches = -(-len(rows) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        RATE / 30, (epochs - 1) * batches, warmup_target=RATE, warmup_steps=batches
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=DECAY)
    optimizer.build(model.trainable_variables)
    step = _step(model, optimizer)
    axes = _axes(lengths, angles)
    for epoch in range(1, epochs + 1):
        losses = [step(*_augmented(pixels, rows, axes, at, noise, seed, epoch)) for at in _order(rows, seed, epoch)]
        print(f"  regression, epoch {epoch}: {np.mean(losses):.4f}", flush=True)
    model.save(path)
    return model


def regressed(model: keras.Model, images: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Lengths [arcsec] and angles [deg] of the bars in images, (n,) each."""
    said = np.asarray(model.predict(images, batch_size=256, verbose=0), np.float64)
    return np.exp(said[:, 0]), np.rad2deg(np.arctan2(said[:, 2], said[:, 1])) / 2 % 180


def _network(shape: tuple[int, int], noise: NDArray[np.float32]) -> keras.Model:
    model = build_network("cnn", shape=shape, class_count=2, scaling="asinh", softening=noise)
    said = keras.layers.Dense(3, name="bar")(model.get_layer("pooled").output)
    return keras.Model(model.inputs, said)


def _step(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> tf.types.experimental.GenericFunction:
    @tf.function
    def step(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.reduce_sum(tf.square(model(images, training=True) - targets), axis=1))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def _order(rows: NDArray[np.int64], seed: int, epoch: int) -> list[NDArray[np.int64]]:
    shuffled = np.random.default_rng([seed, epoch]).permutation(len(rows))
    return np.array_split(shuffled, -(-len(rows) // BATCH))


def _axes(lengths: Floats, angles: Floats) -> Floats:
    """Each bar as a vector (x, y) [arcsec], (n, 2)."""
    turned = np.deg2rad(angles)
    return np.stack([lengths * np.cos(turned), lengths * np.sin(turned)], axis=1)


def _augmented(
    pixels: PixelSource,
    rows: NDArray[np.int64],
    axes: Floats,
    at: NDArray[np.int64],
    noise: NDArray[np.float32],
    seed: int,
    epoch: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """A batch of galaxies turned, mirrored, zoomed and moved, and what is true of their bars then."""
    policy = policy_named(POLICY)
    images, valid = pixels.images(rows[at]), pixels.valid(rows[at])
    draws = draw(policy, seed, epoch, rows[at], shape=valid.shape[1:], sky_sigma=noise)
    back = np.asarray(draws.transforms, np.float64)[:, [0, 1, 3, 4]].reshape(-1, 2, 2)
    seen = np.linalg.solve(back, axes[at][:, :, None])[:, :, 0]
    twice = 2 * np.arctan2(seen[:, 1], seen[:, 0])
    targets = np.stack([np.log(np.hypot(*seen.T)), np.cos(twice), np.sin(twice)], axis=1)
    return augment(policy, images, valid, draws)[0], tf.constant(targets, tf.float32)
