"""What all figures for papers have in common: fonts, sizes of text, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from gz2interp.errors import InputError, choices
from gz2interp.stores.files import replaced

__all__ = ["DPI", "FORMATS", "SMALL", "STYLE", "TEXT", "checked_format", "save_figure"]

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
    with mpl.rc_context(STYLE), replaced(path) as aside:
        figure.savefig(aside, dpi=dpi, metadata=metadata[suffix])
    with replaced(path.with_suffix(".txt")) as aside:
        aside.write_text(words + "\n", encoding="utf-8")
