"""``gz2interp survey import``: import a network, or latents computed elsewhere, into a survey as a model."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.stores.arrays import new_memmap
from gz2interp.stores.files import atomic_folder, read_record, write_json
from gz2interp.stores.latents import Block, Latents, read_latents
from gz2interp.stores.models import ModelFolder, check_model_name
from gz2interp.stores.reading import reading
from gz2interp.stores.survey import Survey
from gz2interp.workflows.models import exclusive_access
from gz2interp.workflows.study import Study

__all__ = ["ImportedLatents", "import_latents", "import_model"]


_NAME_KEYS: Final = ("class_names", "classes", "labels", "id2label", "label_names")
_MOST_CONFIGURATION: Final = 2**26
"""Largest configuration file that is searched for names [byte]."""

Ids = NDArray[np.int64]

Floats = NDArray[np.float32]


def import_model(
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
    file : Path
        A ``.keras`` file, or the folder of another survey's model, which also has the names of its classes.
    name : str
        In the survey; by default the name of the file.
    class_names : sequence of str
        In the order of the outputs; by default those of a ``run.json`` beside the file, or in the file itself: a list
        of as many names as there are classes, under a key such as ``class_names`` of its configuration.
    replace : bool
        Replace a model of that name, whose results are removed.
    ask_names : callable, optional
        Called with the number of classes where their names are unknown; without it they are "class 0", "class 1", ...

    Raises
    ------
    InputError
        There is no such file, it is no network for such cutouts, or the number of names is wrong.
    SurveyError
        The survey has a model of that name already.
    SurveyLocked
        The model to replace is in use.
    """
    file = file / "model.keras" if file.is_dir() else file
    if not file.is_file():
        raise InputError(f"There is no network {file}", "A .keras file, or a folder that holds model.keras")
    folder = _new_folder(
        survey, name or (file.parent.name if file.name == "model.keras" else file.stem), replace=replace
    )
    writing = atomic_folder(folder, f"the model {folder.name} of {survey.name}", replace=replace)
    with ExitStack() as stack, writing as aside:
        _copy(file, aside, class_names)
        probe = Study(survey, ModelFolder(aside)).probe  # checks bands and shape
        if not ModelFolder(aside).class_names:
            _name_classes(aside, len(probe.class_names), ask_names)
        if folder.exists():
            stack.enter_context(exclusive_access(folder))  # until it is replaced
    return ModelFolder(folder)


def _new_folder(survey: Survey, name: str, *, replace: bool) -> Path:
    """The folder of a new model; raises SurveyError if it exists, unless it is replaced."""
    folder = survey.path / "models" / check_model_name(name)
    if folder.exists() and not replace:
        raise SurveyError(
            f"{survey.name} has a model {name} already",
            remedy="Give another name with --name, or replace it with --replace",
        )
    return folder


def _copy(file: Path, folder: Path, class_names: Sequence[str]) -> None:
    """Copy the network, and write a ``run.json`` with its classes and the record of its training, if there is one."""
    shutil.copyfile(file, folder / "model.keras")
    beside = file.with_name("run.json")
    record = read_record(beside, _training) if beside.is_file() else {}
    names = list(class_names) or list(record.get("class_names", ()))
    write_json(folder / "run.json", {"class_names": names, "trained_elsewhere": record})


def _name_classes(folder: Path, classes: int, ask_names: Callable[[int], Sequence[str]] | None) -> None:
    """Store the class names in the file of the network, or else those that `ask_names` returns."""
    fitting = [names for names in _names_in(folder / "model.keras") if len(names) == classes]
    names = next(iter(fitting), None) or (list(ask_names(classes)) if ask_names else [])
    if names:
        from gz2interp.network.head import class_names_of  # loads TensorFlow

        class_names_of(names, classes)
        write_json(folder / "run.json", read_record(folder / "run.json", dict) | {"class_names": names})


def _names_in(file: Path) -> list[list[str]]:
    """Lists of names in the configuration of a ``.keras`` file, under one of `_NAME_KEYS`."""
    names: list[list[str]] = []
    with reading(file), zipfile.ZipFile(file) as archive:
        for part in ("metadata.json", "config.json"):
            if part in archive.namelist() and archive.getinfo(part).file_size <= _MOST_CONFIGURATION:
                names += _lists_of_names(json.loads(archive.read(part)))
    return names


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
    """The record in a ``run.json``, whose class names are checked."""
    names = record.get("class_names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"its class names are {str(names)[:60]}")
    return dict(record)


@dataclass(frozen=True)
class ImportedLatents:
    """Imported latents, and the galaxies that could not be matched.

    Attributes
    ----------
    galaxies, channels : int
        Number of galaxies of the survey with latents, and of channels.
    missing : tuple of str
        The first few ids of the survey that are not in the file.
    unknown : tuple of str
        The first few ids of the file that are not in the survey.
    """

    model: ModelFolder
    galaxies: int
    channels: int
    missing: tuple[str, ...]
    missing_count: int
    unknown: tuple[str, ...]
    unknown_count: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in words."""
        sentences = [f"{self.galaxies:,} galaxies have latents of {self.channels} channels"]
        for count, ids, words in (
            (self.missing_count, self.missing, "galaxies of the survey are not in the file and are left out"),
            (self.unknown_count, self.unknown, "ids of the file are not in the survey and were ignored"),
        ):
            if count:
                sentences.append(f"{count:,} {words}: {', '.join(ids)}{', ...' if count > len(ids) else ''}")
        return tuple(sentences)


def import_latents(
    survey: Survey, file: str | Path, name: str, ids: str | Path | None = None, *, replace: bool = False
) -> ImportedLatents:
    """Store latents as a model of the survey, which can be analysed like a layer.

    They are read a block at a time and matched exactly by id, in any order.

    Parameters
    ----------
    file : path
        See `gz2interp.stores.latents.read_latents`.
    name : str
        In the survey.
    ids : path, optional
        A ``.npy`` file with the ids.
    replace : bool
        Replace a model of that name, whose results are removed.

    Raises
    ------
    InputError
        The file cannot be read, has no galaxy of the survey or one twice, or contains NaN.
    SurveyError
        The survey has a model of that name already.
    """
    file, ids = Path(file).expanduser(), Path(ids).expanduser() if ids else None
    folder = _new_folder(survey, name, replace=replace)
    matched = _LatentRows(survey.galaxy_ids, file.name)
    writing = atomic_folder(folder, f"the model {name} of {survey.name}", replace=replace)
    with ExitStack() as stack, writing as aside:
        matched.add(read_latents(file, ids, list(survey.catalog.columns)), aside / "values.npy")
        rows = matched.rows()
        Latents(aside).write(rows, matched.values, {"file": file.name, "data": survey.digest})
        (aside / "values.npy").unlink()
        if folder.exists():
            stack.enter_context(exclusive_access(folder))  # until it is replaced
    missing = np.flatnonzero(~matched.filled)
    return ImportedLatents(
        model=ModelFolder(folder),
        galaxies=len(rows),
        channels=matched.values.shape[1],
        missing=tuple(str(galaxy_id) for galaxy_id in survey.galaxy_ids[missing[:5]]),
        missing_count=len(missing),
        unknown=tuple(matched.unknown),
        unknown_count=matched.unknown_count,
    )


class _LatentRows:
    """Latents in the order of the survey's rows, in a memory map while they are read."""

    def __init__(self, galaxy_ids: Ids, where: str) -> None:
        self._order = np.argsort(galaxy_ids, kind="stable")
        self._sorted = galaxy_ids[self._order]
        self._where = where
        self.filled = np.zeros(len(galaxy_ids), np.bool_)
        self.unknown: list[str] = []
        self.unknown_count = 0
        self._bad: list[str] = []
        self._twice: list[str] = []

    def add(self, blocks: Iterable[Block], aside: Path) -> None:
        """Write each block to the rows of its galaxies."""
        for ids, values in blocks:
            if not hasattr(self, "values"):
                shape = len(self.filled), values.shape[1]
                self.values = new_memmap(aside, shape)
            if values.shape[1] != self.values.shape[1]:
                raise InputError(f"The vectors of {self._where} are not all of one length", "As many numbers for each")
            self._add_block(ids, values)

    def rows(self) -> Ids:
        """The rows that have latents, after all blocks have been added; raises InputError for invalid ones."""
        if self._bad:
            raise InputError(
                f"{len(self._bad)} galaxies of {self._where} have latents with NaN or infinity: {choices(self._bad)}",
                "Finite numbers",
                "Leave these galaxies out of the file",
            )
        if self._twice:
            raise InputError(
                f"{self._where} names {len(self._twice)} galaxies more than once: {choices(self._twice)}", "Each once"
            )
        if not self.filled.any():
            raise InputError(
                f"None of the {self.unknown_count} ids of {self._where} is in the survey",
                f"Ids such as {choices(self._sorted[:3])}; the file's begin with {choices(self.unknown)}",
            )
        return np.flatnonzero(self.filled)

    def _add_block(self, ids: Ids, values: Floats) -> None:
        at = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
        in_survey = self._sorted[at] == ids if len(self._sorted) else np.zeros(len(ids), np.bool_)
        unknown = ids[~in_survey]
        self.unknown += map(str, unknown[: max(5 - len(self.unknown), 0)])
        self.unknown_count += len(unknown)
        rows, values, ids = self._order[at[in_survey]], values[in_survey], ids[in_survey]
        self._bad += map(str, ids[~np.isfinite(values).all(axis=1)])
        first = np.unique(rows, return_index=True)[1]
        again = self.filled[rows]
        again[np.setdiff1d(np.arange(len(rows)), first)] = True
        self._twice += map(str, ids[again])
        self.values[rows] = values
        self.filled[rows] = True
