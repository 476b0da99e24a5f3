"""Figures for papers of the selected galaxy, drawn when they are asked for: what ``gz2interp figure`` writes."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dashboards.loading.attributions import Asked, score_of, subject_of
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["Form", "figure_of"]


@dataclass(frozen=True)
class Form:
    """What figure is wanted.

    Attributes
    ----------
    layout : str
        As ``gz2interp figure --layout`` takes it, or ``"rows-per-band"``.
    journal : str
    columns : int
    suffix : str
        ``".pdf"``, ``".svg"`` or ``".png"``.
    with_data : bool
        A ZIP of the figure with its caption, numbers and maps, instead of the figure alone.
    without : tuple of str
        The components that a repaint leaves out.
    """

    layout: str = "galaxies"
    journal: str = "mnras"
    columns: int = 2
    suffix: str = ".pdf"
    with_data: bool = False
    without: tuple[str, ...] = ()


def figure_of(survey: Survey, model: ModelFolder, asked: Asked, form: Form) -> bytes:
    """A figure of the galaxy for a paper, as the bytes of its file or of a ZIP.

    Raises
    ------
    Gz2interpError
        The galaxy or the survey lacks what the layout needs.
    """
    from gz2interp.figures.style import Manner, Page
    from gz2interp.painting import Alteration
    from gz2interp.workflows.attribute import Question
    from gz2interp.workflows.figures import Wish, draw_figure, write_drawing

    subject = subject_of(survey, model)
    by_band = form.layout == "rows-per-band"
    wish = Wish(
        "galaxies" if by_band else form.layout,
        Question(asked.method, score_of(subject, asked.score), views=asked.views),
        Manner(Page(form.journal, form.columns)),
        Alteration(form.without),
        by_band=by_band,
    )
    galaxy_id = int(survey.galaxy_ids[asked.row])
    ids = [] if form.layout == "right-wrong" else [galaxy_id]
    drawing = draw_figure(subject, ids, wish)
    with TemporaryDirectory() as folder:
        files = write_drawing(drawing, Path(folder) / f"figure{form.suffix}")
        return _zipped(files) if form.with_data else files[0].read_bytes()


def _zipped(files: list[Path]) -> bytes:
    """The same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
