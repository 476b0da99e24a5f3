"""Options and arguments shared by verbs, and the parsing of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gz2interp.console import console
from gz2interp.errors import InputError

if TYPE_CHECKING:
    from gz2interp.stores.survey import Survey

__all__ = [
    "AgainstOption",
    "ClassOption",
    "GalaxiesArgument",
    "KindOption",
    "LayerOption",
    "MethodOption",
    "ModelOption",
    "OfOption",
    "ProgressOption",
    "SchedulerOption",
    "SurveyArgument",
    "ViewsOption",
    "class_score",
    "colours_from",
    "line_from",
    "open_survey",
    "probe_of",
    "score_of",
]

SurveyArgument = Annotated[str, typer.Argument(metavar="SURVEY", help="A survey's folder, its name, or an address.")]
ModelOption = Annotated[str | None, typer.Option("--model", "-m", help="The model; may be left out if there is one.")]
GalaxiesArgument = Annotated[list[str], typer.Argument(metavar="GALAXY...", help="Galaxy ids.")]
MethodOption = Annotated[str, typer.Option(help="One of gz2interp methods.")]
ClassOption = Annotated[
    str | None, typer.Option("--class", help="Explain this class; by default the one predicted for each galaxy.")
]
AgainstOption = Annotated[str | None, typer.Option("--against", help="Explain the class against this one.")]
LayerOption = Annotated[str, typer.Option(help="The layer; by default the last spatial one.")]
ViewsOption = Annotated[
    bool, typer.Option("--views", help="Mean and variance over the galaxy's rotated and mirrored views.")
]
OfOption = Annotated[
    str | None,
    typer.Option("--of", help="Explain this score: 'logit(spiral) - channel(block3, 12)', 'similarity(GALAXY)', ..."),
]
ProgressOption = Annotated[
    str, typer.Option("--progress", help="bars, or json: a record a line, and nothing else on standard output.")
]
SchedulerOption = Annotated[
    str,
    typer.Option("--scheduler", help="Scheduler of a Dask cluster that does the work: tcp://host:8786. Same numbers."),
]
KindOption = Annotated[str, typer.Option("--score", help="logit or probability.")]


def open_survey(survey: str) -> Survey:
    """Open the survey of the argument SURVEY."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey

    return Survey.open(find_survey(survey))


def probe_of(survey: str, model: str) -> Any:
    """The network of a survey, opened with a status line."""
    from gz2interp.workflows.study import open_study

    with console.status("Opening the network"):
        return open_study(survey, model).probe


def line_from(text: str) -> tuple[float, float]:
    """Parse offset [arcsec] and slope, separated by a comma."""
    try:
        offset, slope = (float(value) for value in text.split(","))
    except ValueError:
        raise InputError(f"--line {text} was given", "An offset [arcsec] and a slope", "For example -0.4,0.9") from None
    return offset, slope


def colours_from(text: str) -> tuple[float, float, float, float]:
    """Parse four colour differences [mag], separated by commas."""
    try:
        ug, gr, ri, iz = (float(value) for value in text.split(","))
    except ValueError:
        raise InputError(
            f"--recoloured {text} was given", "Four numbers [mag], for u-g, g-r, r-i, i-z", "For example 0.3,0.2,0.1,0"
        ) from None
    return ug, gr, ri, iz


def score_of(study: Any, of: str | None, score: Any) -> Any:
    """The score of ``--of``, or else that of other options."""
    from gz2interp.workflows.score_text import score_from

    if of is None:
        return score
    if score is not None:
        raise InputError("--of and --class were given together", remedy="Give the whole score with --of")
    return score_from(study, of)


def class_score(kind: str, class_name: str | None, against: str | None) -> Any:
    """The score of ``--score``, ``--class`` and ``--against``; None for the predicted class's logit."""
    from gz2interp.network.scores import logit, probability

    kinds = {"logit": logit, "probability": probability}
    if kind not in kinds:
        raise InputError(f"The score {kind!r} was given", "logit or probability")
    if class_name is None:
        if against is not None or kind != "logit":
            raise InputError("--against or --score was given without --class", remedy="Name the class with --class")
        return None
    score = kinds[kind](class_name)
    return score - kinds[kind](against) if against else score
