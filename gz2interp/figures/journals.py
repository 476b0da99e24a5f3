"""How wide a figure may be in a journal, and how tall on any page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gz2interp.errors import InputError, choices

__all__ = ["JOURNALS", "TALLEST", "Journal", "Page"]

POINT: Final = 1 / 72.27
"""TeX's point in inches."""

TALLEST: Final = 8.8
"""Inches: the text of all three journals is taller, so that some lines of a caption have room beneath."""


@dataclass(frozen=True)
class Journal:
    """The widths of a journal's figures, in inches.

    Attributes
    ----------
    title : str
    column, text : float
        Of one column and of the whole text.
    """

    title: str
    column: float
    text: float


JOURNALS: Final = {
    "mnras": Journal("MNRAS", 240 * POINT, 504 * POINT),
    "apj": Journal("ApJ", 242.26653 * POINT, 513.11743 * POINT),
    "aa": Journal("A&A", 88 / 25.4, 180 / 25.4),
}
"""MNRAS: mnras.cls 3.0 (20 and 42 pica); ApJ: aastex, twocolumn; A&A: aanda.org, "For authors" (88 and 180 mm)."""


@dataclass(frozen=True)
class Page:
    """What a figure is made for.

    Attributes
    ----------
    journal : str
        One of `JOURNALS`.
    columns : int
        1 or 2.

    Raises
    ------
    InputError
        The journal or the number of columns is another one.
    """

    journal: str = "mnras"
    columns: int = 2

    def __post_init__(self) -> None:
        if self.journal not in JOURNALS:
            raise InputError(f"The journal {self.journal!r} was given", f"One of {choices(JOURNALS)}")
        if self.columns not in (1, 2):
            raise InputError(f"A figure of {self.columns} columns was asked for", "1 or 2")

    @property
    def width(self) -> float:
        """[inch]"""
        journal = JOURNALS[self.journal]
        return journal.column if self.columns == 1 else journal.text

    @property
    def is_narrow(self) -> bool:
        """One column."""
        return self.columns == 1

    def __str__(self) -> str:
        return f"{JOURNALS[self.journal].title}, {'one column' if self.is_narrow else 'two columns'}"
