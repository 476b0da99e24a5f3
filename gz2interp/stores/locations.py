"""Where surveys live when nobody says where."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from gz2interp.errors import SurveyError, choices

__all__ = ["find_survey", "survey_paths", "surveys_folder"]


def surveys_folder() -> Path:
    """The folder of surveys: the variable GZ2INTERP_SURVEYS, else the platform's user data folder."""
    named = os.environ.get("GZ2INTERP_SURVEYS")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("gz2interp")) / "surveys"


def survey_paths(folder: Path | None = None) -> list[Path]:
    """The surveys in a folder, by default in `surveys_folder`, alphabetically."""
    return sorted(file.parent for file in (folder or surveys_folder()).glob("[!.]*/survey.json"))


def find_survey(name: str | Path) -> Path:
    """The path of a survey that is given as a path, or as a name in `surveys_folder`.

    Raises
    ------
    SurveyError
        There is neither.
    """
    for path in (Path(name).expanduser(), surveys_folder() / name):
        if (path / "survey.json").is_file():
            return path
    raise SurveyError(
        f"There is no survey {name}",
        f"A path, or one of {surveys_folder()}: {choices(path.name for path in survey_paths())}",
        "Run python -m trainer demo to make one",
    )
