"""The style of figures for papers: widths of journals, background, axes, fonts, and how files are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from gz2interp.errors import InputError, choices
from gz2interp.stores.files import atomic_write

__all__ = [
    "AXES",
    "DPI",
    "FORMATS",
    "JOURNALS",
    "RGB",
    "SMALL",
    "STYLE",
    "STYLES",
    "TALLEST",
    "TEXT",
    "FigureSize",
    "FigureStyle",
    "JournalWidths",
    "checked_format",
    "save_figure",
]


POINT: Final = 1 / 72.27
"""TeX's point in inches."""

TALLEST: Final = 8.8
"""Inches: the text of all three journals is taller, so that some lines of a caption have room beneath."""


@dataclass(frozen=True)
class JournalWidths:
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
    "mnras": JournalWidths("MNRAS", 240 * POINT, 504 * POINT),
    "apj": JournalWidths("ApJ", 242.26653 * POINT, 513.11743 * POINT),
    "aa": JournalWidths("A&A", 88 / 25.4, 180 / 25.4),
}
"""MNRAS: mnras.cls 3.0 (20 and 42 pica); ApJ: aastex, twocolumn; A&A: aanda.org, "For authors" (88 and 180 mm)."""


@dataclass(frozen=True)
class FigureSize:
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


RGB: Final = "rgb"
STYLES: Final = ("map", "overlay", "contours")
AXES: Final = ("scale", "wcs")


@dataclass(frozen=True)
class FigureStyle:
    """How a figure is drawn.

    Attributes
    ----------
    page : FigureSize
    style : str
        ``"map"``: the map alone, with the galaxy's isophotes; ``"overlay"``: over an image, opaque where it is strong;
        ``"contours"``: as lines on an image.
    on : str
        The image beneath: ``"rgb"``, or a band.
    axes : str
        ``"scale"``: a bar in arcsec and a compass; ``"wcs"``: right ascension and declination.

    Raises
    ------
    InputError
        The style or the axes are others.
    """

    page: FigureSize = field(default_factory=FigureSize)
    style: str = "map"
    on: str = RGB
    axes: str = "scale"

    def __post_init__(self) -> None:
        for what, value, options in (("style", self.style, STYLES), ("axes", self.axes, AXES)):
            if value not in options:
                raise InputError(f"The {what} {value!r} was given", f"One of {choices(options)}")

    def ground(self, bands: Sequence[str]) -> int | None:
        """The place of the band beneath the map; None for the colour image.

        Raises
        ------
        InputError
            The galaxies have no such band.
        """
        if self.on == RGB:
            return None
        if self.on not in bands:
            raise InputError(f"The image {self.on!r} was given", f"One of {choices((RGB, *bands))}")
        return list(bands).index(self.on)


FORMATS: Final = (".pdf", ".svg", ".png")
DPI: Final = 300
"""Of a PNG, as journals ask for at the printed size."""

SMALL, TEXT = 6.0, 7.0
"""Points. Nothing in a figure is smaller than the first."""

STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.linewidth": 0.5,
    "hatch.linewidth": 0.4,
    "pdf.fonttype": 42,  # text stays text, and journals accept the embedded fonts
    "svg.fonttype": "path",  # SVG embeds no font that programs agree on: the letters' outlines are in the file
    "svg.hashsalt": "gz2interp",  # without it, element ids differ from run to run
}


def checked_format(path: Path) -> str:
    """The suffix of a figure's file.

    Raises
    ------
    InputError
        It is none of `FORMATS`.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"The figure {path.name} was asked for", f"The suffix may be {choices(FORMATS)}")
    return suffix


def save_figure(figure: Figure, path: Path, words: str, dpi: int = DPI) -> None:
    """Write PDF, SVG or PNG by suffix, with the caption inside the file and beside it as text; same input, same bytes.

    Parameters
    ----------
    figure : Figure
    path : Path
    words : str
        The caption.
    dpi : int, optional
        Of a PNG.

    Raises
    ------
    InputError
        The suffix is another one.
    """
    metadata: dict[str, dict[str, Any]] = {
        ".pdf": {"Subject": words, "CreationDate": None, "Producer": "gz2interp"},
        ".svg": {"Description": words, "Date": None},
        ".png": {"Description": words},
    }
    suffix = checked_format(path)
    with mpl.rc_context(STYLE), atomic_write(path) as aside:
        figure.savefig(aside, dpi=dpi, metadata=metadata[suffix])
    with atomic_write(path.with_suffix(".txt")) as aside:
        aside.write_text(words + "\n", encoding="utf-8")
