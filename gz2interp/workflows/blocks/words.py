"""What figures of building blocks say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.attribution import Accounted
from gz2interp.concepts.correlates import strongest_correlates
from gz2interp.concepts.dictionary import Entry
from gz2interp.errors import InputError, SurveyError
from gz2interp.figures.pieces.pictures import stretch_for
from gz2interp.figures.rgb import Stretch
from gz2interp.figures.shown import Shown
from gz2interp.schema import name_in_words, score_in_words
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.blocks.galaxy import GalaxyBlocks
from gz2interp.workflows.blocks.kept import kept_blocks
from gz2interp.workflows.blocks.pictures import shown_of_rows
from gz2interp.workflows.figures.words import acknowledgement, colour_in_words, images_in_words
from gz2interp.workflows.opening import Subject

__all__ = [
    "DEPTH",
    "TOP",
    "Features",
    "caption",
    "channel_in_words",
    "channels_in_words",
    "entry_in_words",
    "folder_of",
    "most_evident",
    "place_in_words",
    "plus",
    "short",
    "shown_in_words",
]

Features = Mapping[Any, NDArray[np.float32]]
"""Feature images by what they are of: a channel's number, a group's number from 0, a cell's (column, row)."""

FEATURES: Final = "Feature images are fainter than galaxies, and have a stretch of colour of their own."
DEPTH: Final = "Outlined: where the channel reaches half of its maximum in that galaxy."
TOP: Final = "Top: the activation that a channel reaches in its most activating galaxies of the survey."


def folder_of(subject: Subject, layer: str) -> BlocksFolder:
    """The kept building blocks of a layer.

    Raises
    ------
    SurveyError
        They have not been looked for.
    """
    folder = kept_blocks(subject.survey, subject.model, layer)
    if folder is None:
        raise SurveyError(
            f"The building blocks of {layer or 'a layer'} have not been looked for",
            remedy=f"Run gz2interp channels {subject.survey.path} --model {subject.model.name}"
            + (f" --layer {layer}" if layer else ""),
        )
    return folder


def shown_in_words(subject: Subject, blocks: GalaxyBlocks, shares: bool = False) -> Shown:
    """A galaxy with what the network says of it, the evidence, and on demand the share that its groups account for.

    Raises
    ------
    InputError
        It is not in the survey.
    """
    if blocks.cutout is None:
        raise InputError("An image that is not in the survey was given", "A galaxy of the survey, for a figure")
    (shown,) = shown_of_rows(subject, np.array([subject.survey.row_of(blocks.galaxy_id)]))
    names = subject.probe.class_names
    said = [f"{name_in_words(name)} {p:.0%}" for name, p in zip(names, blocks.probabilities, strict=True) if p >= 0.005]
    return replace(shown, words="\n".join([str(blocks.galaxy_id), *said, *_evidence(blocks, shares)]))


def _evidence(blocks: GalaxyBlocks, shares: bool) -> list[str]:
    """Of each score, and on demand what of it comes from the groups: a share of a sum of both signs tells nothing."""
    told = blocks.effects.accounted
    parts = [f", groups {plus(float(each.shown[0]))}" if shares else "" for each in told]
    values = [plus(float(each.evidence[0])) for each in told]
    lines = [f"{short(each.score)} {value}{part}" for each, value, part in zip(told, values, parts, strict=True)]
    head = "logits above an empty sky" if all(each.score.startswith("logit(") for each in told) else "evidence"
    return [f"{head}, and what of them the groups add:" if shares else f"{head}:", *lines]


def most_evident(blocks: GalaxyBlocks) -> int:
    """The score with most evidence."""
    return int(np.argmax([each.evidence[0] for each in blocks.effects.accounted]))


def channels_in_words(blocks: GalaxyBlocks) -> str:
    """How much of the evidence the strongest channels of the whole galaxy account for."""
    shown, told = blocks.strongest_channels(most_evident(blocks))
    return f"Whole galaxy, {told.words(name=f'{len(shown)} strongest channels')}"


def short(score: str) -> str:
    """Of a class' logit, the class."""
    bare = score.removeprefix("logit(").removesuffix(")") if score.startswith("logit(") else score
    return name_in_words(bare) if "(" not in bare and ")" not in bare else score_in_words(score)


def entry_in_words(entry: Entry, scores: Sequence[str]) -> str:
    """How loud a channel is at a place, and what it adds there."""
    order = np.argsort(-np.abs(entry.effects), kind="stable")[:2]
    effects = ", ".join(f"{short(scores[k])} {plus(entry.effects[k])}" for k in order)
    loud = "" if np.isnan(entry.loudness) else f"{entry.loudness:.1f} of its top; "
    return f"{loud}{effects}"


def place_in_words(accounted: Sequence[Accounted], scores: Sequence[str]) -> str:
    """What a place adds most to, and how much of that the channels shown account for."""
    best = int(np.argmax([each.evidence[0] for each in accounted]))
    told = accounted[best]
    shown = plus(float(told.shown[0]))
    return f"adds most to {short(scores[best])}: {plus(float(told.evidence[0]))} (the channels shown: {shown})"


def channel_in_words(folder: BlocksFolder, channel: int) -> str:
    """What is odd about a channel, and what it goes with."""
    row, lines = folder.channels.iloc[channel], list[str]()
    if row["silent"]:
        lines.append("never active")
    if row["twin"] >= 0:
        lines.append(f"redundant with {row['twin']} (r {plus(row['twin_r'])})")
    if row["artefact"]:
        share = f"{row['artefact_share']:.0%} of its top galaxies".replace("%", " %")
        lines.append(f"artefact: {name_in_words(row['artefact'])} in {share}")
    told = strongest_correlates(folder.correlates, channel, 2)
    named = zip(map(name_in_words, told["column"]), told["rho"], strict=True)
    lines += [f"{column}: rho {plus(rho)}" for column, rho in named]
    return "\n".join(lines) if lines else "correlates with no column"


def plus(value: float) -> str:
    """With its sign, and a true minus."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def caption(
    subject: Subject, what: str, shown: Sequence[Shown], features: bool = False, stretch: Stretch | None = None
) -> str:
    """What a reader of the paper needs besides: colours, network, data, origin of the images."""
    survey, model = subject.survey, subject.model
    parts = [
        what,
        colour_in_words(survey.bands, stretch or stretch_for(shown, survey.bands)),
        FEATURES if features else "",
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    ]
    return " ".join(part for part in parts if part)
