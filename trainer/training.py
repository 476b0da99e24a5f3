"""The training loop.

An interrupted training that is resumed ends with the same weights as an uninterrupted one: all random numbers follow
from (seed, epoch, galaxy) or from the state in the checkpoint, and an interrupted epoch is repeated from its start.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gz2interp.errors import Gz2interpError
from trainer.checkpoint import Checkpoint, assign, check_same, load_checkpoint, save_checkpoint, values_of
from trainer.config import Config
from trainer.dataset import Examples, batch_count, training_batches
from trainer.devices import is_chief
from trainer.predict import PredictionFunction, predict, prediction_function
from trainer.step import LOSSES, Loss, compiled_step, learning_rate, optimizer_of

__all__ = ["TrainingInputs", "TrainingProgress", "TrainingStopped", "train"]

ProgressCallback = Callable[["TrainingProgress"], None]


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of a training.

    Attributes
    ----------
    epoch, epochs : int
        The current epoch, from 1, and their number.
    step, steps : int
        Batches done in this epoch.
    loss, accuracy : float
        Mean over the epoch so far.
    validation_loss, validation_accuracy : float or None
        Only at the end of an epoch.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images_per_second: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class TrainingStopped(Gz2interpError):
    """The training was stopped by its `stop` function and can be resumed from its checkpoint."""


@dataclass(frozen=True, eq=False)
class TrainingInputs:
    """Data and settings of a training.

    Attributes
    ----------
    sky_sigma : tuple of float, one per band
        Sky noise, for augmentation.
    training : mapping
        JSON values that identify the training; a checkpoint of another one is refused.
    """

    train: Examples
    validation: Examples
    config: Config
    sky_sigma: tuple[float, ...]
    training: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class TrainingState:
    """The objects that change during training."""

    model: Any
    loss: Loss
    optimizer: Any

    @property
    def variables(self) -> list[Any]:
        """Variables of the network and of the loss."""
        return [*self.model.variables, *self.loss.variables]


def train(
    model: Any,
    inputs: TrainingInputs,
    checkpoint: Path,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
) -> tuple[Mapping[str, Any], ...]:
    """Train a network, starting from its checkpoint if there is one.

    The network ends with the weights of the best or the last epoch, see `Config.keep`.

    Parameters
    ----------
    model : keras.Model
        Changed in place; trained on the devices in whose scope it was created.
    checkpoint : Path
        Replaced after each epoch, by the chief if there are several hosts.
    progress : callable, optional
        Called after each step and each epoch.
    stop : callable, optional
        Called after each step; True stops the training.

    Returns
    -------
    tuple of dict
        The history, one record per epoch.

    Raises
    ------
    TrainingStopped
        `stop` returned True.
    InputError
        The checkpoint belongs to another training.
    """
    config = inputs.config
    with model.distribute_strategy.scope():
        optimizer, loss = optimizer_of(config), LOSSES[config.loss]()
        optimizer.build([*model.trainable_variables, *loss.variables])
    state = TrainingState(model, loss, optimizer)
    snapshot = _restore(state, inputs, checkpoint)
    train_step, network = compiled_step(model, optimizer, loss), prediction_function(model)
    for epoch in range(snapshot.epoch, config.epochs):
        if _has_converged(snapshot, config.patience):
            break
        start = time.perf_counter()
        last = _epoch(train_step, inputs, epoch, _step_callback(progress, stop))
        validation_loss, accuracy = _validation(network, inputs.validation)
        done = replace(last, validation_loss=validation_loss, validation_accuracy=accuracy)
        snapshot = _after_epoch(snapshot, done, state, time.perf_counter() - start)
        if is_chief(config.devices):
            save_checkpoint(checkpoint, snapshot)
        if progress is not None:
            progress(done)
    assign(state.variables, snapshot.best if config.keep == "best" else snapshot.network)
    return snapshot.history


def _has_converged(snapshot: Checkpoint, patience: int) -> bool:
    """Whether the validation loss has not improved for `patience` epochs."""
    losses = [record["validation_loss"] for record in snapshot.history]
    return 0 < patience <= len(losses) - 1 - losses.index(min(losses)) if losses else False


def _restore(state: TrainingState, inputs: TrainingInputs, path: Path) -> Checkpoint:
    """Restore the state from a checkpoint, or make the initial one."""
    if not path.exists():
        weights = values_of(state.variables)
        return Checkpoint(0, inputs.training, (), weights, values_of(state.optimizer.variables), weights)
    snapshot = load_checkpoint(path)
    check_same(snapshot, inputs.training, path.parent.parent.name)
    assign(state.variables, snapshot.network)
    assign(state.optimizer.variables, snapshot.optimizer)
    return snapshot


def _epoch(
    train_step: Callable[..., Any], inputs: TrainingInputs, epoch: int, callback: ProgressCallback
) -> TrainingProgress:
    config = inputs.config
    steps = batch_count(len(inputs.train), config.batch_size, config.seed, epoch)
    count, sums, start = 0, np.zeros(2), time.perf_counter()
    now = TrainingProgress(epoch + 1, config.epochs, 0, steps, math.nan, math.nan, 0.0)
    for step, (images, targets) in enumerate(_batches(inputs, epoch), start=1):
        results = train_step(images, targets, learning_rate(config, epoch + step / steps))
        sums += len(targets) * np.array([float(result) for result in results])
        count += len(targets)
        _check_finite(sums[0], epoch, config)
        loss, accuracy = (float(value) for value in sums / count)
        now = replace(
            now, step=step, loss=loss, accuracy=accuracy, images_per_second=count / (time.perf_counter() - start)
        )
        callback(now)
    return now


def _step_callback(progress: ProgressCallback | None, stop: Callable[[], bool] | None) -> ProgressCallback:
    """A callback that reports a step and raises `TrainingStopped` if requested."""

    def callback(now: TrainingProgress) -> None:
        if progress is not None:
            progress(now)
        if stop is not None and stop():
            raise TrainingStopped(
                f"The training was stopped in epoch {now.epoch} of {now.epochs}",
                f"{now.epoch - 1} whole epochs are kept in its checkpoint",
                "Start it again with the same settings to resume it",
            )

    return callback


def _batches(inputs: TrainingInputs, epoch: int) -> Any:
    config = inputs.config
    return training_batches(
        inputs.train,
        config.augmentation,
        batch_size=config.batch_size,
        seed=config.seed,
        epoch=epoch,
        sky_sigma=inputs.sky_sigma,
        mixup=config.mixup,
    )


def _after_epoch(snapshot: Checkpoint, done: TrainingProgress, state: TrainingState, seconds: float) -> Checkpoint:
    record = {
        "epoch": done.epoch,
        "loss": done.loss,
        "accuracy": done.accuracy,
        "validation_loss": done.validation_loss,
        "validation_accuracy": done.validation_accuracy,
        "learning_rate": float(state.optimizer.learning_rate.numpy()),
        "seconds": round(seconds, 3),
        "images_per_second": round(done.images_per_second, 1),
        **state.loss.parameters(),
    }
    weights = values_of(state.variables)
    better = all(record["validation_loss"] < earlier["validation_loss"] for earlier in snapshot.history)
    return replace(
        snapshot,
        epoch=done.epoch,
        history=(*snapshot.history, record),
        network=weights,
        optimizer=values_of(state.optimizer.variables),
        best=weights if better else snapshot.best,
    )


def _validation(network: PredictionFunction, examples: Examples) -> tuple[float, float]:
    probabilities = predict(network, examples.pixels, examples.rows)
    loss = -(examples.targets * np.log(np.maximum(probabilities, 1e-7))).sum(axis=1)
    right = probabilities.argmax(axis=1) == examples.targets.argmax(axis=1)
    return float(loss.mean()), float(right.mean())


def _check_finite(loss: float, epoch: int, config: Config) -> None:
    if not math.isfinite(loss):
        raise Gz2interpError(
            f"The loss is not finite in epoch {epoch + 1}",
            remedy=f"A lower learning_rate than {config.learning_rate:g}, or a longer warm_up",
        )
