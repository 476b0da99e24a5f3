"""The building blocks of a layer: what its channels, groups and places say, and figures of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SurveyArgument
from gz2interp.errors import InputError, choices

LAYOUTS = ("dictionary", "groups", "tops", "atlas")


@app.command("blocks")
def blocks_(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    galaxy: Annotated[str, typer.Option(help="Take this galaxy apart: its id.")] = "",
    layout: Annotated[str, typer.Option(help="Of a figure: dictionary or groups (with --galaxy), tops, atlas.")] = "",
    channel: Annotated[list[int] | None, typer.Option(help="For tops: a channel. May be repeated.")] = None,
    class_name: Annotated[str, typer.Option("--class", help="For atlas: the places that add most to it.")] = "all",
    groups: Annotated[int, typer.Option(help="Groups of the galaxy alone; 0 for those of the survey.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The figure: a .pdf, .svg or .png file.")] = None,
    columns: Annotated[int, typer.Option(help="Columns of the page that it is wide: 1 or 2.")] = 2,
    progress: ProgressOption = "bars",
) -> None:
    """What a layer's channels, groups and places say of the survey's galaxies; found once, and kept."""
    from gz2interp.console import progress_as
    from gz2interp.workflows.blocks.finding import blocks
    from gz2interp.workflows.blocks.galaxy import blocks_of_galaxy
    from gz2interp.workflows.figures import write_drawing
    from gz2interp.workflows.opening import open_subject

    if layout not in ("", *LAYOUTS):
        raise InputError(f"The layout {layout!r} was given", f"One of {choices(LAYOUTS)}")
    if bool(layout) != bool(out) or (layout in LAYOUTS[:2] and not galaxy) or (layout == "tops" and not channel):
        raise InputError(
            "A figure was asked for in part",
            "--layout and --out together; with --galaxy for dictionary and groups, with --channel for tops",
        )
    subject = open_subject(survey, model)
    with progress_as(progress) as told:
        folder = blocks(subject, layer, progress=told)
        name = folder.provenance.layer if folder.provenance else layer
        found = blocks_of_galaxy(subject, galaxy, name, groups=groups) if galaxy else None
        drawing = _drawn(layout, subject, found, name, channel or [], class_name, columns) if layout else None
    for each in found.effects.accounted if found else ():
        told.say(each.words(name="groups"))
    if found is None:
        _tell(folder.channels, told)
    if drawing is not None and out is not None:
        for path in write_drawing(drawing, out):
            told.say(str(path))
    told.say(f"Tables of channels and of every test: {folder.path}")


def _drawn(
    layout: str, subject: Any, found: Any, layer: str, channels: list[int], class_name: str, columns: int
) -> Any:
    from gz2interp.figures.journals import Page
    from gz2interp.figures.manner import Manner
    from gz2interp.workflows.blocks.drawing_galaxy import dictionary_drawing, groups_drawing
    from gz2interp.workflows.blocks.drawing_layer import atlas_drawing, tops_drawing

    manner = Manner(Page(columns=columns))
    if layout == "dictionary":
        return dictionary_drawing(subject, found, manner)
    if layout == "groups":
        return groups_drawing(subject, found, manner)
    if layout == "tops":
        return tops_drawing(subject, layer, channels, manner)
    return atlas_drawing(subject, layer, class_name, manner)


def _tell(channels: Any, told: Any) -> None:
    """The odd ones."""
    odd = channels[channels["silent"] | (channels["twin"] >= 0) | (channels["artefact"] != "")]
    for row in odd.to_dict("records"):
        facts = [
            *(["does nothing"] if row["silent"] else []),
            *([f"twin of {row['twin']} (r {row['twin_r']:.3f})"] if row["twin"] >= 0 else []),
            *([f"fires at {row['artefact']}, {row['artefact_share']:.0%} of its tops"] if row["artefact"] else []),
        ]
        told.say(f"channel {row['channel']}  {', '.join(facts)}")
    if odd.empty:
        told.say(f"None of the {len(channels)} channels does nothing, is another's twin, or sees artefacts only.")
