"""Where surveys live when nobody says where, and what is meant by a path, a name or an address."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from gz2interp.errors import SurveyError, choices
from gz2interp.stores.header import SurveyLocation
from gz2interp.stores.remote import RemoteSurveyLocation, address_of, companion_of

__all__ = ["find_survey", "here", "is_bare", "new_survey", "place_of", "survey_paths", "surveys_folder"]


def surveys_folder() -> Path:
    """The folder of surveys: the variable GZ2INTERP_SURVEYS, else the platform's user data folder."""
    named = os.environ.get("GZ2INTERP_SURVEYS")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("gz2interp")) / "surveys"


def survey_paths(folder: Path | None = None) -> list[Path]:
    """The surveys in a folder, by default in `surveys_folder`, alphabetically."""
    return sorted(file.parent for file in (folder or surveys_folder()).glob("[!.]*/survey.json"))


def find_survey(name: str | Path) -> Path:
    """The folder of a survey that is given as a path, as a name in `surveys_folder`, or as an address.

    For an address such as ``s3://bucket/survey`` it is the folder on this machine that stands for it.

    Raises
    ------
    SurveyError
        There is none of them, or a name is both in the working folder and in `surveys_folder`.
    """
    if address_of(name):
        place = place_of(name)
        place.header()
        return place.folder
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
    """The folder of a survey that is to be made or gone on with: a name is one in `surveys_folder`, as elsewhere.

    Parameters
    ----------
    name : str or Path
        A text without a separator is a name, anything else a path.

    Raises
    ------
    SurveyError
        A name is both in the working folder and in `surveys_folder`, or it is an address.
    """
    if address_of(name):
        return here(name)
    return (_existing(name) or surveys_folder() / name) if is_bare(name) else Path(name).expanduser()


def _existing(name: str | Path) -> Path | None:
    """The survey that is there, in the working folder or by its name in the surveys' folder."""
    places = [Path(name).expanduser(), *([surveys_folder() / name] if name else [])]
    there = [path for path in places if (path / "survey.json").is_file()]
    if len(there) == 2 and is_bare(name) and not there[0].samefile(there[1]):
        raise SurveyError(
            f"{name} is a survey in the working folder, and another one in {surveys_folder()}",
            "One of them",
            f"Write {Path('.', name).absolute()} or {there[1]}",
        )
    return there[0] if there else None


def is_bare(name: str | Path) -> bool:
    """Whether it is a name: without a separator, and neither the folder one is in nor one's home."""
    separators = {os.sep, os.altsep or os.sep}
    text = str(name)
    return isinstance(name, str) and bool(text.strip(".")) and text[:1] != "~" and not separators & set(text)


def place_of(path: str | Path) -> SurveyLocation:
    """The place that a path or an address names; what is there is not looked at.

    Raises
    ------
    InputError
        An address holds what it should not.
    """
    address = address_of(path)
    if address:
        return companion_of(address, surveys_folder().absolute())
    folder = Path(path).expanduser().absolute()
    return RemoteSurveyLocation.of(folder) or SurveyLocation(folder)


def here(path: str | Path) -> Path:
    """The path itself, of something that is to be written.

    Raises
    ------
    SurveyError
        It is an address, or stands for one: surveys are written on this machine only.
    """
    place = place_of(path)
    if place.address:
        raise SurveyError(
            f"{place.address} was to be written",
            "A folder on this machine: what is elsewhere is only read",
            "Make the survey here, and copy its folder there when it is done",
        )
    return place.folder
