"""The folder of surveys, and the survey for a path, a name or an address."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from gz2interp.errors import SurveyError, choices
from gz2interp.stores.header import SurveyLocation
from gz2interp.stores.remote import RemoteSurveyLocation, address_of, companion_of

__all__ = ["find_survey", "is_name", "location_of", "new_survey", "survey_paths", "surveys_folder", "writable_folder"]


def surveys_folder() -> Path:
    """The folder of surveys: environment variable GZ2INTERP_SURVEYS, else the platform's user data folder."""
    named = os.environ.get("GZ2INTERP_SURVEYS")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("gz2interp")) / "surveys"


def survey_paths(folder: Path | None = None) -> list[Path]:
    """The surveys in a folder, by default in `surveys_folder`, alphabetically."""
    return sorted(file.parent for file in (folder or surveys_folder()).glob("[!.]*/survey.json"))


def find_survey(name: str | Path) -> Path:
    """The folder of the survey for a path, a name in `surveys_folder`, or an address.

    For an address such as ``s3://bucket/survey`` it is the companion on this machine.

    Raises
    ------
    SurveyError
        There is none, or a name is both in the working folder and in `surveys_folder`.
    """
    if address_of(name):
        location = location_of(name)
        location.header()
        return location.folder
    path = _existing(name)
    if path is not None:
        return path
    names = [path.name for path in survey_paths()]
    raise SurveyError(
        f"There is no survey {name}",
        f"A path, an address, or one of {surveys_folder()}: {choices(names, like=name)}",
        "Run python -m trainer demo to make one",
    )


def new_survey(name: str | Path) -> Path:
    """The folder of a survey to create or continue.

    Parameters
    ----------
    name : str or Path
        A text without a separator is a name in `surveys_folder`, anything else a path.

    Raises
    ------
    SurveyError
        A name is both in the working folder and in `surveys_folder`, or it is an address.
    """
    if address_of(name):
        return writable_folder(name)
    return (_existing(name) or surveys_folder() / name) if is_name(name) else Path(name).expanduser()


def _existing(name: str | Path) -> Path | None:
    """The existing survey of a name, in the working folder or in `surveys_folder`."""
    places = [Path(name).expanduser(), *([surveys_folder() / name] if name else [])]
    existing = [path for path in places if (path / "survey.json").is_file()]
    if len(existing) == 2 and is_name(name) and not existing[0].samefile(existing[1]):
        raise SurveyError(
            f"{name} is a survey in the working folder, and another one in {surveys_folder()}",
            "One of them",
            f"Write {Path('.', name).absolute()} or {existing[1]}",
        )
    return existing[0] if existing else None


def is_name(name: str | Path) -> bool:
    """Whether it is a name: without a separator, and none of ``.``, ``..`` and ``~``."""
    separators = {os.sep, os.altsep or os.sep}
    text = str(name)
    return isinstance(name, str) and bool(text.strip(".")) and text[:1] != "~" and not separators & set(text)


def location_of(path: str | Path) -> SurveyLocation:
    """The location of a path or an address, which need not exist.

    Raises
    ------
    InputError
        The address is invalid: see `gz2interp.stores.remote.address_of`.
    """
    address = address_of(path)
    if address:
        return companion_of(address, surveys_folder().absolute())
    folder = Path(path).expanduser().absolute()
    return RemoteSurveyLocation.of(folder) or SurveyLocation(folder)


def writable_folder(path: str | Path) -> Path:
    """The folder of a survey that is to be written.

    Raises
    ------
    SurveyError
        It is an address or a companion: surveys are written on this machine only.
    """
    location = location_of(path)
    if location.address:
        raise SurveyError(
            f"{location.address} was to be written",
            "A folder on this machine: addresses are only read",
            "Make the survey here, and copy its folder there when it is done",
        )
    return location.folder
