"""``gz2interp survey import``: lay a network that was trained elsewhere into a survey."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from gz2interp.errors import InputError, SurveyError
from gz2interp.network.head import class_names_of
from gz2interp.stores.files import read_record, whole_folder, write_json
from gz2interp.stores.models import ModelFolder, checked_model_name
from gz2interp.stores.reading import reading
from gz2interp.stores.survey import Survey
from gz2interp.workflows.models import unused
from gz2interp.workflows.opening import Subject

__all__ = ["lay_model"]

_NAME_KEYS: Final = ("class_names", "classes", "labels", "id2label", "label_names")
_MOST_CONFIGURATION: Final = 2**26
"""Bytes."""


def lay_model(
    survey: Survey,
    file: Path,
    name: str = "",
    class_names: Sequence[str] = (),
    *,
    replace: bool = False,
    ask_names: Callable[[int], Sequence[str]] | None = None,
) -> ModelFolder:
    """Copy a network into a survey, so that it can be run over its galaxies and explained.

    Parameters
    ----------
    survey : Survey
    file : Path
        A ``.keras`` file, or the folder of another survey's model, which also knows its classes' names.
    name : str
        In the survey; by default the file's own.
    class_names : sequence of str
        In the order of the outputs; by default those of a ``run.json`` beside the file, or in the file itself: a list
        of as many names as there are classes, under a key such as ``class_names`` of its configuration.
    replace : bool
        Take the place of a model of that name, whose results are removed.
    ask_names : callable, optional
        Called with the number of classes where their names are not known; without it they are "class 0", "class 1", ...

    Raises
    ------
    InputError
        There is no such file, it is no network for such cutouts, or the number of names is wrong.
    SurveyError
        The survey has something of that name already.
    SurveyLocked
        The model that is to be replaced is in use.
    """
    file = file / "model.keras" if file.is_dir() else file
    if not file.is_file():
        raise InputError(f"There is no network {file}", "A .keras file, or a folder that holds model.keras")
    chosen = checked_model_name(name or (file.parent.name if file.name == "model.keras" else file.stem))
    folder = survey.path / "models" / chosen
    if folder.exists() and not replace:
        raise SurveyError(
            f"{survey.name} has a model {chosen} already",
            remedy="Give another name with --name, or take its place with --replace",
        )
    making = whole_folder(folder, f"the model {chosen} of {survey.name}", replace=replace)
    with ExitStack() as stack, making as being_laid:
        _copy(file, being_laid, class_names)
        probe = Subject(survey, ModelFolder(being_laid)).probe  # opens it, and says what does not fit
        if not ModelFolder(being_laid).class_names:
            _name_classes(being_laid, len(probe.class_names), ask_names)
        if folder.exists():
            stack.enter_context(unused(folder))  # until the new one has its place
    return ModelFolder(folder)


def _copy(file: Path, folder: Path, class_names: Sequence[str]) -> None:
    """The network and, in a ``run.json`` of its own, its classes and whatever is told of its training elsewhere."""
    shutil.copyfile(file, folder / "model.keras")
    beside = file.with_name("run.json")
    told = read_record(beside, _training) if beside.is_file() else {}
    names = list(class_names) or list(told.get("class_names", ()))
    write_json(folder / "run.json", {"class_names": names, "trained_elsewhere": told})


def _name_classes(folder: Path, classes: int, ask_names: Callable[[int], Sequence[str]] | None) -> None:
    """Write down the names that the file of the network holds, or else those that are asked for."""
    fitting = [names for names in _names_in(folder / "model.keras") if len(names) == classes]
    names = next(iter(fitting), None) or (list(ask_names(classes)) if ask_names else [])
    if names:
        class_names_of(names, classes)
        write_json(folder / "run.json", read_record(folder / "run.json", dict) | {"class_names": names})


def _names_in(file: Path) -> list[list[str]]:
    """Lists of names in the configuration of a ``.keras`` file, under a key that says that they are of classes."""
    found: list[list[str]] = []
    with reading(file), zipfile.ZipFile(file) as archive:
        for part in ("metadata.json", "config.json"):
            if part in archive.namelist() and archive.getinfo(part).file_size <= _MOST_CONFIGURATION:
                found += _lists_of_names(json.loads(archive.read(part)))
    return found


def _lists_of_names(value: Any) -> Iterator[list[str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _NAME_KEYS and isinstance(inner, list) and all(isinstance(name, str) for name in inner):
                yield inner
            elif key in _NAME_KEYS and isinstance(inner, dict) and {"0"} <= set(inner):  # {"0": "smooth", ...}
                yield [
                    str(inner[number]) for number in sorted(inner, key=lambda word: int(word) if word.isdigit() else 0)
                ]
            else:
                yield from _lists_of_names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _lists_of_names(inner)


def _training(record: Any) -> dict[str, Any]:
    """What a ``run.json`` says, if its class names are names."""
    names = record.get("class_names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"its class names are {str(names)[:60]}")
    return dict(record)
