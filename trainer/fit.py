"""Train a network on a survey, and leave a folder in which it can be opened, judged and explained."""

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
from gz2interp.stores.files import digest_of_file, locked, replaced, write_json
from gz2interp.stores.models import ModelFolder, checked_model_name
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

MEASURED = 512
"""Training galaxies of which the noise of the sky is measured."""
SHUFFLE = 3
"""Beside the seed, so that labels are not dealt by the numbers that order or augment the galaxies."""


def fit(
    survey: Survey,
    name: str,
    config: Config,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
) -> ModelFolder:
    """Train a network; an interrupted training of that name goes on where it stopped.

    Parameters
    ----------
    survey : Survey
    name : str
        Of the new model; its folder is ``models/NAME`` in the survey.
    config : Config
    progress : callable, optional
        Receives a `trainer.training.TrainingProgress` after each step and each epoch.
    stop : callable, optional
        Asked after each step; True ends the training in good order.

    Returns
    -------
    ModelFolder
        With ``model.keras``, ``run.json``, ``history.csv`` and ``predictions.parquet``.

    Raises
    ------
    InputError
        The name is taken, labels are missing or too few, or the unfinished training has other settings or data.
    SurveyLocked
        Another process is training a model of that name.
    trainer.training.TrainingStopped
        `stop` said so.
    """
    alone = _alone(survey.path / "models", name) if is_chief(config.devices) else nullcontext()
    with alone, hosts_together(config.devices):
        return _fit(survey, _folder_for(survey, name), config, progress, stop)


def fit_shuffled(
    survey: Survey,
    folder: Path,
    config: Config,
    record: Mapping[str, Any],
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
) -> ModelFolder:
    """Train a network on labels that were dealt out anew among the training galaxies, in a folder of its own.

    Parameters
    ----------
    survey : Survey
    folder : Path
        Not one of a model; an interrupted training in it goes on.
    config : Config
    record : mapping
        What tells this training from another, kept in its ``run.json``. JSON values.
    progress, stop
        As for `fit`.

    Raises
    ------
    InputError, SurveyLocked, trainer.training.TrainingStopped
        As `fit`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    alone = _alone(folder.parent, folder.name) if is_chief(config.devices) else nullcontext()
    with alone, hosts_together(config.devices):
        return _fit(survey, folder, config, progress, stop, {"labels": "shuffled", **record})


def _fit(
    survey: Survey,
    folder: Path,
    config: Config,
    progress: ProgressCallback | None,
    stop: Callable[[], bool] | None,
    shuffled: Mapping[str, Any] | None = None,
) -> ModelFolder:
    config = _suited(config, survey)
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
    begun = _begun(model, survey, config) | {"replicas": strategy.num_replicas_in_sync}
    lessons = _lessons(survey, plan, config, sky_sigma, begun)
    lessons = lessons if shuffled is None else _shuffled(lessons, shuffled)
    heard = _listener(folder, config, progress) if is_chief(config.devices) else None
    learner = _learner(model, config, strategy)
    history = train(learner, lessons, folder / "checkpoint" / "training.npz", heard, stop)
    if is_chief(config.devices):
        _leave(survey, folder, plan, lessons, model if learner is model else recast(learner, "float32"), history)
    barrier(strategy)
    return ModelFolder(folder)


def _suited(config: Config, survey: Survey) -> Config:
    """The config with a scaling that fits the pixels: asinh is for fluxes, not for what was stretched for the eye."""
    if survey.unit == DISPLAY_UNIT and config.scaling == "asinh":
        return replace(config, scaling="display")
    return config


def _learner(model: Any, config: Config, strategy: Any) -> Any:
    """The network as it learns; the one that is kept is for one device, and float32."""
    if config.devices == "one" and config.precision == "float32":
        return model
    with strategy.scope():
        return recast(model, config.precision, synchronized=strategy.num_replicas_in_sync > 1)


def _leave(
    survey: Survey,
    folder: Path,
    plan: TrainingPlan,
    lessons: TrainingInputs,
    model: Any,
    history: Sequence[Mapping[str, Any]],
) -> None:
    degrees = _calibrate(model, lessons) if lessons.config.calibrate else 1.0
    _keep(folder, model, history)
    write_json(folder / "run.json", _run(model, lessons, plan) | {"temperature": degrees})
    predict(Study(survey, ModelFolder(folder)), plan.parts())
    shutil.rmtree(folder / "checkpoint")  # comes last: while it is there, the training is not over


def _alone(models: Path, name: str) -> AbstractContextManager[None]:
    """Nobody else trains a model of that name meanwhile."""
    checked_model_name(name)
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
    sample = rows[np.unique(np.linspace(0, len(rows) - 1, MEASURED).astype(np.int64))]
    return tuple(float(sigma) for sigma in sky_noise(survey.images(sample), survey.valid(sample)))


def _begun(model: Any, survey: Survey, config: Config) -> dict[str, Any]:
    """Weights from elsewhere, if the config asks for them, and what there is to say of it."""
    if not config.start:
        return {}
    if config.start == IMAGENET:
        return {"start": {"digest": IMAGENET, "fresh_layers": list(load_imagenet_weights(model))}}
    file = start_file(survey, config.start)
    return {"start": {"digest": digest_of_file(file), "fresh_layers": list(transfer_weights(model, file))}}


def _calibrate(model: Any, lessons: TrainingInputs) -> float:
    asked = lessons.validation
    degrees = temperature(predict_pixels(prediction_function(model), asked.pixels, asked.rows), asked.targets)
    apply_temperature(model, degrees)
    return degrees


def _lessons(
    survey: Survey, plan: TrainingPlan, config: Config, sky_sigma: tuple[float, ...], begun: dict[str, Any]
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
        **begun,
    }
    taught = weighted_targets(train_examples.targets, config.label_smoothing, config.class_balance)
    if config.loss == "votes":
        votes = vote_counts(survey.catalog.iloc[rows["train"]])
        taught, training["votes"] = np.concatenate([taught, votes.counts], axis=1), votes.words
    train_examples = replace(train_examples, targets=taught)
    return TrainingInputs(train_examples, validation, config, sky_sigma, training)


def _shuffled(lessons: TrainingInputs, record: Mapping[str, Any]) -> TrainingInputs:
    """The same galaxies to learn from, each with the answer of another."""
    targets, seed = lessons.train.targets, lessons.config.seed
    dealt = targets[np.random.default_rng([seed, SHUFFLE]).permutation(len(targets))]
    return replace(lessons, train=replace(lessons.train, targets=dealt), training={**lessons.training, **dict(record)})


def _examples(pixels: PixelSource, plan: TrainingPlan, rows: Any) -> Examples:
    return Examples(pixels, rows, plan.targets.distributions[rows])


def _run(model: Any, lessons: TrainingInputs, plan: TrainingPlan) -> dict[str, Any]:
    config = lessons.config
    return {
        **lessons.training,
        **plan.to_json(),
        "label_scheme": config.scheme,
        "logit_rule": Probe(model).logit_rule,
        "versions": versions_of("gz2interp", "keras", "numpy", "tensorflow"),
        "weights_digest": _weights_digest(model),
        "scaling": {
            "kind": config.scaling,
            "sky_sigma": list(lessons.sky_sigma),
            "unit": pixel_unit(lessons.training["bands"]),
        },
    }


def _weights_digest(model: Any) -> str:
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()[:16]


def _keep(folder: Path, model: Any, history: Sequence[Mapping[str, Any]]) -> None:
    with replaced(folder / "model.keras") as aside:
        model.save(aside)
    write_table(folder / "history.csv", pd.DataFrame(history))


def _scalars() -> Any:
    """What TensorBoard reads a series by; `tf.summary.scalar`, which writes the same, wants TensorBoard installed."""
    metadata = tf.compat.v1.SummaryMetadata
    return metadata(plugin_data=metadata.PluginData(plugin_name="scalars"))


def _listener(folder: Path, config: Config, progress: ProgressCallback | None) -> ProgressCallback | None:
    """The user's listener, and TensorBoard's beside it if asked for."""
    if not config.tensorboard:
        return progress
    series = _scalars()
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def listen(now: TrainingProgress) -> None:
        if now.validation_loss is not None:
            with writer.as_default(step=now.epoch):
                for quantity in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
                    tf.summary.write(quantity, np.float32(getattr(now, quantity)), metadata=series)
            writer.flush()
        if progress is not None:
            progress(now)

    return listen
