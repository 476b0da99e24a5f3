"""``gz2interp survey import``: a network or latents computed elsewhere, imported into a survey as a model."""

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
from gz2interp.stores.files import read_record, whole_folder, write_json
from gz2interp.stores.latents import Block, Latents, read_latents
from gz2interp.stores.models import ModelFolder, checked_model_name
from gz2interp.stores.reading import reading
from gz2interp.stores.survey import Survey
from gz2interp.workflows.models import unused
from gz2interp.workflows.study import Study

__all__ = ["ImportedLatents", "import_latents", "import_model"]


_NAME_KEYS: Final = ("class_names", "classes", "labels", "id2label", "label_names")
_MOST_CONFIGURATION: Final = 2**26
"""Bytes."""


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
        probe = Study(survey, ModelFolder(being_laid)).probe  # opens it, and says what does not fit
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
        from gz2interp.network.head import class_names_of  # loads TensorFlow

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


Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ImportedLatents:
    """What came of it.

    Attributes
    ----------
    model : ModelFolder
    galaxies, channels : int
        How many galaxies of the survey have latents, and of how many numbers each.
    missing : tuple of str
        Ids of the survey that the file has not; the first few.
    missing_count : int
    unknown : tuple of str
        Ids of the file that the survey has not; the first few.
    unknown_count : int
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
        """What there is to say."""
        told = [f"{self.galaxies:,} galaxies have latents of {self.channels} channels"]
        for count, ids, words in (
            (self.missing_count, self.missing, "galaxies of the survey are not in the file and are left out"),
            (self.unknown_count, self.unknown, "ids of the file are not in the survey and were passed over"),
        ):
            if count:
                told.append(f"{count:,} {words}: {', '.join(ids)}{', ...' if count > len(ids) else ''}")
        return tuple(told)


def import_latents(
    survey: Survey, file: str | Path, name: str, ids: str | Path | None = None, *, replace: bool = False
) -> ImportedLatents:
    """Keep latents as a model of the survey; neighbours and maps are then made of them as of a layer.

    They are read a block at a time and matched by id, exactly; their order does not matter.

    Parameters
    ----------
    survey : Survey
    file : path
        See `gz2interp.stores.latents.read_latents`.
    name : str
        In the survey.
    ids : path, optional
        Of a ``.npy`` file.
    replace : bool
        Take the place of a model of that name, whose results are removed.

    Raises
    ------
    InputError
        The file cannot be read, names no galaxy of the survey or one twice, or holds NaN.
    SurveyError
        The survey has something of that name already.
    """
    file, ids = Path(file).expanduser(), Path(ids).expanduser() if ids else None
    folder = survey.path / "models" / checked_model_name(name)
    if folder.exists() and not replace:
        raise SurveyError(
            f"{survey.name} has a model {name} already",
            remedy="Give another name with --name, or take its place with --replace",
        )
    gathered = _LatentRows(survey.galaxy_ids, file.name)
    making = whole_folder(folder, f"the model {name} of {survey.name}", replace=replace)
    with ExitStack() as stack, making as being_laid:
        gathered.take(read_latents(file, ids, list(survey.catalog.columns)), being_laid / "values.npy")
        rows = gathered.rows()
        Latents(being_laid).write(rows, gathered.values, {"file": file.name, "data": survey.digest})
        (being_laid / "values.npy").unlink()
        if folder.exists():
            stack.enter_context(unused(folder))  # until the new one has its place
    missing = np.flatnonzero(~gathered.filled)
    return ImportedLatents(
        model=ModelFolder(folder),
        galaxies=len(rows),
        channels=gathered.values.shape[1],
        missing=tuple(str(galaxy_id) for galaxy_id in survey.galaxy_ids[missing[:5]]),
        missing_count=len(missing),
        unknown=tuple(gathered.unknown),
        unknown_count=gathered.unknown_count,
    )


class _LatentRows:
    """Latents by the survey's rows, on disk while they are gathered."""

    def __init__(self, galaxy_ids: Ids, where: str) -> None:
        self._order = np.argsort(galaxy_ids, kind="stable")
        self._sorted = galaxy_ids[self._order]
        self._where = where
        self.filled = np.zeros(len(galaxy_ids), np.bool_)
        self.unknown: list[str] = []
        self.unknown_count = 0
        self._bad: list[str] = []
        self._twice: list[str] = []

    def take(self, blocks: Iterable[Block], aside: Path) -> None:
        """Put each block where its galaxies are."""
        for ids, values in blocks:
            if not hasattr(self, "values"):
                shape = len(self.filled), values.shape[1]
                self.values = new_memmap(aside, shape)
            if values.shape[1] != self.values.shape[1]:
                raise InputError(f"The vectors of {self._where} are not all of one length", "As many numbers for each")
            self._put(ids, values)

    def rows(self) -> Ids:
        """The rows that have latents, once all blocks have been taken and nothing was wrong with them."""
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

    def _put(self, ids: Ids, values: Floats) -> None:
        at = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
        known = self._sorted[at] == ids if len(self._sorted) else np.zeros(len(ids), np.bool_)
        strange = ids[~known]
        self.unknown += [str(each) for each in strange[: max(5 - len(self.unknown), 0)]]
        self.unknown_count += len(strange)
        rows, values, ids = self._order[at[known]], values[known], ids[known]
        self._bad += [str(each) for each in ids[~np.isfinite(values).all(axis=1)]]
        first = np.unique(rows, return_index=True)[1]
        again = self.filled[rows]
        again[np.setdiff1d(np.arange(len(rows)), first)] = True
        self._twice += [str(each) for each in ids[again]]
        self.values[rows] = values
        self.filled[rows] = True
