"""The command line ``gz2interp VERB``: it opens, asks a workflow and says what came of it; nothing is computed here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gz2interp.console import ProgressBars, console, run, say, table
from gz2interp.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="See what a galaxy-morphology network really looks at.",
)
survey_app = typer.Typer(no_args_is_help=True, help="Look after a survey: check it, export it, import a network.")
app.add_typer(survey_app, name="survey")

SurveyArgument = Annotated[str, typer.Argument(metavar="SURVEY", help="A survey's folder, or its name.")]
ModelOption = Annotated[str | None, typer.Option("--model", "-m", help="The model; may be left out if there is one.")]
GalaxiesArgument = Annotated[list[str], typer.Argument(metavar="GALAXY...", help="Galaxy ids.")]
MethodOption = Annotated[str, typer.Option(help="As gz2interp methods lists them.")]
ClassOption = Annotated[
    str | None, typer.Option("--class", help="Explain this class; by default the one predicted for each galaxy.")
]
AgainstOption = Annotated[str | None, typer.Option("--against", help="Explain the class against this one.")]
LayerOption = Annotated[str, typer.Option(help="The layer; by default the last spatial one.")]
ViewsOption = Annotated[
    bool, typer.Option("--views", help="The mean over the galaxy's turned and mirrored views, and its variance.")
]
OfOption = Annotated[
    str | None,
    typer.Option("--of", help="Explain this score: 'logit(spiral) - channel(block3, 12)', 'similarity(GALAXY)', ..."),
]
ProgressOption = Annotated[
    str, typer.Option("--progress", help="bars, or json: a record a line, and nothing else on standard output.")
]
KindOption = Annotated[str, typer.Option("--score", help="logit or probability.")]


def main() -> None:
    """Run the command line."""
    run(app, "gz2interp")


@app.command()
def analyse(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    metric: Annotated[str, typer.Option(help="cosine or euclidean.")] = "cosine",
    neighbours: Annotated[int, typer.Option(min=1, help="Neighbours kept of each galaxy.")] = 32,
    map_neighbours: Annotated[int, typer.Option(min=2, help="Neighbours that shape the map.")] = 15,
    min_dist: Annotated[float, typer.Option(min=0, max=1, help="How close points of the map may lie.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Of the map: one seed, one map.")] = 0,
) -> None:
    """Predictions, activations of a layer, exact neighbours and a map; what is up to date is left alone."""
    from gz2interp.embedding.projection import MapSettings
    from gz2interp.workflows.analyse import AnalyseSettings, analyse
    from gz2interp.workflows.opening import open_subject

    settings = AnalyseSettings(layer, metric, neighbours, MapSettings(map_neighbours, min_dist, seed))
    with ProgressBars() as told:
        result = analyse(open_subject(survey, model), settings, told)
    say(f"{len(result.rows)} galaxies of layer {result.layer} are analysed: {result.path}")


@app.command()
def explain(
    survey: SurveyArgument,
    galaxies: GalaxiesArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the FITS files.")] = Path("maps"),
    model: ModelOption = None,
    method: MethodOption = "grad_cam",
    class_name: ClassOption = None,
    against: AgainstOption = None,
    score: KindOption = "logit",
    of: OfOption = None,
    layer: LayerOption = "",
    views: ViewsOption = False,
) -> None:
    """Attribution maps of galaxies, as FITS with WCS."""
    from gz2interp.attribution import METHODS
    from gz2interp.workflows.attribute import Question
    from gz2interp.workflows.explain import explained_in_portions
    from gz2interp.workflows.maps import write_maps
    from gz2interp.workflows.opening import open_subject

    question = Question(method, _score(score, class_name, against), layer, views=views)
    with console.status("Opening the network"):
        subject = open_subject(survey, model)
        question = replace(question, score=_written(subject, of, question.score))
    for explanation in explained_in_portions(subject, galaxies, question):
        for path in write_maps(explanation, out):
            say(str(path))
    if METHODS[method].caveat:
        console.print(METHODS[method].caveat)


@app.command()
def check(
    survey: SurveyArgument,
    model: ModelOption = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="Check this one only. May be repeated; all: every one there is."),
    ] = None,
    galaxies: Annotated[int, typer.Option("--galaxies", "-n", min=2, help="On how many galaxies.")] = 96,
    few: Annotated[int, typer.Option(min=2, help="On how many, where a method is asked a dozen times.")] = 24,
    stages: Annotated[int, typer.Option(min=1, help="In how many steps the network forgets.")] = 4,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Of everything that is drawn.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write every number: .csv, .fits, ...")] = None,
    progress: ProgressOption = "bars",
) -> None:
    """How far each method can be believed for this network; interrupted, it goes on where it stopped."""
    from gz2interp.attribution import METHODS
    from gz2interp.console import progress_as
    from gz2interp.stores.tables import write_table
    from gz2interp.trust.verdict import verdict
    from gz2interp.workflows.check import CheckSettings
    from gz2interp.workflows.check import check as ask
    from gz2interp.workflows.check.tables import findings_table, short_table
    from gz2interp.workflows.opening import open_subject

    asked = tuple(METHODS) if method == ["all"] else tuple(method or CheckSettings.methods)
    with progress_as(progress) as told:
        found = ask(open_subject(survey, model), CheckSettings(asked, galaxies, few, stages, seed), told)
    table(f"How far to trust what explains {found.model}", short_table(found), told.say)
    for sentence in verdict(found):
        told.say(sentence)
    for sentence in found.unknown:
        told.say(f"not known  {sentence}")
    if out:
        write_table(out, findings_table(found))
        told.say(str(out))


@app.command()
def bands(
    survey: SurveyArgument,
    galaxies: Annotated[
        list[str] | None, typer.Argument(metavar="[GALAXY...]", help="Galaxy ids; by default some of the whole survey.")
    ] = None,
    model: ModelOption = None,
    class_name: ClassOption = None,
    against: AgainstOption = None,
    score: KindOption = "logit",
    of: OfOption = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many are drawn from the survey.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Of the draw.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write every galaxy: .csv, .fits, ...")] = None,
) -> None:
    """How much of a score each band carries: for galaxies, for each class, for the survey."""
    from gz2interp.stores.tables import write_table
    from gz2interp.workflows.bands import band_table, by_class, in_words
    from gz2interp.workflows.opening import open_subject

    subject = open_subject(survey, model)
    asked = _written(subject, of, _score(score, class_name, against))
    with ProgressBars() as told:
        found = band_table(subject, galaxies or (), asked, most=most, seed=seed, progress=told)
    names = subject.survey.bands
    if galaxies:
        shown = found.assign(**{name: [f"{value:+.2f}" for value in found[name]] for name in ("total", *names)})
        table("What each band adds to the score", shown[["galaxy_id", "prediction", "total", *names]])
    else:
        table("What each band adds to the score: means with 95 % errors", in_words(by_class(found, names), names))
    if out:
        write_table(out, found)
        say(str(out))


@app.command()
def bar(
    survey: SurveyArgument,
    galaxies: Annotated[list[str] | None, typer.Argument(metavar="[GALAXY...]", help="Galaxy ids.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every galaxy of the survey; needs --out.")] = False,
    model: ModelOption = None,
    method: MethodOption = "gradient",
    class_name: Annotated[str, typer.Option("--class", help="The class of barred galaxies; by default 'bar'.")] = "",
    layer: Annotated[list[str] | None, typer.Option(help="A layer to look at. May be repeated: their mean.")] = None,
    least: Annotated[float, typer.Option(help="Measure where the network says a bar with this probability.")] = 0.5,
    line: Annotated[str, typer.Option(help="From a length on the map to the bar's: offset,slope.")] = "0,1",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write them: .csv, .parquet, .fits, .vot.")] = None,
) -> None:
    """How long the bars of galaxies are and where they point, measured from where the network sees them."""
    from gz2interp.stores.tables import write_table_of_blocks
    from gz2interp.workflows.bars import BarQuestion, in_words, measure_bars, measured_blocks
    from gz2interp.workflows.opening import open_subject

    named = galaxies or []
    if all_ == bool(named):
        raise InputError("Galaxies and --all were given" if all_ else "No galaxy was named", "Galaxy ids, or --all")
    if all_ and out is None:
        raise InputError("--all was given without --out", "A file for the table: --out bars.csv")
    subject, question = (
        open_subject(survey, model),
        BarQuestion(method, class_name, least, _line(line), tuple(layer or ())),
    )
    with ProgressBars() as told:
        found = [measure_bars(subject, named, question, progress=told)] if named else []
        blocks = found or measured_blocks(subject, question=question, progress=told)
        written = write_table_of_blocks(out, blocks) if out else 0
    for shown in found:
        table("Bars", in_words(shown))
    if out:
        say(f"{out}: {written} galaxies")


@app.command()
def methods() -> None:
    """The attribution methods, and the papers they come from."""
    from gz2interp.attribution import METHODS

    for name, each in METHODS.items():
        say(f"{name:<22}{each.title}{' in each band' if each.has_bands else ''}: {each.reference}")


@app.command()
def figure(
    survey: SurveyArgument,
    galaxies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[GALAXY...]", help="Galaxy ids; right-wrong, bands and --each can do without."),
    ] = None,
    layout: Annotated[
        str, typer.Option(help="galaxies, methods, right-wrong, repaint, neighbours or bands.")
    ] = "galaxies",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A .pdf, .svg or .png file; with --each, a folder.")
    ] = None,
    model: ModelOption = None,
    method: MethodOption = "grad_cam",
    class_name: ClassOption = None,
    against: AgainstOption = None,
    score: KindOption = "logit",
    of: OfOption = None,
    layer: LayerOption = "",
    views: ViewsOption = False,
    journal: Annotated[str, typer.Option(help="mnras, apj or aa.")] = "mnras",
    columns: Annotated[int, typer.Option(help="Columns of the page that it is wide: 1 or 2.")] = 2,
    style: Annotated[str, typer.Option(help="map, overlay or contours.")] = "map",
    on: Annotated[str, typer.Option(help="What an overlay or contours lie on: rgb, or a band.")] = "rgb",
    axes: Annotated[str, typer.Option(help="scale (a bar in arcsec, a compass) or wcs (coordinates).")] = "scale",
    by_band: Annotated[bool, typer.Option("--rows-per-band", help="A row per band, not per galaxy.")] = False,
    without: Annotated[
        list[str] | None, typer.Option(help="For repaint: a component to leave out. May be repeated.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", "-n", min=1, help="How many neighbours, or pairs, or figures of --each.")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="A figure for each galaxy, of none named for all.")] = False,
    form: Annotated[str, typer.Option("--format", help="Of --each: pdf, svg or png.")] = "pdf",
) -> None:
    """A figure for a paper, its caption beside it (.txt), its numbers (.csv) and its maps (.fits with WCS)."""
    from gz2interp.figures.journals import Page
    from gz2interp.figures.manner import Manner
    from gz2interp.figures.paper import checked_format
    from gz2interp.painting import Alteration
    from gz2interp.workflows.attribute import Question
    from gz2interp.workflows.figures import Wish, draw_each, draw_figure, write_drawing
    from gz2interp.workflows.opening import open_subject

    question = Question(method, _score(score, class_name, against), layer, views=views)
    manner = Manner(Page(journal, columns), style, on, axes)
    subject = open_subject(survey, model)
    if of is not None:
        question = replace(question, score=_written(subject, of, question.score))
    wish = Wish(layout, question, manner, Alteration(tuple(without or ())), most, by_band)
    path = out or Path("figures" if each else "figure.pdf")
    checked_format(Path(f"figure.{form}") if each else path)
    if each:
        with ProgressBars() as told:
            drawn = list(draw_each(subject, galaxies or (), wish, path, f".{form}", told))
        say(f"{len(drawn)} figures are in {path}")
        return
    with console.status("Opening the network"):
        drawing = draw_figure(subject, galaxies or (), wish)
    files = write_drawing(drawing, path)
    say("\n".join(map(str, files)))
    say(drawing.caption)


@app.command()
def neighbours(
    survey: SurveyArgument,
    galaxy: Annotated[str, typer.Argument(metavar="GALAXY", help="Galaxy id.")],
    model: ModelOption = None,
    layer: LayerOption = "",
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many.")] = 12,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write them: .csv, .parquet, .fits or .vot.")
    ] = None,
) -> None:
    """The nearest galaxies in the network's own space, nearest first."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.tables import write_table
    from gz2interp.workflows.nearby import neighbours_of

    opened = Survey.open(find_survey(survey))
    found = neighbours_of(opened, opened.model(model), galaxy, layer, most)
    table(f"Nearest to {galaxy}", found)
    if out:
        write_table(out, found)


@app.command()
def repaint(
    survey: SurveyArgument,
    galaxy: Annotated[str, typer.Argument(metavar="GALAXY", help="Galaxy id.")],
    without: Annotated[list[str] | None, typer.Option(help="A component to leave out. May be repeated.")] = None,
    turned: Annotated[float, typer.Option(help="Degrees.")] = 0.0,
    dimmed: Annotated[float, typer.Option(help="Magnitudes; below 0 it shines brighter.")] = 0.0,
    redshift: Annotated[float | None, typer.Option(help="Where the galaxy is moved to.")] = None,
    blurred: Annotated[float, typer.Option(help="Factor on the width of the PSF.")] = 1.0,
    recoloured: Annotated[str, typer.Option(help="Added to u-g,g-r,r-i,i-z, for example 0.3,0.2,0.1,0.")] = "0,0,0,0",
    only: Annotated[list[str] | None, typer.Option(help="Dim and recolour this component only.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Ask this network about both images.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A .pdf, .svg, .png or .fits file.")] = None,
) -> None:
    """What a painted galaxy is made of, and the same galaxy altered under the same noise."""
    from gz2interp.painting import Alteration
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.counterfactual import said_of, write_repainted
    from gz2interp.workflows.repaint import components_table, repaint_galaxy

    opened = Survey.open(find_survey(survey))
    table(f"Galaxy {galaxy} is made of", components_table(opened, galaxy))
    colours = _colours(recoloured)
    asked = Alteration(tuple(without or ()), (), turned, dimmed, redshift, blurred, colours, tuple(only or ()))
    if asked == Alteration() and out is None:
        return
    altered = repaint_galaxy(opened, galaxy, asked, _probe(survey, model) if model else None)
    for name, before in altered.said_before.items():
        say(f"  {name:<12} {before:6.1%} as it is, {altered.said_after[name]:6.1%} {said_of(asked)}")
    if out:
        write_repainted(opened, altered, out)
        say(str(out))


@app.command("card")
def card_(
    survey: SurveyArgument,
    model: ModelOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; by default the folder 'card' beside the model.")
    ] = None,
) -> None:
    """What is known of a network, and what is not: data, labels, scores, failures, its most confident mistakes."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.card import card, write_card

    opened = Survey.open(find_survey(survey))
    known = card(opened, model)
    for path in write_card(known, opened, out or opened.model(model).path / "card"):
        say(str(path))
    for sentence in known.unknown:
        say(f"not known  {sentence}")


@survey_app.command("check")
def check_survey_(survey: SurveyArgument) -> None:
    """Read every part of a survey and compare it with what was written down about it."""
    from gz2interp.stores.checking import check_survey
    from gz2interp.stores.locations import find_survey

    path = find_survey(survey)
    with ProgressBars() as told:
        findings = check_survey(path, lambda done, of: told("reading", done, of))
    for finding in sorted(findings, key=lambda finding: not finding.is_damage):
        say(("damage  " if finding.is_damage else "note    ") + finding.words)
    damaged = sum(finding.is_damage for finding in findings)
    say(f"{path} has {damaged} damaged parts." if damaged else f"{path} is whole.")
    if damaged:
        raise typer.Exit(1)


@survey_app.command("export")
def export(
    survey: SurveyArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="A .parquet, .csv, .fits, .vot or .xml file.")],
    model: ModelOption = None,
) -> None:
    """The catalogue joined with status, predictions and map, as one table."""
    from gz2interp.stores.exporting import joined_table
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.tables import write_table

    joined = joined_table(Survey.open(find_survey(survey)), model)
    write_table(out, joined)
    say(f"{out}: {len(joined)} galaxies, {len(joined.columns)} columns")


@survey_app.command("import")
def import_(
    survey: SurveyArgument,
    model: Annotated[Path, typer.Option("--model", "-m", help="A .keras file, or the folder of a model.")],
    name: Annotated[str, typer.Option(help="Its name in this survey.")] = "",
    classes: Annotated[str, typer.Option(help="Names of its classes, with commas, in the order of the outputs.")] = "",
) -> None:
    """Lay a network that was trained elsewhere into a survey."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.lay import lay_model

    names = [part.strip() for part in classes.split(",") if part.strip()]
    folder = lay_model(Survey.open(find_survey(survey)), model, name, names)
    say(f"{folder.path}\nNow run gz2interp analyse {survey} --model {folder.name}")


def _probe(survey: str, model: str) -> Any:
    from gz2interp.workflows.opening import open_subject

    with console.status("Opening the network"):
        return open_subject(survey, model).probe


def _line(text: str) -> tuple[float, float]:
    try:
        offset, slope = (float(value) for value in text.split(","))
    except ValueError:
        raise InputError(f"--line {text} was given", "An offset [arcsec] and a slope", "For example -0.4,0.9") from None
    return offset, slope


def _colours(text: str) -> tuple[float, float, float, float]:
    try:
        ug, gr, ri, iz = (float(value) for value in text.split(","))
    except ValueError:
        raise InputError(
            f"--recoloured {text} was given", "Four numbers [mag], for u-g, g-r, r-i, i-z", "For example 0.3,0.2,0.1,0"
        ) from None
    return ug, gr, ri, iz


def _written(subject: Any, of: str | None, score: Any) -> Any:
    """The score that ``--of`` writes down, or else the one that other options name."""
    from gz2interp.workflows.asked import score_from

    if of is None:
        return score
    if score is not None:
        raise InputError("--of was given beside --class", remedy="Say the whole score with --of")
    return score_from(subject, of)


def _score(kind: str, class_name: str | None, against: str | None) -> Any:
    from gz2interp.network.scores import logit, probability

    kinds = {"logit": logit, "probability": probability}
    if kind not in kinds:
        raise InputError(f"The score {kind!r} was given", "logit or probability")
    if class_name is None:
        if against is not None or kind != "logit":
            raise InputError("--against or --score was given without --class", remedy="Say which class with --class")
        return None
    score = kinds[kind](class_name)
    return score - kinds[kind](against) if against else score


if __name__ == "__main__":
    main()
