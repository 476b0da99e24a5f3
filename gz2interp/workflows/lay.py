"""``gz2interp survey import``: lay a network that was trained elsewhere into a survey."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gz2interp.errors import InputError, SurveyError
from gz2interp.stores.files import read_record, whole_folder, write_json
from gz2interp.stores.models import ModelFolder, checked_model_name
from gz2interp.stores.survey import Survey
from gz2interp.workflows.opening import Subject

__all__ = ["lay_model"]


def lay_model(survey: Survey, file: Path, name: str = "", class_names: Sequence[str] = ()) -> ModelFolder:
    """Copy a network into a survey, so that it can be run over its galaxies and explained.

    Parameters
    ----------
    survey : Survey
    file : Path
        A ``.keras`` file, or the folder of another survey's model, which also knows its classes' names.
    name : str
        In the survey; by default the file's own.
    class_names : sequence of str
        In the order of the outputs; by default those of a ``run.json`` beside the file.

    Raises
    ------
    InputError
        There is no such file, it is no network for such cutouts, or the number of names is wrong.
    SurveyError
        The survey has something of that name already.
    """
    file = file / "model.keras" if file.is_dir() else file
    if not file.is_file():
        raise InputError(f"There is no network {file}", "A .keras file, or a folder that holds model.keras")
    chosen = checked_model_name(name or (file.parent.name if file.name == "model.keras" else file.stem))
    folder = survey.path / "models" / chosen
    if folder.exists():
        raise SurveyError(f"{survey.name} has a model {chosen} already", remedy="Give another name with --name")
    with whole_folder(folder, f"the model {chosen} of {survey.name}") as being_laid:
        _copy(file, being_laid, class_names)
        Subject(survey, ModelFolder(being_laid)).probe  # noqa: B018 - opens it, and says what does not fit
    return ModelFolder(folder)


def _copy(file: Path, folder: Path, class_names: Sequence[str]) -> None:
    """The network and, in a ``run.json`` of its own, its classes and whatever is told of its training elsewhere."""
    shutil.copyfile(file, folder / "model.keras")
    beside = file.with_name("run.json")
    told = read_record(beside, _training) if beside.is_file() else {}
    names = list(class_names) or list(told.get("class_names", ()))
    write_json(folder / "run.json", {"class_names": names, "trained_elsewhere": told})


def _training(record: Any) -> dict[str, Any]:
    """What a ``run.json`` says, if its class names are names."""
    names = record.get("class_names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"its class names are {str(names)[:60]}")
    return dict(record)
