"""Command line ``python -m trainer VERB``: from a catalogue to a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gz2interp.console import JsonLines, ProgressBars, command_line, console, progress_as, run, say
from gz2interp.errors import InputError
from gz2interp.result_tables import ResultTable, TableOutput, table_options

app = command_line("From a Galaxy Zoo 2 catalogue to a network worth explaining.")
plant = command_line("Plant a known fault, to test whether a check detects it.")
app.add_typer(plant, name="plant")

SurveyArgument = Annotated[str, typer.Argument(metavar="SURVEY", help="A survey's folder, or its name.")]
NewSurveyArgument = Annotated[
    str, typer.Argument(metavar="SURVEY", help="A survey's name in the surveys' folder, or a path such as ./NAME.")
]
JoinOption = Annotated[list[Path] | None, typer.Option("--join", help="A table whose columns are added.")]
JoinOnOption = Annotated[Literal["id", "position"], typer.Option(help="How --join matches galaxies.")]
SchemeOption = Annotated[
    str | None,
    typer.Option(
        "--scheme", help="Labels: e_vs_s, e_s_a, five_class, painted, votes, tree; by default the table's own."
    ),
]
ProgressOption = Annotated[
    str, typer.Option("--progress", help="bars, or json: one record per line, and nothing else on standard output.")
]


@app.command()
@table_options("the catalogue", positions=True)
def catalog(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="The galaxies: CSV, ECSV, FITS, VOTable or Parquet.")],
    scheme: SchemeOption = None,
    join: JoinOption = None,
    join_on: JoinOnOption = "id",
    *,
    output: TableOutput,
) -> None:
    """Read a catalogue, and report its contents, decisions and dropped rows."""
    frame = _catalog(table, scheme, join, join_on)
    if output.as_json:
        output.show(ResultTable(f"{len(frame)} galaxies, {len(frame.columns)} columns", frame))
    elif output.file:
        output.write(frame)


@app.command()
def paint(
    survey: NewSurveyArgument,
    galaxies: Annotated[int, typer.Option("--galaxies", "-n", min=1, help="How many.")] = 3000,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Everything follows from it.")] = 0,
    rare: Annotated[
        list[str] | None, typer.Option("--rare", help="A kind and its share of all: ring=0.01. May be repeated.")
    ] = None,
    sky: Annotated[Path | None, typer.Option("--sky", help="A folder of SDSS frames to paint onto.")] = None,
) -> None:
    """Paint a survey of galaxies with known truth; an interrupted run resumes where it stopped."""
    from gz2interp.painting import KIND_SHARES, with_rare
    from gz2interp.stores.locations import new_survey
    from trainer.paint import paint_survey

    folder = new_survey(survey)
    shares = with_rare(_rates(rare)) if rare else KIND_SHARES
    with ProgressBars() as bars:
        painted = paint_survey(folder, galaxies, seed, lambda done, of: bars("paint", done, of), shares=shares, sky=sky)
    say(f"{painted}")
    for kind, count in painted.catalog["painted_kind"].value_counts().items():
        say(f"  {count:>7} {kind}")


@app.command()
def gallery(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the page.")],
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Everything follows from it.")] = 0,
) -> None:
    """Paint a page of every kind, every component and every alteration."""
    from trainer.gallery import write_gallery

    with ProgressBars() as bars:
        page = write_gallery(folder, seed, lambda done, of: bars("gallery", done, of))
    say(str(page))


@app.command()
def ingest(
    survey: NewSurveyArgument,
    source: Annotated[str, typer.Option("--source", help="folder, sdss_frames or galaxy10.")],
    origin: Annotated[Path, typer.Option("--from", help="The folder of images or frames, or Galaxy10's file.")],
    table: Annotated[
        Path | None,
        typer.Option(
            "--catalog", "-c", help="The galaxies; by default those in the folder, or the objects on the frames."
        ),
    ] = None,
    scheme: SchemeOption = None,
    join: JoinOption = None,
    join_on: JoinOnOption = "id",
    bands: Annotated[
        str | None,
        typer.Option(
            help="The bands, in order: ugriz, or F606W,F814W. By default ugriz; red,green,blue of JPEG or PNG."
        ),
    ] = None,
    size: Annotated[int, typer.Option(min=8, help="Pixels along a side.")] = 64,
    central: Annotated[
        float,
        typer.Option(min=0.05, max=1.0, help="JPEG, PNG, Galaxy10: the central fraction of the width to keep."),
    ] = 1.0,
    field: Annotated[
        float | None, typer.Option(help='sdss_frames: full width in arcsec; by default 0.396" a pixel.')
    ] = None,
    pixel_scale: Annotated[float | None, typer.Option(help="folder: arcsec, for files without a scale.")] = None,
) -> None:
    """Make a survey from images on disk; an interrupted run resumes where it stopped."""
    _refuse_without_catalog(table, scheme, join)
    from gz2interp.stores.locations import new_survey
    from trainer.ingest import ingest, open_local_survey, refuse_empty

    opened, images = open_local_survey(
        new_survey(survey),
        source,
        origin,
        catalog=None if table is None else _catalog(table, scheme, join, join_on),
        bands=None if bands is None else _bands(bands),
        size=size,
        scale=field if source == "sdss_frames" else pixel_scale,
        central=central,
    )
    with ProgressBars() as bars:
        ended = ingest(images, opened, lambda done, of: bars("cutouts", done, of))
    filled = opened.refreshed()
    say(f"{filled}")
    for status, count in sorted(ended.items()):
        say(f"  {count} {status}")
    for note in filled.notes:
        say(f"  {note}")
    refuse_empty(filled)


@app.command()
@table_options("how many galaxies have no image, and why")
def download(
    table: Annotated[Path, typer.Argument(metavar="CATALOG", help="The galaxies: a GZ2 table or any with ra and dec.")],
    survey: NewSurveyArgument,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="skyview (default), hips2fits or sdss; repeated: used in this order."),
    ] = None,
    field: Annotated[
        float | None, typer.Option(help="Full width in arcsec; by default 0.396\" a pixel. 400 is the original's.")
    ] = None,
    radii: Annotated[float | None, typer.Option(help="Full width in Petrosian radii of the galaxy instead.")] = None,
    size: Annotated[int, typer.Option(min=8, help="Pixels along a side.")] = 64,
    bands: Annotated[str, typer.Option(help="The bands, in order.")] = "ugriz",
    retry: Annotated[
        list[str] | None, typer.Option("--retry", help="Request again galaxies that are failed, missing or all.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Galaxies in progress at the same time.")] = 8,
    rate: Annotated[float, typer.Option(help="Requests per second and host; 0 lifts the limit.")] = 8.0,
    tries: Annotated[int, typer.Option(help="Attempts per galaxy.")] = 6,
    timeout: Annotated[float, typer.Option(help="Time limit for a response [s].")] = 30.0,
    patience: Annotated[float, typer.Option(help="Hours that a service may be down before the run ends.")] = 24.0,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A host that a service may redirect to. May be repeated.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="sdss: folder of frames; by default a user cache.")] = None,
    cache_gib: Annotated[float, typer.Option(help="sdss: size limit of the cache.")] = 4.0,
    scheme: SchemeOption = None,
    join: JoinOption = None,
    join_on: JoinOnOption = "id",
    *,
    output: TableOutput,
) -> None:
    """Download cutouts from archives; an interrupted run resumes where it stopped."""
    from gz2interp.stores.locations import new_survey
    from trainer.archives.limits import Limits
    from trainer.download import DownloadPlan, download, open_download
    from trainer.download.asking import ArchiveSettings, describe_download, open_archives
    from trainer.download.watch import TerminalProgress, summary
    from trainer.sources.remote import Field

    plan = DownloadPlan(Field(field or 0.396 * size, radii), _bands(bands), size)
    limits = Limits(workers=workers, rate=rate, tries=tries, read=timeout, whole=4 * timeout, patience=3600 * patience)
    cache_bytes = round(cache_gib * 2**30)
    settings = ArchiveSettings(limits, allowed=tuple(allow_host or ()), cache=cache, cache_bytes=cache_bytes)
    sources = open_archives(source or ["skyview"], plan, settings)
    opened = open_download(new_survey(survey), table, lambda path: _catalog(path, scheme, join, join_on), plan)
    for line in describe_download(opened, sources, plan):
        say(line)
    with TerminalProgress() as show:
        report = download(
            opened, sources, workers=workers, stop=settings.stop, retry=_statuses(retry or []), progress=show
        )
    summary(report, output)
    say(str(opened.path / "download" / "report.json"))
    if report.state != "finished":
        raise typer.Exit(3)


@app.command("calibrate-source")
@table_options()
def calibrate_source(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="skyview or hips2fits.")],
    stars: Annotated[
        Path | None,
        typer.Argument(metavar="[STARS]", help="Stars: ra, dec and PSF magnitudes u g r i z; else SkyServer's."),
    ] = None,
    around: Annotated[tuple[float, float], typer.Option(help="Centre of the search for stars: ra and dec [deg].")] = (
        20.0,
        0.0,
    ),
    radius: Annotated[float, typer.Option(help="Radius of the search [arcmin].")] = 30.0,
    most: Annotated[int, typer.Option(help="Greatest number of stars.")] = 40,
    rate: Annotated[float, typer.Option(help="Requests per second; 0 lifts the limit.")] = 8.0,
    *,
    output: TableOutput,
) -> None:
    """Measure the flux unit of an archive's pixels on stars; later downloads use it."""
    from dataclasses import replace

    import pandas as pd

    from trainer.archives.limits import Limits
    from trainer.archives.units import Unit
    from trainer.calibrate import calibrate, write_calibration
    from trainer.download import DownloadPlan
    from trainer.download.asking import ArchiveSettings, open_archives
    from trainer.sources.stars import StarSearchArea, stars_of_sdss

    opened: Any = open_archives([source], DownloadPlan(), ArchiveSettings(replace(Limits(), rate=rate)))[0]
    opened.unit = Unit("as given")
    table = (
        _catalog(stars, None, None, "id")
        if stars
        else stars_of_sdss(opened.setting, StarSearchArea(*around, radius, most))
    )
    with ProgressBars() as bars:
        scales = calibrate(opened, table, lambda done, of: bars("stars", done, of))
    rows = [(band, scale.ratio, scale.error, scale.stars) for band, scale in scales.items()]
    frame = pd.DataFrame(rows, columns=["band", "ratio", "error", "stars"])
    output.show(ResultTable("Flux in the source over that of the catalogue", frame))
    unit, file = write_calibration(opened, scales)
    say(f"{source}: {unit.words}\n{file}")


@app.command()
@table_options("the recipes that --sweep compares")
def fit(
    survey: SurveyArgument,
    name: Annotated[str, typer.Option("--name", help="Of the new model.")] = "cnn",
    config: Annotated[str, typer.Option("--config", "-c", help="A recipe by name, or a .toml file.")] = "default",
    scheme: SchemeOption = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change one setting: --set epochs=10. May be repeated.")
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option("--sweep", help="Compare recipes: --sweep default --sweep d4. May be repeated.")
    ] = None,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Train a network; an interrupted training resumes where it stopped."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from trainer.config import read_config

    changes = _changes(settings or []) | ({"scheme": scheme} if scheme else {})
    if sweep:
        _sweep(survey, name, sweep, changes, progress, output)
        return
    with progress_as(progress) as report:
        opened, recipe = Survey.open(find_survey(survey)), read_config(config, **changes)
        from trainer.fit import (
            fit,  # late: TensorFlow takes seconds to import, and invalid arguments should fail at once
        )

        folder = fit(opened, name, recipe, lambda now: _report_step(report, "fit", now))
    for class_name, sides in folder.run["class_shares"].items():
        report.say(f"  {class_name}: " + ", ".join(f"{count} {side}" for side, count in sides.items()))
    report.say(f"{folder.path}\nNow run python -m trainer evaluate {survey} --model {folder.name}")


@plant.command("shortcut")
def plant_a_shortcut(
    survey: NewSurveyArgument,
    kind: Annotated[str, typer.Option("--kind", "-k", help="hot_pixel, noise, background, star or seeing.")],
    class_name: Annotated[
        str, typer.Option("--class", help="The painted kind that gets it: round, in_between, edge_on, spiral.")
    ],
    strength: Annotated[float | None, typer.Option(help="In the kind's own unit; by default its middle level.")] = None,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Everything follows from it.")] = 0,
    galaxies: Annotated[int, typer.Option("--galaxies", "-n", min=1, help="How many.")] = 1600,
) -> None:
    """Paint a survey in which an artefact marks one class; an interrupted run resumes where it stopped."""
    from gz2interp.stores.locations import new_survey
    from trainer.plant.kinds import shortcut_named
    from trainer.plant.shortcut import plant_shortcut

    shortcut = shortcut_named(kind)
    value = shortcut.levels[1] if strength is None else strength
    with ProgressBars() as bars:
        painted = plant_shortcut(
            new_survey(survey), kind, class_name, value, seed, galaxies, lambda done, of: bars("paint", done, of)
        )
    say(f"{painted}\n{kind} {value:g} ({shortcut.unit}) in all galaxies of the kind {class_name}, in no other")
    say(f"Now run python -m trainer fit {survey} --scheme painted --set augmentation=flips")


@plant.command("labels")
def plant_labels(
    survey: SurveyArgument,
    model: Annotated[str | None, typer.Option("--model", "-m", help="May be left out if there is one.")] = None,
    progress: ProgressOption = "bars",
) -> None:
    """Retrain a model on shuffled labels, for comparison; an interrupted training resumes."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from trainer.plant.labels import plant_labels

    with progress_as(progress) as report:
        folder = plant_labels(Survey.open(find_survey(survey)), model, lambda now: _report_step(report, "fit", now))
    last = folder.history.iloc[-1]
    report.say(f"{folder.path}\nTraining accuracy on the shuffled labels: {last['accuracy']:.1%}")


@app.command()
def committee(
    survey: SurveyArgument,
    member: Annotated[list[str], typer.Option("--member", "-m", help="A model of the survey. May be repeated.")],
    name: Annotated[str, typer.Option("--name", help="Of the new model.")] = "committee",
    views: Annotated[int, typer.Option(help="1, or 8: all quarter turns and reflections.")] = 8,
    scale: Annotated[
        list[float] | None,
        typer.Option("--scale", help="Magnification of the views, by default 1: --scale 0.7 --scale 1."),
    ] = None,
) -> None:
    """Make an ensemble of several networks, averaged over members and views."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from trainer.committee import build_ensemble

    with console.status("Predicting all galaxies with the ensemble"):
        folder = build_ensemble(Survey.open(find_survey(survey)), name, member, views, scale or (1.0,))
    say(f"{folder.path}\nNow run python -m trainer evaluate {survey} --model {folder.name}")


@app.command()
@table_options()
def evaluate(
    survey: SurveyArgument,
    model: Annotated[str | None, typer.Option("--model", "-m", help="May be left out if there is one.")] = None,
    side: Annotated[str, typer.Option(help="test, validation, train, or none: galaxies of no side.")] = "test",
    *,
    output: TableOutput,
) -> None:
    """Scores by class with intervals, calibration, and predictions for galaxies without a label."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from trainer.evaluate import evaluate, evaluation_table

    opened = Survey.open(find_survey(survey))
    result = evaluate(opened, model, side)
    output.show(evaluation_table(result))
    say(str(opened.model(result.model).path / "evaluation.pdf"))


@app.command()
@table_options("the whole list")
def suspects(
    survey: SurveyArgument,
    name: Annotated[str, typer.Option("--name", help="The model with which the list is stored.")] = "cnn",
    config: Annotated[str, typer.Option("--config", "-c", help="A recipe by name, or a .toml file.")] = "default",
    scheme: SchemeOption = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change one setting: --set epochs=10. May be repeated.")
    ] = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many to show.")] = 20,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Rank likely label errors by out-of-fold predictions; an interrupted run resumes."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from trainer.config import read_config
    from trainer.label_errors import rank_label_errors

    changes = _changes(settings or []) | ({"scheme": scheme} if scheme else {}) | {"folds": folds}
    opened = Survey.open(find_survey(survey))
    with progress_as(progress) as report:
        recipe = read_config(config, **changes)
        ranked = rank_label_errors(
            opened, name, recipe, lambda fold, now: _report_step(report, f"fold {fold + 1}", now)
        )
    title, first = "The most likely label errors", ranked.head(most)
    shown_columns = first[["rank", "galaxy_id", "label", "suggestion", "margin", "suspect"]]
    note = f"{int(ranked['suspect'].sum())} of {len(ranked)} labels count as errors: {opened.path / 'models' / name}"
    output.show(ResultTable(title, first, {title: shown_columns}, [note]), ranked)


@app.command()
@table_options()
def uncertainty(
    survey: SurveyArgument,
    model: Annotated[str | None, typer.Option("--model", "-m", help="May be left out if there is one.")] = None,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Seed of dropout.")] = 0,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Select the uncertainty measure that best predicts the network's errors, and store it for all galaxies."""
    import pandas as pd

    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from trainer.uncertainty import measure_uncertainty

    opened = Survey.open(find_survey(survey))
    with progress_as(progress) as report:
        measures = measure_uncertainty(opened, model, seed, lambda done, of: report("predict", done, of))
    note = f"Stored: {measures[0].name}, in {opened.model(model).path / 'uncertainty.parquet'}"
    title = "Mean error rate of the most certain galaxies (risk-coverage): low is good"
    output.show(ResultTable(title, pd.DataFrame(measures), notes=[note]))


@app.command()
def demo(
    survey: Annotated[
        str, typer.Argument(metavar="[SURVEY]", help="Its name in the surveys' folder, or a path such as ./NAME.")
    ] = "demo",
    galaxies: Annotated[int, typer.Option("--galaxies", "-n", min=200, help="How many to paint.")] = 3000,
    progress: ProgressOption = "bars",
) -> None:
    """Paint a survey, train a network on it and analyse it, ready for the dashboard."""
    from gz2interp.stores.locations import new_survey
    from trainer.demo import MODEL, build_demo

    path = new_survey(survey)
    with progress_as(progress) as report:
        built = build_demo(path, galaxies, report)
    evaluation = built.model(MODEL).evaluation
    assert evaluation is not None  # the demo has just written it
    accuracy = evaluation.accuracy
    report.say(
        f"{built}\nAccuracy on painted test galaxies: {accuracy.value:.1%} "
        f"({accuracy.low:.1%} to {accuracy.high:.1%}, {evaluation.selection})\n"
        "Now run streamlit run dashboards/explore.py"
    )


def _sweep(
    survey: str, name: str, recipes: list[str], changes: dict[str, Any], progress: str, output: TableOutput
) -> None:
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from trainer.sweep import sweep, sweep_file

    opened = Survey.open(find_survey(survey))
    with progress_as(progress) as report:
        compared = sweep(opened, name, recipes, changes, lambda recipe, now: _report_step(report, recipe, now))
    failed = compared[compared["failed"] != ""]
    notes = [f"{row.recipe} failed: {row.failed}" for row in failed.itertuples()]
    title = "Recipes compared"
    drawn = {title: compared.drop(columns="failed")}
    output.show(ResultTable(title, compared, drawn, [*notes, str(sweep_file(opened, name))]))


def _report_step(report: ProgressBars | JsonLines, stage: str, now: Any) -> None:
    """Report a step of a training, or the end of an epoch."""
    report(stage, (now.epoch - 1) * now.steps + now.step, now.epochs * now.steps)
    if now.validation_accuracy is not None:
        report.note(
            f"epoch {now.epoch}: loss {now.loss:.3f}, accuracy {now.accuracy:.1%}, "
            f"validation loss {now.validation_loss:.3f}, accuracy {now.validation_accuracy:.1%}"
        )


def _refuse_without_catalog(table: Path | None, scheme: str | None, join: list[Path] | None) -> None:
    """Raise `InputError` for --join and --scheme without --catalog, which they refer to."""
    options = ["--join"] * bool(join) + ["--scheme"] * bool(scheme)
    if table is None and options:
        raise InputError(f"{' and '.join(options)} was given without --catalog", "A table of galaxies", "Add --catalog")


def _catalog(table: Path, scheme: str | None, join: list[Path] | None, join_on: Literal["id", "position"]) -> Any:
    from trainer.catalog import JoinSettings, read_catalog

    joins = [JoinSettings(file, on=join_on) for file in join or []]
    frame, report = read_catalog(table, scheme=scheme, joins=joins)
    for line in report.lines():
        say(line)
    return frame


def _bands(text: str) -> tuple[str, ...]:
    """Names of bands: letters such as ``ugriz``, or names with commas."""
    return tuple(name.strip() for name in text.split(",")) if "," in text else tuple(text.strip())


def _statuses(names: list[str]) -> set[str]:
    """Statuses to request again; ``all`` stands for all of them."""
    from gz2interp.schema import STATUSES

    valid = set(STATUSES) - {"ok"}
    if unknown := set(names) - valid - {"all"}:
        raise InputError(f"--retry {' '.join(sorted(unknown))} was given", f"One of {', '.join(sorted(valid))}, or all")
    return valid if "all" in names else set(names)


def _rates(rare: list[str]) -> dict[str, float]:
    """Rates such as ``ring=0.01``."""
    rates: dict[str, float] = {}
    for item in rare:
        kind, _, rate = item.partition("=")
        try:
            rates[kind.strip()] = float(rate)
        except ValueError:
            raise InputError(
                f"--rare {item} was given", "A kind and its share of all galaxies", "For example ring=0.01"
            ) from None
    return rates


def _changes(settings: list[str]) -> dict[str, Any]:
    """Settings such as ``epochs=10`` with their values read as TOML, where a bare word is a string."""
    import tomllib

    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting} was given", "A name and a value, such as --set epochs=10")
        try:
            changes[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            changes[name.strip()] = value.strip()
    return changes


if __name__ == "__main__":
    run(app, "python -m trainer")
