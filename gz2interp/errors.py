"""The errors a user can cause or meet, each told in one melody: what was given, what would do, what to try."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "CutoutUnavailable",
    "Gz2interpError",
    "InputError",
    "LayerNotFound",
    "SurveyError",
    "SurveyLocked",
    "choices",
    "shortened",
]


class Gz2interpError(Exception):
    """Base of every error that is meant to be read by a person.

    Parameters
    ----------
    given : str
        What was given or found, in words.
    wanted : str
        What would have been right.
    remedy : str
        What to try next.

    Notes
    -----
    The command line and the dashboard print the message alone; anything that is not a `Gz2interpError` is a defect of
    ours and keeps its traceback.
    """

    def __init__(self, given: str, wanted: str = "", remedy: str = "") -> None:
        self.given, self.wanted, self.remedy = given, wanted, remedy
        super().__init__(" ".join(_sentence(part) for part in (given, wanted, remedy) if part))

    def __reduce__(self) -> tuple[type[Gz2interpError], tuple[str, str, str]]:
        return type(self), (self.given, self.wanted, self.remedy)


class InputError(Gz2interpError):
    """A file, a value or an option is not what it should be."""


class SurveyError(Gz2interpError):
    """A survey folder is missing, damaged, or lacks what was asked of it."""


class SurveyLocked(SurveyError):
    """Another process is writing the survey."""


class LayerNotFound(InputError):
    """The network has no layer of that name."""


class CutoutUnavailable(Gz2interpError):
    """A source has no image of this galaxy.

    Parameters
    ----------
    status : str
        One of `gz2interp.schema.STATUSES` except ``"ok"``.
    reason : str
        Why, in plain words; it is stored beside the galaxy and shown to the user.
    """

    def __init__(self, status: str, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(reason)

    def __reduce__(self) -> tuple[type[CutoutUnavailable], tuple[str, str]]:  # type: ignore[override]
        return type(self), (self.status, self.reason)


def choices(names: Iterable[object], most: int = 12) -> str:
    """A readable list of what may be chosen, cut after `most` names."""
    listed = [str(name) for name in names]
    if not listed:
        return "none"
    shown = ", ".join(listed[:most])
    return shown if len(listed) <= most else f"{shown}, ... ({len(listed)} in all)"


def shortened(text: str, most: int = 60) -> str:
    """The text, or its beginning, short enough for a message."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":")) else text + "."
