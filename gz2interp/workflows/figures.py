"""``gz2interp figure``: figures for papers, each with its caption and its data, for one galaxy or many.

>>> list(LAYOUTS)
['galaxies', 'methods', 'right-wrong', 'repaint', 'neighbours', 'bands']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from gz2interp.errors import InputError, choices
from gz2interp.figures.style import checked_format
from gz2interp.painting import Alteration
from gz2interp.results import digest_of
from gz2interp.stores.files import read_json, write_json
from gz2interp.stores.survey import Survey
from gz2interp.workflows.figure_layouts import (
    draw_bands,
    draw_galaxies,
    draw_methods,
    draw_neighbours,
    draw_repaint,
    draw_right_wrong,
)
from gz2interp.workflows.figure_parts import Drawing, FigureSettings, stored_trust_line, write_drawing
from gz2interp.workflows.study import Progress, Study

__all__ = ["LAYOUTS", "Drawing", "FigureSettings", "draw_each", "draw_figure", "write_drawing"]


LAYOUTS: Final[dict[str, Callable[[Study, Sequence[int | str], FigureSettings], Drawing]]] = {
    "galaxies": draw_galaxies,
    "methods": draw_methods,
    "right-wrong": draw_right_wrong,
    "repaint": draw_repaint,
    "neighbours": draw_neighbours,
    "bands": draw_bands,
}


def draw_figure(study: Study, galaxy_ids: Sequence[int | str] = (), wish: FigureSettings | None = None) -> Drawing:
    """A figure for a paper, its caption and its data.

    Parameters
    ----------
    study : Study
    galaxy_ids : sequence of int or str
        "right-wrong" and "bands" choose for themselves if none is named.
    wish : FigureSettings, optional
        By default the galaxies through Grad-CAM, for two columns of MNRAS.

    Raises
    ------
    InputError
        The layout, a galaxy, a method, a class or an option is not known, or a page has no room.
    SurveyError
        A galaxy has no image, or the survey lacks what the layout needs; the error says what.
    """
    wish = wish or FigureSettings()
    if wish.layout not in LAYOUTS:
        raise InputError(f"The layout {wish.layout!r} was given", f"One of {choices(LAYOUTS)}")
    if wish.by_band and wish.layout != "galaxies":
        raise InputError(f"A row per band was asked of the layout {wish.layout}", "The layout galaxies")
    if wish.alteration != Alteration() and wish.layout != "repaint":
        raise InputError(f"--without was given for the layout {wish.layout}", "Alterations are for the layout repaint")
    wish.manner.ground(study.survey.bands)  # a band that is not there is told before any work
    return LAYOUTS[wish.layout](study, galaxy_ids, wish)


_DIGEST_FILE = "figures.json"
"""In the folder: the digest of what its figures show, so that others are drawn anew."""


def draw_each(
    study: Study,
    galaxy_ids: Sequence[int | str],
    wish: FigureSettings,
    folder: Path,
    suffix: str = ".pdf",
    progress: Progress | None = None,
    *,
    overwrite: bool = True,
) -> Iterator[Path]:
    """Draw and write the figure of one galaxy after the other, with its caption and data beside it.

    A figure does not hang on its company, so that one that is there, drawn of the same data by the same network in the
    same way, is left alone: interrupted anywhere, it ends with the very files of an undisturbed run.

    Parameters
    ----------
    study : Study
    galaxy_ids : sequence of int or str
        Of none: every galaxy that has an image, or the first `wish.most` of them.
    wish : FigureSettings
    folder : Path
        New, or one of earlier figures.
    suffix : str, optional
        ``".pdf"``, ``".svg"`` or ``".png"``.
    progress : callable, optional
    overwrite : bool, optional
        Whether figures of the same names that show something else may be replaced.

    Yields
    ------
    Path
        Of each figure, ``GALAXYID_METHOD.pdf`` or ``GALAXYID_LAYOUT.pdf``.

    Raises
    ------
    InputError
        A galaxy, or something of the wish, is not known; or a figure would be replaced that may not be.
    SurveyError
        A galaxy has no image. This, and an unknown galaxy, is told before the first figure is drawn.
    """
    name = wish.question.method if wish.layout == "galaxies" else wish.layout
    checked_format(Path(f"figure{suffix}"))
    ids = _ids(study.survey, galaxy_ids, wish)
    paths = [folder / f"{galaxy_id}_{name}{suffix}" for galaxy_id in ids]
    _remove_others(study, wish, folder, paths, overwrite)
    for done, (galaxy_id, path) in enumerate(zip(ids, paths, strict=True), start=1):
        if not path.is_file():
            write_drawing(draw_figure(study, [galaxy_id], wish), path)
        if progress is not None:
            progress("figures", done, len(ids))
        yield path


def _ids(survey: Survey, galaxy_ids: Sequence[int | str], wish: FigureSettings) -> list[int]:
    """Those named, once each, or all that have an image."""
    if galaxy_ids:
        rows = [survey.row_of(galaxy_id) for galaxy_id in dict.fromkeys(map(str, galaxy_ids))]
        for row in rows:
            if row >= survey.rows_committed or not survey.usable[row]:
                survey.cutout(row)  # says why there is no image, before a night's work and not in the middle of it
    else:
        own = wish.layout in ("neighbours", "right-wrong")  # their `most` counts something else
        rows = list(np.flatnonzero(survey.usable)[: None if own else wish.most])
    if not rows:
        raise InputError(f"{survey.name} has no galaxy with an image", "At least one")
    return [int(survey.galaxy_ids[row]) for row in rows]


def _remove_others(study: Study, wish: FigureSettings, folder: Path, paths: Sequence[Path], overwrite: bool) -> None:
    """Remove figures that would be drawn over, if they are of another question; the folder keeps this one's digest."""
    asked, kept = digest_of(_digest_parameters(study, wish)), folder / _DIGEST_FILE
    if kept.is_file() and read_json(kept).get("digest") == asked:
        return
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        raise InputError(
            f"{choices(there, most=3)} exist already, and show something else",
            remedy="Name another folder with --out, or add --overwrite",
        )
    for path in paths:
        path.unlink(missing_ok=True)
    write_json(kept, {"digest": asked})


def _digest_parameters(study: Study, wish: FigureSettings) -> Mapping[str, Any]:
    """Everything that changes a pixel or a word, as JSON values."""
    question, survey = wish.question, study.survey
    return {
        "data": survey.digest,
        "model": study.model.digest,
        "classes": list(study.model.class_names),
        "layout": wish.layout,
        "method": question.method,
        "score": question.score.name if question.score else "",
        "layer": question.layer,
        "options": {name: repr(value) for name, value in sorted(question.options.items())},
        "views": question.views,
        "manner": asdict(wish.manner),
        "alteration": repr(wish.alteration),
        "most": wish.most,
        "by_band": wish.by_band,
        "trust": stored_trust_line(survey, study.model, question.method),
    }
