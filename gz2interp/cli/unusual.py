"""Unusual galaxies, and their ratings: ``unusual``, ``rate`` and ``ratings``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SurveyArgument, open_survey
from gz2interp.console import command_line, progress_as, say
from gz2interp.errors import InputError
from gz2interp.result_tables import OverwriteOption, ResultTable, TableOutput, check_free, table_options

ratings_app = command_line("The ratings of a survey's galaxies: export, import, undo.")
app.add_typer(ratings_app, name="ratings")


@app.command()
@table_options("all galaxies", positions=True)
def unusual(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    layers: Annotated[
        list[str] | None,
        typer.Option("--layers", help="A layer to use. May be repeated; by default one of each size of plane."),
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option("--image", help="A galaxy that is not in the survey, as a FITS or NumPy file.")
    ] = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="Galaxies to list.")] = 20,
    without_artefacts: Annotated[
        bool,
        typer.Option(
            "--without-artefacts",
            help="Leave out stars and artefacts, by the catalogue, votes, prediction or image quality.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Seed of the forest and of the sample.")] = 0,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """The most unusual galaxies, by activations and by pixels, with reasons; ratings change the order."""
    from gz2interp.workflows.rating import ranking_of
    from gz2interp.workflows.study import open_study
    from gz2interp.workflows.unusual import UnusualSettings
    from gz2interp.workflows.unusual import unusual as score_galaxies
    from gz2interp.workflows.unusual_results import artefacts_in_words

    study = open_study(survey, model)
    with progress_as(progress) as reporter:
        result = score_galaxies(study, UnusualSettings(layer, tuple(layers or ()), seed=seed), reporter)
        ranking = ranking_of(result, without_artefacts=without_artefacts)
    notes = [result.caveat] if result.caveat else []
    if image:
        output.show(_of_images(study, result, image, notes))
        return
    if ranking.left_out is not None:
        notes.append(f"{artefacts_in_words(ranking.left_out)}.")
    count = len(ranking.ratings)
    learnt = f", after {count} rating{'s' * (count > 1)}" if count else ""
    title = f"The most unusual of {len(ranking.order)} galaxies of {study.survey.name}{learnt}"
    rows = ranking.table(most)
    rated = ["rating"] if rows["rating"].notna().any() else []
    coordinates = ["ra", "dec"] if output.sexagesimal else []
    drawn = rows[["rank", "galaxy_id", *coordinates, "prediction", *rated, "reason"]]
    output.show(ResultTable(title, rows, {title: drawn}, notes), ranking.table())


def _of_images(study: Any, galaxies: Any, files: list[Path], notes: list[str]) -> ResultTable:
    import pandas as pd

    from gz2interp.workflows.image_from_file import outside_image
    from gz2interp.workflows.unusual import score_images

    rows = []
    for file in files:
        anomaly = score_images(galaxies, study.probe, outside_image(file, study.survey))
        rows.append((file.name, int(anomaly.rank[0]), float(anomaly.score[0]), anomaly.reasons[0]))
    columns = ["file", f"rank among {len(galaxies.scores)}", "score", "reason"]
    title = f"How unusual they would be in {study.survey.name}"
    return ResultTable(title, pd.DataFrame(rows, columns=columns), notes=notes)


@app.command()
def rate(
    survey: SurveyArgument,
    galaxy: Annotated[
        str | None, typer.Argument(metavar="[GALAXY]", help="Rate this one; by default one after another is shown.")
    ] = None,
    rating: Annotated[
        int | None, typer.Option("--rating", "-r", min=0, max=5, help="0 ordinary, 5 look at it.")
    ] = None,
    tag: Annotated[str, typer.Option(help="A keyword.")] = "",
    note: Annotated[str, typer.Option(help="Any text.")] = "",
    model: ModelOption = None,
    layer: LayerOption = "",
    picture: Annotated[
        Path, typer.Option("--picture", help="File to which the present galaxy is drawn, for a viewer that reloads.")
    ] = Path("rate.png"),
) -> None:
    """Rate galaxies, one key each; the ranking is updated, and each rating is written to disk at once."""
    from gz2interp.workflows import rating as workflow

    opened = open_survey(survey)
    if galaxy is not None:
        if rating is None:
            raise InputError("A galaxy was given without a rating", "--rating 0 to 5")
        workflow.rate(opened, galaxy, rating, tag, note, "terminal")
        say(f"{galaxy} is rated {rating}.")
        return
    from gz2interp.cli.rating_loop import loop
    from gz2interp.workflows.unusual_results import latest_unusual

    loop(latest_unusual(opened, opened.model(model), layer), picture)


@ratings_app.command("export")
def export_ratings(
    survey: SurveyArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="A .csv, .parquet, .fits or .vot file.")],
    overwrite: OverwriteOption = False,
) -> None:
    """Write the present ratings: galaxy_id, rating, tag, note, time."""
    from gz2interp.workflows import rating as workflow

    check_free([out], overwrite)
    count = workflow.export_ratings(open_survey(survey), out)
    say(f"{count} ratings are in {out}")


@ratings_app.command("import")
def import_ratings(
    survey: SurveyArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.")],
) -> None:
    """Import ratings; of two ratings of a galaxy the later one counts."""
    from gz2interp.workflows import rating as workflow

    added, old, foreign = workflow.import_ratings(open_survey(survey), file)
    say(f"{added} ratings were imported; {old} were no later than present ones; {foreign} are of other surveys.")


@ratings_app.command("undo")
def undo(survey: SurveyArgument) -> None:
    """Undo the last action: one rating, or all ratings of one import."""
    from gz2interp.workflows.rating import ratings_of

    ratings = ratings_of(open_survey(survey)).undo()
    if not ratings:
        say("There is nothing to undo.")
    for rating in ratings[:20]:
        say(f"Undone: {rating.galaxy_id} was rated {rating.rating}")
    if len(ratings) > 20:
        say(f"and {len(ratings) - 20} more")
