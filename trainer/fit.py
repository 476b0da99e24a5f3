"""Training of a network on a survey, and storage of the model with its record, history and predictions."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import tf
from gz2interp.results import versions_of
from gz2interp.schema import DISPLAY_UNIT, pixel_unit
from gz2interp.stores.files import atomic_write, digest_of_file, locked, write_json
from gz2interp.stores.models import ModelFolder, check_model_name
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import write_table
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Study
from trainer.calibration import apply_temperature, temperature
from trainer.catalog.tree import vote_counts
from trainer.config import Config
from trainer.dataset import Examples, PixelSource, in_memory
from trainer.devices import barrier, hosts_together, is_chief, strategy_for
from trainer.networks import build_network
from trainer.plan import TrainingPlan, plan_training
from trainer.precision import recast
from trainer.predict import predict as predict_pixels
from trainer.predict import prediction_function
from trainer.process import configure_process, threads_in_use
from trainer.scaling import sky_noise
from trainer.start import IMAGENET, load_imagenet_weights, start_file, transfer_weights
from trainer.step import weighted_targets
from trainer.training import ProgressCallback, TrainingInputs, TrainingProgress, train

__all__ = ["fit", "fit_shuffled"]

SKY_SAMPLE = 512
"""Number of training galaxies used to measure the sky noise."""
SHUFFLE_STREAM = 3
"""Stream of the permutation of labels, distinct from those of order and augmentation."""


def fit(
    survey: Survey,
    name: str,
    config: Config,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
) -> ModelFolder:
    """Train a network, or resume an interrupted training of that name.

    Parameters
    ----------
    name : str
        Name of the new model; its folder is ``models/NAME`` in the survey.
    progress : callable, optional
        Called with a `trainer.training.TrainingProgress` after each step and each epoch.
    stop : callable, optional
        Called after each step; True ends the training.

    Returns
    -------
    ModelFolder
        With ``model.keras``, ``run.json``, ``history.csv`` and ``predictions.parquet``.

    Raises
    ------
    InputError
        The name is in use, labels are missing or too few, or the unfinished training has other settings or data.
    SurveyLocked
        Another process is training a model of that name.
    trainer.training.TrainingStopped
        `stop` returned True.
    """
    lock = _training_lock(survey.path / "models", name) if is_chief(config.devices) else nullcontext()
    with lock, hosts_together(config.devices):
        return _fit(survey, _folder_for(survey, name), config, progress, stop)


def fit_shuffled(
    survey: Survey,
    folder: Path,
    config: Config,
    record: Mapping[str, Any],
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
) -> ModelFolder:
    """Train a network on labels permuted among the training galaxies, in a separate folder.

    Parameters
    ----------
    folder : Path
        Not that of a model; an interrupted training in it is resumed.
    record : mapping
        JSON values that identify this training, stored in its ``run.json``.
    progress, stop
        As for `fit`.

    Raises
    ------
    InputError, SurveyLocked, trainer.training.TrainingStopped
        As `fit`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = _training_lock(folder.parent, folder.name) if is_chief(config.devices) else nullcontext()
    with lock, hosts_together(config.devices):
        return _fit(survey, folder, config, progress, stop, {"labels": "shuffled", **record})


def _fit(
    survey: Survey,
    folder: Path,
    config: Config,
    progress: ProgressCallback | None,
    stop: Callable[[], bool] | None,
    shuffled: Mapping[str, Any] | None = None,
) -> ModelFolder:
    config = _adapt_scaling(config, survey)
    configure_process(config.threads, config.seed)
    strategy = strategy_for(config.devices, config.batch_size)
    plan = plan_training(survey, config)
    sky_sigma = _sky_sigma(survey, plan)
    model = build_network(
        config.network,
        shape=survey.shape,
        class_count=len(plan.class_names),
        scaling=config.scaling,
        softening=sky_sigma,
        dropout=config.dropout,
    )
    start = _initialise(model, survey, config) | {"replicas": strategy.num_replicas_in_sync}
    inputs = _training_inputs(survey, plan, config, sky_sigma, start)
    inputs = inputs if shuffled is None else _shuffle_labels(inputs, shuffled)
    callback = _progress_callback(folder, config, progress) if is_chief(config.devices) else None
    trainee = _for_training(model, config, strategy)
    history = train(trainee, inputs, folder / "checkpoint" / "training.npz", callback, stop)
    if is_chief(config.devices):
        _store(survey, folder, plan, inputs, model if trainee is model else recast(trainee, "float32"), history)
    barrier(strategy)
    return ModelFolder(folder)


def _adapt_scaling(config: Config, survey: Survey) -> Config:
    """Replace the asinh scaling, which is for fluxes, in surveys of display images."""
    if survey.unit == DISPLAY_UNIT and config.scaling == "asinh":
        return replace(config, scaling="display")
    return config


def _for_training(model: Any, config: Config, strategy: Any) -> Any:
    """The network on the devices and in the precision of the training; the stored one is float32 on one device."""
    if config.devices == "one" and config.precision == "float32":
        return model
    with strategy.scope():
        return recast(model, config.precision, synchronized=strategy.num_replicas_in_sync > 1)


def _store(
    survey: Survey,
    folder: Path,
    plan: TrainingPlan,
    inputs: TrainingInputs,
    model: Any,
    history: Sequence[Mapping[str, Any]],
) -> None:
    degrees = _calibrate(model, inputs) if inputs.config.calibrate else 1.0
    _save(folder, model, history)
    write_json(folder / "run.json", _run(model, inputs, plan) | {"temperature": degrees})
    predict(Study(survey, ModelFolder(folder)), plan.parts())
    shutil.rmtree(folder / "checkpoint")  # last, because a checkpoint marks an unfinished training


def _training_lock(models: Path, name: str) -> AbstractContextManager[None]:
    """Lock against another training of the same name."""
    check_model_name(name)
    return locked(models / f".{name}.lock", f"training the model {name!r} of {models.parent}")


def _folder_for(survey: Survey, name: str) -> Path:
    folder = survey.path / "models" / name
    if (folder / "model.keras").exists() and not (folder / "checkpoint").exists():
        raise InputError(
            f"{survey.name} already has a model {name!r}", remedy=f"Choose another name, or remove {folder}"
        )
    return folder


def _sky_sigma(survey: Survey, plan: TrainingPlan) -> tuple[float, ...]:
    rows = plan.rows("train")
    sample = rows[np.unique(np.linspace(0, len(rows) - 1, SKY_SAMPLE).astype(np.int64))]
    return tuple(float(sigma) for sigma in sky_noise(survey.images(sample), survey.valid(sample)))


def _initialise(model: Any, survey: Survey, config: Config) -> dict[str, Any]:
    """Transfer weights if the config has a start, and return its record."""
    if not config.start:
        return {}
    if config.start == IMAGENET:
        return {"start": {"digest": IMAGENET, "fresh_layers": list(load_imagenet_weights(model))}}
    file = start_file(survey, config.start)
    return {"start": {"digest": digest_of_file(file), "fresh_layers": list(transfer_weights(model, file))}}


def _calibrate(model: Any, inputs: TrainingInputs) -> float:
    validation = inputs.validation
    probabilities = predict_pixels(prediction_function(model), validation.pixels, validation.rows)
    degrees = temperature(probabilities, validation.targets)
    apply_temperature(model, degrees)
    return degrees


def _training_inputs(
    survey: Survey, plan: TrainingPlan, config: Config, sky_sigma: tuple[float, ...], start: dict[str, Any]
) -> TrainingInputs:
    rows = {side: plan.rows(side) for side in ("train", "validation")}
    pixels = in_memory(survey, np.sort(np.concatenate(list(rows.values()))))
    train_examples, validation = (_examples(pixels, plan, rows[side]) for side in ("train", "validation"))
    training = {
        "config": config.to_json(),
        "class_names": list(plan.class_names),
        "bands": list(survey.bands),
        "data_digest": survey.digest,
        "threads": threads_in_use(),
        **start,
    }
    targets = weighted_targets(train_examples.targets, config.label_smoothing, config.class_balance)
    if config.loss == "votes":
        votes = vote_counts(survey.catalog.iloc[rows["train"]])
        targets, training["votes"] = np.concatenate([targets, votes.counts], axis=1), votes.words
    train_examples = replace(train_examples, targets=targets)
    return TrainingInputs(train_examples, validation, config, sky_sigma, training)


def _shuffle_labels(inputs: TrainingInputs, record: Mapping[str, Any]) -> TrainingInputs:
    """Permute the targets among the training galaxies."""
    targets, seed = inputs.train.targets, inputs.config.seed
    permuted = targets[np.random.default_rng([seed, SHUFFLE_STREAM]).permutation(len(targets))]
    return replace(inputs, train=replace(inputs.train, targets=permuted), training={**inputs.training, **dict(record)})


def _examples(pixels: PixelSource, plan: TrainingPlan, rows: Any) -> Examples:
    return Examples(pixels, rows, plan.targets.distributions[rows])


def _run(model: Any, inputs: TrainingInputs, plan: TrainingPlan) -> dict[str, Any]:
    config = inputs.config
    return {
        **inputs.training,
        **plan.to_json(),
        "label_scheme": config.scheme,
        "logit_rule": Probe(model).logit_rule,
        "versions": versions_of("gz2interp", "keras", "numpy", "tensorflow"),
        "weights_digest": _weights_digest(model),
        "scaling": {
            "kind": config.scaling,
            "sky_sigma": list(inputs.sky_sigma),
            "unit": pixel_unit(inputs.training["bands"]),
        },
    }


def _weights_digest(model: Any) -> str:
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()[:16]


def _save(folder: Path, model: Any, history: Sequence[Mapping[str, Any]]) -> None:
    with atomic_write(folder / "model.keras") as aside:
        model.save(aside)
    write_table(folder / "history.csv", pd.DataFrame(history))


def _scalars() -> Any:
    """Metadata of scalar series for TensorBoard; `tf.summary.scalar` would need TensorBoard installed."""
    metadata = tf.compat.v1.SummaryMetadata
    return metadata(plugin_data=metadata.PluginData(plugin_name="scalars"))


def _progress_callback(folder: Path, config: Config, progress: ProgressCallback | None) -> ProgressCallback | None:
    """The user's callback, combined with that of TensorBoard if configured."""
    if not config.tensorboard:
        return progress
    series = _scalars()
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def callback(now: TrainingProgress) -> None:
        if now.validation_loss is not None:
            with writer.as_default(step=now.epoch):
                for quantity in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
                    tf.summary.write(quantity, np.float32(getattr(now, quantity)), metadata=series)
            writer.flush()
        if progress is not None:
            progress(now)

    return callback
