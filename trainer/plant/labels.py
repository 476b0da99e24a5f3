"""``python -m trainer plant labels``: the same network taught nonsense, against which explanations are compared.

A method whose maps look the same for a network that has learnt shuffled labels shows the images, not the network.

Ref. Adebayo et al. 2018, Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292

Notes on differences: there, networks learn until they know most of the shuffled labels by heart; here, as long as the
network that they are compared with did, and what they have reached is in ``history.csv``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gz2interp.errors import InputError
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.fit import fit_shuffled
from trainer.training import ProgressCallback

__all__ = ["plant_labels"]


def plant_labels(
    survey: Survey,
    name: str | None = None,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
) -> ModelFolder:
    """Train a model's network again on shuffled labels; an interrupted training goes on, a finished one is left alone.

    All settings are those of the model, but two: the last epoch's weights are kept, not those of the best on the
    validation side, and no temperature is looked for. Whoever learns nonsense is best before he has begun.

    Parameters
    ----------
    survey : Survey
    name : str, optional
        Of the model; by default the only one. The result is in its folder, ``planted/labels``.
    progress, stop : callable, optional
        As for `trainer.fit.fit`.

    Raises
    ------
    InputError
        There is no such model, it was not trained here, or the survey is no longer what it was trained on.
    SurveyLocked
        Another process is doing the same.
    trainer.training.TrainingStopped
        `stop` said so.
    """
    model = survey.model(name)
    done = model.label_randomised
    if done is not None:
        return ModelFolder(done.parent)
    config = _config_of(model, survey)
    record = {"of_model": model.digest, "of_name": model.name}
    return fit_shuffled(survey, model.label_randomised_folder, config, record, progress, stop)


def _config_of(model: ModelFolder, survey: Survey) -> Config:
    settings = model.run.get("config")
    if not settings or "data_digest" not in model.run:
        raise InputError(
            f"How the model {model.name} was trained is not known",
            "One that python -m trainer fit has trained in this survey",
            "Its explanations can still be compared with those of random weights",
        )
    if model.run["data_digest"] != survey.digest:
        raise InputError(
            f"{survey.name} is no longer what the model {model.name} was trained on",
            "The same galaxies, for a fair comparison",
            f"Train a model of the survey as it is now: python -m trainer fit {survey.path} --name another",
        )
    return replace(Config.from_mapping(settings), keep="last", calibrate=False, patience=0)
