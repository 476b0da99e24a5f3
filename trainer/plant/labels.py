"""``python -m trainer plant labels``: retraining on shuffled labels, for the label randomisation test.

A method whose maps are the same for a network trained on shuffled labels depends on the images, not on the network.

Ref. Adebayo et al. 2018, Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292

Notes on differences: in the paper, networks are trained until they fit most of the shuffled labels; here, for as many
epochs as the network they are compared with. The accuracy reached is in ``history.csv``.
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
    """Retrain a model on shuffled labels; an interrupted training is resumed, a finished one is returned.

    The settings are those of the model, except that the weights of the last epoch are kept, since the validation loss
    is lowest at the start, and that the network is not calibrated.

    Parameters
    ----------
    name : str, optional
        Of the model; by default the only one. The result is in its folder, ``planted/labels``.
    progress, stop : callable, optional
        As for `trainer.fit.fit`.

    Raises
    ------
    InputError
        There is no such model, it was not trained here, or the survey has changed since.
    SurveyLocked
        Another process is running the same training.
    trainer.training.TrainingStopped
        `stop` returned True.
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
            f"The training settings of the model {model.name} are unknown",
            "A model trained by python -m trainer fit in this survey",
            "Its explanations can still be compared with those of random weights",
        )
    if model.run["data_digest"] != survey.digest:
        raise InputError(
            f"{survey.name} has changed since the model {model.name} was trained",
            "The same galaxies, for a fair comparison",
            f"Train a model of the present survey: python -m trainer fit {survey.path} --name another",
        )
    return replace(Config.from_mapping(settings), keep="last", calibrate=False, patience=0)
