"""Export of galaxies to files, and to other programs by SAMP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, SurveyArgument, open_survey
from gz2interp.console import ProgressBars, say
from gz2interp.errors import InputError
from gz2interp.result_tables import OverwriteOption, check_free

GalaxyList = Annotated[list[str] | None, typer.Argument(metavar="[GALAXY...]", help="Galaxy ids.")]
FileOption = Annotated[
    Path | None, typer.Option("--galaxies", "-g", help="A table with a column galaxy_id, or a text with an id a line.")
]
LassoOption = Annotated[str, typer.Option(help="On the map: 'x,y;x,y;x,y', as in the dashboard's address.")]
WhereOption = Annotated[str, typer.Option(help="A condition on any column: \"prediction == 'spiral' and r < 17\".")]
NearOption = Annotated[
    str | None, typer.Option(metavar="GALAXY", help="This galaxy, at distance 0, and its neighbours.")
]
ColumnsOption = Annotated[
    str,
    typer.Option(
        help="Columns of the table, with commas: 'ra,dec,prediction'. galaxy_id always comes first. All by default."
    ),
]
MostOption = Annotated[int, typer.Option("--most", "-n", min=1, help="How many neighbours.")]


@app.command("export")
def export_(
    survey: SurveyArgument,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="A .csv, .ecsv, .fits, .vot or .parquet table, a .reg file for DS9, or a folder."
        ),
    ],
    galaxies: GalaxyList = None,
    file: FileOption = None,
    lasso: LassoOption = "",
    where: WhereOption = "",
    near: NearOption = None,
    most: MostOption = 12,
    columns: ColumnsOption = "",
    model: ModelOption = None,
    layer: LayerOption = "",
    overwrite: OverwriteOption = False,
) -> None:
    """Export galaxies: as a table, a folder of cutouts (FITS with WCS) or DS9 regions. By default all of them.

    A table has its provenance, and the unit or meaning of each column: in the header (FITS), as INFO (VOTable), as
    metadata (Parquet), in comments (ECSV), or in NAME.csv.json beside a CSV file.
    """
    from gz2interp.workflows.export import export_selection

    check_free(exported_files(out), overwrite)
    selection = _selection(survey, galaxies, file, lasso, where, near, most, model, layer, columns)
    with ProgressBars() as progress:
        export = export_selection(selection, out, progress)
    say(f"{export.path}: {export.words}")


def exported_files(out: Path) -> list[Path]:
    """The files that an export replaces; none for a folder, to which galaxies are added."""
    return [out, out.with_name(f"{out.name}.json")] if out.suffix == ".csv" else [out] if out.suffix else []


@app.command("send")
def send_(
    survey: SurveyArgument,
    galaxies: GalaxyList = None,
    to: Annotated[str, typer.Option(help="topcat, aladin, ds9, another program's name, or all.")] = "all",
    images: Annotated[int, typer.Option(min=0, help="Also send the cutouts of this many of the first galaxies.")] = 0,
    highlight: Annotated[
        bool, typer.Option("--highlight", help="Only mark them in the survey's table, if it was sent before.")
    ] = False,
    file: FileOption = None,
    lasso: LassoOption = "",
    where: WhereOption = "",
    near: NearOption = None,
    most: MostOption = 12,
    model: ModelOption = None,
    layer: LayerOption = "",
) -> None:
    """Send galaxies to TOPCAT, Aladin or DS9 on this machine by SAMP. By default all of them."""
    from gz2interp.workflows.samp import send

    selection = _selection(survey, galaxies, file, lasso, where, near, most, model, layer)
    answers = send(selection, to, images=images, highlight=highlight)
    for answer in answers:
        say(f"{answer.to}  {answer.message}  {answer.error or 'ok'}")
    if all(answer.error for answer in answers):
        raise InputError(f"None of {len(answers)} messages was accepted", remedy="See the answers above")


def columns_from(text: str) -> tuple[str, ...]:
    """Parse names of columns, separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _selection(
    survey: str,
    galaxies: list[str] | None,
    file: Path | None,
    lasso: str,
    where: str,
    near: str | None,
    most: int,
    model: str | None,
    layer: str,
    columns: str = "",
) -> Any:
    from gz2interp.workflows.selection import GalaxyFilter, choose, polygon_from

    polygon = polygon_from(lasso) if lasso else ()
    names = columns_from(columns)
    settings = GalaxyFilter(galaxies or (), file, polygon, where, near, most, names, model or "", layer)
    return choose(open_survey(survey), settings)
