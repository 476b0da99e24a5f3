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

_DIGEST_FILE = "figures.json"
"""Holds the digest of the settings of the figures in a folder, so that other figures are drawn anew."""


def draw_figure(study: Study, galaxy_ids: Sequence[int | str] = (), settings: FigureSettings | None = None) -> Drawing:
    """Draw a figure for a paper, with its caption and data.

    Parameters
    ----------
    galaxy_ids : sequence of int or str
        May be empty for the layouts "right-wrong" and "bands", which then select galaxies.
    settings : FigureSettings, optional
        By default Grad-CAM maps of the galaxies, two columns of MNRAS wide.

    Raises
    ------
    InputError
        The layout, a galaxy, a method, a class or an option does not exist, or the page is too small.
    SurveyError
        A galaxy has no image, or the survey lacks what the layout needs; the error says what.
    """
    settings = settings or FigureSettings()
    if settings.layout not in LAYOUTS:
        raise InputError(f"The layout {settings.layout!r} was given", f"One of {choices(LAYOUTS)}")
    if settings.by_band and settings.layout != "galaxies":
        raise InputError(f"A row per band was requested of the layout {settings.layout}", "The layout galaxies")
    if settings.alteration != Alteration() and settings.layout != "repaint":
        raise InputError(
            f"--without was given for the layout {settings.layout}", "Alterations are for the layout repaint"
        )
    settings.style.ground(study.survey.bands)  # refuses a missing band before any work
    return LAYOUTS[settings.layout](study, galaxy_ids, settings)


def draw_each(
    study: Study,
    galaxy_ids: Sequence[int | str],
    settings: FigureSettings,
    folder: Path,
    suffix: str = ".pdf",
    progress: Progress | None = None,
    *,
    overwrite: bool = True,
) -> Iterator[Path]:
    """Draw and write a figure for each galaxy, with its caption and data beside it.

    Existing figures of the same data, network and settings are left as they are, so that an interrupted run continues
    and ends with the same files.

    Parameters
    ----------
    galaxy_ids : sequence of int or str
        If empty: every galaxy that has an image, or the first `settings.most` of them.
    folder : Path
        A new folder, or one of earlier figures.
    suffix : str, optional
        ``".pdf"``, ``".svg"`` or ``".png"``.
    overwrite : bool, optional
        Whether figures of the same names with other settings may be replaced.

    Yields
    ------
    Path
        Of each figure, ``GALAXYID_METHOD.pdf`` or ``GALAXYID_LAYOUT.pdf``.

    Raises
    ------
    InputError
        A galaxy or a setting is unknown, or a figure would be replaced without `overwrite`.
    SurveyError
        A galaxy has no image. This and unknown galaxies are raised before the first figure is drawn.
    """
    name = settings.attribution.method if settings.layout == "galaxies" else settings.layout
    checked_format(Path(f"figure{suffix}"))
    ids = _ids(study.survey, galaxy_ids, settings)
    paths = [folder / f"{galaxy_id}_{name}{suffix}" for galaxy_id in ids]
    _remove_others(study, settings, folder, paths, overwrite)
    for done, (galaxy_id, path) in enumerate(zip(ids, paths, strict=True), start=1):
        if not path.is_file():
            write_drawing(draw_figure(study, [galaxy_id], settings), path)
        if progress is not None:
            progress("figures", done, len(ids))
        yield path


def _ids(survey: Survey, galaxy_ids: Sequence[int | str], settings: FigureSettings) -> list[int]:
    """The ids named, without repeats, or those of all galaxies with an image."""
    if galaxy_ids:
        rows = [survey.row_of(galaxy_id) for galaxy_id in dict.fromkeys(map(str, galaxy_ids))]
        for row in rows:
            if row >= survey.rows_committed or not survey.usable[row]:
                survey.cutout(row)  # raises the reason for a missing image before any figure is drawn
    else:
        all_usable = settings.layout in ("neighbours", "right-wrong")  # their `most` counts neighbours or pairs
        rows = list(np.flatnonzero(survey.usable)[: None if all_usable else settings.most])
    if not rows:
        raise InputError(f"{survey.name} has no galaxy with an image", "At least one")
    return [int(survey.galaxy_ids[row]) for row in rows]


def _remove_others(
    study: Study, settings: FigureSettings, folder: Path, paths: Sequence[Path], overwrite: bool
) -> None:
    """Remove the figures at `paths` if they have other settings, and store the digest of these settings."""
    digest, digest_file = digest_of(_digest_parameters(study, settings)), folder / _DIGEST_FILE
    if digest_file.is_file() and read_json(digest_file).get("digest") == digest:
        return
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise InputError(
            f"{choices(existing, most=3)} exist already, with other settings",
            remedy="Name another folder with --out, or add --overwrite",
        )
    for path in paths:
        path.unlink(missing_ok=True)
    write_json(digest_file, {"digest": digest})


def _digest_parameters(study: Study, settings: FigureSettings) -> Mapping[str, Any]:
    """All inputs that affect a figure, as JSON values."""
    attribution, survey = settings.attribution, study.survey
    return {
        "data": survey.digest,
        "model": study.model.digest,
        "classes": list(study.model.class_names),
        "layout": settings.layout,
        "method": attribution.method,
        "score": attribution.score.name if attribution.score else "",
        "layer": attribution.layer,
        "options": {name: repr(value) for name, value in sorted(attribution.options.items())},
        "views": attribution.views,
        "manner": asdict(settings.style),
        "alteration": repr(settings.alteration),
        "most": settings.most,
        "by_band": settings.by_band,
        "trust": stored_trust_line(survey, study.model, attribution.method),
    }
