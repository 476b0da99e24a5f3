"""The loop that teaches: it knows arrays and a network, no survey and no screen.

Killed at any moment and started again, it arrives at the very weights of an undisturbed run: everything that is random
follows from (seed, epoch, galaxy) or stands in the checkpoint, and an epoch cut short is done again from its start.
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
    """How far a training is.

    Attributes
    ----------
    epoch, epochs : int
        The one that runs, from 1.
    step, steps : int
        Batches done in this epoch.
    loss, accuracy : float
        Mean over the epoch so far.
    images_per_second : float
    validation_loss, validation_accuracy : float or None
        Known at the end of an epoch only.
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
    """The training was asked to stop; what it has learnt so far waits in its checkpoint."""


@dataclass(frozen=True, eq=False)
class TrainingInputs:
    """What is learnt from, and how.

    Attributes
    ----------
    train, validation : Examples
    config : Config
    sky_sigma : tuple of float, one per band
        Of the noise that augmentation may add.
    training : mapping
        What tells this training from another; a checkpoint of another is refused. JSON values.
    """

    train: Examples
    validation: Examples
    config: Config
    sky_sigma: tuple[float, ...]
    training: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class TrainingState:
    """Everything that changes while a network learns.

    Attributes
    ----------
    model : keras.Model
    loss : Loss
    optimizer : keras.Optimizer
    """

    model: Any
    loss: Loss
    optimizer: Any

    @property
    def variables(self) -> list[Any]:
        """The network's, and the loss's own."""
        return [*self.model.variables, *self.loss.variables]


def train(
    model: Any,
    lessons: TrainingInputs,
    checkpoint: Path,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
) -> tuple[Mapping[str, Any], ...]:
    """Teach the network, from its checkpoint on if there is one.

    It ends with the weights of its best epoch, or of its last, as the config says.

    Parameters
    ----------
    model : keras.Model
        Changed in place; it learns on the devices in whose scope it was made.
    lessons : TrainingInputs
    checkpoint : Path
        Replaced after each epoch; of several hosts, the chief does so.
    progress : callable, optional
        Called after each step and each epoch.
    stop : callable, optional
        Asked after each step whether to stop.

    Returns
    -------
    tuple of dict
        The history, one record an epoch.

    Raises
    ------
    TrainingStopped
        `stop` said so.
    InputError
        The checkpoint belongs to another training.
    """
    config = lessons.config
    with model.distribute_strategy.scope():
        optimizer, loss = optimizer_of(config), LOSSES[config.loss]()
        optimizer.build([*model.trainable_variables, *loss.variables])
    learnt = TrainingState(model, loss, optimizer)
    state = _begun(learnt, lessons, checkpoint)
    teach, answer = compiled_step(model, optimizer, loss), prediction_function(model)
    for epoch in range(state.epoch, config.epochs):
        if _enough(state, config.patience):
            break
        start = time.perf_counter()
        last = _epoch(teach, lessons, epoch, _teller(progress, stop))
        surprise, accuracy = _validation(answer, lessons.validation)
        done = replace(last, validation_loss=surprise, validation_accuracy=accuracy)
        state = _after_epoch(state, done, learnt, time.perf_counter() - start)
        if is_chief(config.devices):
            save_checkpoint(checkpoint, state)
        if progress is not None:
            progress(done)
    assign(learnt.variables, state.best if config.keep == "best" else state.network)
    return state.history


def _enough(state: Checkpoint, patience: int) -> bool:
    """Whether the validation loss has not fallen for as many epochs as one is patient."""
    losses = [record["validation_loss"] for record in state.history]
    return 0 < patience <= len(losses) - 1 - losses.index(min(losses)) if losses else False


def _begun(learnt: TrainingState, lessons: TrainingInputs, path: Path) -> Checkpoint:
    if not path.exists():
        weights = values_of(learnt.variables)
        return Checkpoint(0, lessons.training, (), weights, values_of(learnt.optimizer.variables), weights)
    state = load_checkpoint(path)
    check_same(state, lessons.training, path.parent.parent.name)
    assign(learnt.variables, state.network)
    assign(learnt.optimizer.variables, state.optimizer)
    return state


def _epoch(teach: Callable[..., Any], lessons: TrainingInputs, epoch: int, tell: ProgressCallback) -> TrainingProgress:
    config = lessons.config
    steps = batch_count(len(lessons.train), config.batch_size, config.seed, epoch)
    seen, sums, start = 0, np.zeros(2), time.perf_counter()
    now = TrainingProgress(epoch + 1, config.epochs, 0, steps, math.nan, math.nan, 0.0)
    for step, (images, targets) in enumerate(_batches(lessons, epoch), start=1):
        results = teach(images, targets, learning_rate(config, epoch + step / steps))
        sums += len(targets) * np.array([float(result) for result in results])
        seen += len(targets)
        _check_finite(sums[0], epoch, config)
        loss, accuracy = (float(value) for value in sums / seen)
        now = replace(now, step=step, loss=loss, accuracy=accuracy, images_per_second=_rate(seen, start))
        tell(now)
    return now


def _rate(seen: int, start: float) -> float:
    return seen / (time.perf_counter() - start)


def _teller(progress: ProgressCallback | None, stop: Callable[[], bool] | None) -> ProgressCallback:
    """Tells of a step, and then heeds a wish to stop."""

    def tell(now: TrainingProgress) -> None:
        if progress is not None:
            progress(now)
        if stop is not None and stop():
            raise TrainingStopped(
                f"The training was stopped in epoch {now.epoch} of {now.epochs}",
                f"{now.epoch - 1} whole epochs are kept in its checkpoint",
                "Start it again with the same settings to go on from there",
            )

    return tell


def _batches(lessons: TrainingInputs, epoch: int) -> Any:
    config = lessons.config
    return training_batches(
        lessons.train,
        config.augmentation,
        batch_size=config.batch_size,
        seed=config.seed,
        epoch=epoch,
        sky_sigma=lessons.sky_sigma,
        mixup=config.mixup,
    )


def _after_epoch(state: Checkpoint, done: TrainingProgress, learnt: TrainingState, seconds: float) -> Checkpoint:
    record = {
        "epoch": done.epoch,
        "loss": done.loss,
        "accuracy": done.accuracy,
        "validation_loss": done.validation_loss,
        "validation_accuracy": done.validation_accuracy,
        "learning_rate": float(learnt.optimizer.learning_rate.numpy()),
        "seconds": round(seconds, 3),
        "images_per_second": round(done.images_per_second, 1),
        **learnt.loss.learnt(),
    }
    weights = values_of(learnt.variables)
    better = all(record["validation_loss"] < earlier["validation_loss"] for earlier in state.history)
    return replace(
        state,
        epoch=done.epoch,
        history=(*state.history, record),
        network=weights,
        optimizer=values_of(learnt.optimizer.variables),
        best=weights if better else state.best,
    )


def _validation(answer: PredictionFunction, examples: Examples) -> tuple[float, float]:
    probabilities = predict(answer, examples.pixels, examples.rows)
    surprise = -(examples.targets * np.log(np.maximum(probabilities, 1e-7))).sum(axis=1)
    right = probabilities.argmax(axis=1) == examples.targets.argmax(axis=1)
    return float(surprise.mean()), float(right.mean())


def _check_finite(loss: float, epoch: int, config: Config) -> None:
    if not math.isfinite(loss):
        raise Gz2interpError(
            f"The loss is no longer a number in epoch {epoch + 1}",
            remedy=f"A lower learning_rate than {config.learning_rate:g}, or a longer warm_up",
        )
