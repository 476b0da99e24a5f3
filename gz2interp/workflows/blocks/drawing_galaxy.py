"""Figures for papers of one galaxy's building blocks, each with its caption and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from gz2interp.cells import CellGeometry
from gz2interp.concepts.attribution import Accounted
from gz2interp.concepts.dictionary import PlaceEntries
from gz2interp.concepts.groups import Groups
from gz2interp.errors import InputError
from gz2interp.figures.layouts.dictionary import DictionaryPlace, DictionaryWord, dictionary_figure
from gz2interp.figures.layouts.groups import active_groups, groups_figure
from gz2interp.figures.style import Manner
from gz2interp.workflows.blocks.galaxy import GalaxyBlocks
from gz2interp.workflows.blocks.pictures import fires_in
from gz2interp.workflows.blocks.words import (
    DEPTH,
    TOP,
    Features,
    caption,
    channels_in_words,
    entry_in_words,
    folder_of,
    most_evident,
    place_in_words,
    short,
    shown_in_words,
)
from gz2interp.workflows.figures.drawing import Drawing
from gz2interp.workflows.opening import Subject

__all__ = ["dictionary_drawing", "groups_drawing"]

TOPS: Final = 4


def dictionary_drawing(
    subject: Subject,
    blocks: GalaxyBlocks,
    manner: Manner | None = None,
    places: Sequence[tuple[int, int]] = (),
    most: int = 5,
    features: Features | None = None,
) -> Drawing:
    """The semantic dictionary of a galaxy.

    Parameters
    ----------
    subject : Subject
    blocks : GalaxyBlocks
        Of a galaxy of the survey.
    manner : Manner, optional
    places : sequence of (int, int), optional
        (y, x) in the layer's plane; by default the three where it says most.
    most : int, optional
        Channels at each.
    features : mapping, optional
        Channel -> its feature image (y, x, band), nanomaggies.

    Raises
    ------
    SurveyError
        The survey's building blocks have not been looked for: it is not known which galaxies channels are loudest in.
    """
    manner, features = manner or Manner(), features or {}
    folder, shown = folder_of(subject, blocks.layer), shown_in_words(subject, blocks)
    found = [blocks.entries(place, most) for place in places or blocks.places()]
    tops = folder.arrays("tops")
    galaxies = {
        entry.channel: fires_in(subject, tops["peak_rows"][entry.channel, :TOPS], blocks.layer, entry.channel)
        for each in found
        for entry in each.entries
    }
    pages = [
        DictionaryPlace(
            blocks.cells.box(*each.place),
            place_in_words(each.accounted, each.scores),
            [
                DictionaryWord(
                    f"channel {entry.channel}",
                    entry_in_words(entry, each.scores),
                    galaxies[entry.channel],
                    features.get(entry.channel),
                )
                for entry in each.entries
            ],
        )
        for each in found
    ]
    foot = f"Layer {blocks.layer}. {channels_in_words(blocks)} {TOP}"
    figure = dictionary_figure(shown, pages, subject.survey.bands, manner, foot)
    what = (
        f"Semantic dictionary of galaxy {blocks.galaxy_id} in layer {blocks.layer}: the numbered places have the "
        f"largest activations; beside each its strongest channels, relative to their top, with "
        f"{'the feature image and ' if features else ''}the most activating galaxies, and what they add to the logits "
        f"of classes there, attributed along the path from zero activations. {TOP} {DEPTH}"
    )
    return Drawing(figure, caption(subject, what, [shown], bool(features)), (), _numbers_of(found, blocks.cells))


def _numbers_of(found: Sequence[PlaceEntries], cells: CellGeometry) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "y": each.place[0],
                "x": each.place[1],
                "y_pixel": cells.y[each.place[0]],
                "x_pixel": cells.x[each.place[1]],
                "channel": entry.channel,
                "activation": entry.activation,
                "loudness": entry.loudness,
                **dict(zip(each.scores, entry.effects, strict=True)),
            }
            for each in found
            for entry in each.entries
        ]
    )


def groups_drawing(
    subject: Subject, blocks: GalaxyBlocks, manner: Manner | None = None, features: Features | None = None
) -> Drawing:
    """Neuron groups over a galaxy, with what each does for every class.

    Parameters
    ----------
    subject : Subject
    blocks : GalaxyBlocks
    manner : Manner, optional
    features : mapping, optional
        Group, from 0 -> its feature image (y, x, band), nanomaggies.

    Raises
    ------
    InputError
        The layer has no places to lay over the galaxy.
    """
    if blocks.activations.ndim != 3:
        raise InputError(
            f"A figure of groups of layer {blocks.layer!r} was asked for",
            "A layer of shape (y, x, channel)",
            "The table of groups knows every layer",
        )
    manner, features = manner or Manner(), features or {}
    effects, shown = blocks.effects, shown_in_words(subject, blocks, shares=True)
    scores = [short(name) for name in blocks.scores]
    active = active_groups(effects.loads[0])
    silent = [str(group + 1) for group in range(len(blocks.groups)) if group not in active]
    absent = (
        f" Left out, for in this galaxy it reaches less than a tenth of the strongest: group {', '.join(silent)}."
        if silent
        else ""
    )
    foot = (
        "Bars: what the group adds to each score (red increases it, blue decreases it); diamonds: how much the score "
        f"falls when the group is removed.{absent} {_account_in_words(effects.accounted[most_evident(blocks)])}"
    )
    figure = groups_figure(
        shown,
        blocks.cells.on_pixels(effects.loads[0]),
        effects.attributed[0],
        effects.removed[0],
        scores,
        subject.survey.bands,
        manner,
        foot,
        [features.get(group) for group in range(len(blocks.groups))],
        active,
    )
    held = " ".join(_account_in_words(each) for each in effects.accounted)
    what = (
        f"Neuron groups of layer {blocks.layer} over galaxy {blocks.galaxy_id}: non-negative factors of its "
        f"activations, {_whose(blocks.groups)}{absent} Attribution is averaged along the path from zero activations. "
        f"{held}"
    )
    numbers = pd.DataFrame(
        [
            {
                "group": group + 1,
                "score": score,
                "attributed": effects.attributed[0, group, k],
                "removed": effects.removed[0, group, k],
                "evidence": effects.accounted[k].evidence[0],
            }
            for group in range(len(blocks.groups))
            for k, score in enumerate(blocks.scores)
        ]
    )
    return Drawing(figure, caption(subject, what, [shown], bool(features)), (), numbers)


def _account_in_words(told: Accounted) -> str:
    return told.words(name="groups")


def _whose(groups: Groups) -> str:
    return f"which give back {groups.held:.0%} of its squared length where they were found.".replace("%", " %")
