"""Figures for papers of a layer's building blocks, each with its caption and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.concepts.correlates import strongest_correlates
from gz2interp.concepts.dictionary import Entry, pixels_of
from gz2interp.concepts.groups import Groups
from gz2interp.errors import InputError, SurveyError
from gz2interp.figures.layouts.atlas import AtlasCell, atlas_figure
from gz2interp.figures.layouts.dictionary import DictionaryPlace, DictionaryWord, dictionary_figure
from gz2interp.figures.layouts.groups import groups_figure
from gz2interp.figures.layouts.tops import ChannelRow, tops_figure
from gz2interp.figures.manner import Manner
from gz2interp.figures.pieces.pictures import stretch_for
from gz2interp.figures.rgb import Stretch
from gz2interp.figures.shown import Shown
from gz2interp.stores.blocks import BlocksFolder
from gz2interp.workflows.blocks.atlases import ALL, kept_atlas
from gz2interp.workflows.blocks.finding import kept_blocks
from gz2interp.workflows.blocks.galaxy import GalaxyBlocks
from gz2interp.workflows.blocks.pictures import fires_in, patches_of, shown_of_rows
from gz2interp.workflows.figures.drawing import Drawing
from gz2interp.workflows.figures.words import (
    acknowledgement,
    colour_in_words,
    images_in_words,
    plain,
    score_in_words,
    value_in_words,
)
from gz2interp.workflows.opening import Subject

__all__ = ["atlas_drawing", "dictionary_drawing", "groups_drawing", "tops_drawing"]

Floats = NDArray[np.float32]

Features = Mapping[Any, Floats]
"""Feature images by what they are of: a channel's number, a group's number from 0, a cell's (column, row)."""

TOPS: Final = 4
_DEPTH: Final = "Outlined: where the channel reaches half of its greatest value in that galaxy."


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
    folder, shown = _folder(subject, blocks.layer), _shown(subject, blocks)
    found = [blocks.entries(place, most) for place in places or blocks.places()]
    tops = folder.arrays("tops")
    galaxies = {
        entry.channel: fires_in(subject, tops["peak_rows"][entry.channel, :TOPS], blocks.layer, entry.channel)
        for each in found
        for entry in each.entries
    }
    pages = [
        DictionaryPlace(
            _box(each.place, blocks.activations.shape, shown.shape),
            _of_place(each.accounted, each.scores),
            [
                DictionaryWord(
                    f"channel {entry.channel}",
                    _of_entry(entry, each.scores),
                    galaxies[entry.channel],
                    features.get(entry.channel),
                )
                for entry in each.entries
            ],
        )
        for each in found
    ]
    foot = f"Layer {blocks.layer}. {_best(blocks)} Attribution along the path from a layer that says nothing."
    figure = dictionary_figure(shown, pages, subject.survey.bands, manner, foot)
    what = (
        f"Semantic dictionary of galaxy {blocks.galaxy_id} in layer {blocks.layer}: the numbered places are where the "
        f"layer says most; beside each its strongest channels, relative to what is loud for them in the survey, with "
        f"{'the feature image and ' if features else ''}the galaxies in which they are loudest, and what they add to "
        f"the classes there. {_DEPTH}"
    )
    numbers = pd.DataFrame(
        [
            {
                "y": each.place[0],
                "x": each.place[1],
                "channel": entry.channel,
                "activation": entry.activation,
                "loudness": entry.loudness,
                **dict(zip(each.scores, entry.effects, strict=True)),
            }
            for each in found
            for entry in each.entries
        ]
    )
    return Drawing(figure, _caption(subject, what, [shown]), (), numbers)


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
    """
    manner, features = manner or Manner(), features or {}
    effects, shown = blocks.effects, _shown(subject, blocks)
    scores = [_short(name) for name in blocks.scores]
    foot = (
        "Bars: attributed to the group (red for, blue against), in the unit of the score; diamonds: how much the score "
        f"falls without the group. {effects.accounted[_predicted(blocks)].words(name='groups')}"
    )
    figure = groups_figure(
        shown,
        effects.loads[0],
        effects.attributed[0],
        effects.removed[0],
        scores,
        subject.survey.bands,
        manner,
        foot,
        [features.get(group) for group in range(len(blocks.groups))],
    )
    held = " ".join(each.words(name="groups") for each in effects.accounted)
    what = (
        f"Neuron groups of layer {blocks.layer} over galaxy {blocks.galaxy_id}: non-negative factors of what the layer "
        f"says, {_whose(blocks.groups)} Attribution is averaged along the path from a layer that says nothing. {held}"
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
    return Drawing(figure, _caption(subject, what, [shown]), (), numbers)


def tops_drawing(
    subject: Subject,
    layer: str,
    channels: Sequence[int],
    manner: Manner | None = None,
    tops: int = 5,
    bottoms: int = 2,
    features: Features | None = None,
) -> Drawing:
    """Loudest and quietest galaxies of some channels.

    Raises
    ------
    SurveyError
        The layer's building blocks have not been looked for.
    InputError
        There is no such channel.
    """
    manner, features, folder = manner or Manner(), features or {}, _folder(subject, layer)
    kept, table = folder.arrays("tops"), folder.channels
    layer = folder.provenance.layer if folder.provenance else layer
    for channel in channels:
        if not 0 <= channel < len(table):
            raise InputError(f"Channel {channel} was asked for", f"0 to {len(table) - 1}")
    rows = [
        ChannelRow(
            f"channel {channel}",
            _of_channel(folder, channel),
            fires_in(subject, kept["top_rows"][channel, :tops], layer, channel),
            fires_in(subject, kept["bottom_rows"][channel, :bottoms], layer, channel),
            features.get(channel),
        )
        for channel in channels
    ]
    foot = f"Layer {layer}; loud: the channel's mean over the image plane. {_DEPTH}"
    figure = tops_figure(rows, subject.survey.bands, manner, foot)
    shown = [cell.shown for row in rows for cell in (*row.tops, *row.bottoms)]
    tests = len(folder.correlates)
    what = (
        f"Channels of layer {layer} by the galaxies in which they are loudest and quietest, of "
        f"{len(subject.survey.galaxy_ids):,}. rho: Spearman's rank correlation; told where it is at least 0.3 and "
        f"counts at a false discovery rate of 1 % among all {tests:,} tests. {_DEPTH}"
    )
    return Drawing(figure, _caption(subject, what, shown), (), table.iloc[list(channels)].reset_index(drop=True))


def atlas_drawing(
    subject: Subject,
    layer: str = "",
    name: str = ALL,
    manner: Manner | None = None,
    features: Features | None = None,
) -> Drawing:
    """The activation atlas of the survey, or of one class.

    Parameters
    ----------
    subject : Subject
    layer : str, optional
        "" for the layer analysed last.
    name : str, optional
        ``"all"`` or a class.
    manner : Manner, optional
    features : mapping, optional
        (column, row) of a cell -> its feature image (y, x, band), nanomaggies.

    Raises
    ------
    SurveyError
        The layer's building blocks have not been looked for.
    """
    manner, features, folder = manner or Manner(), features or {}, _folder(subject, layer)
    atlas, places = kept_atlas(folder, name), folder.arrays("places")
    layer = folder.provenance.layer if folder.provenance else layer
    patches = patches_of(subject, layer, atlas.patches[:, 0], places)
    best = atlas.attributed.argmax(axis=1)
    keys = list(zip(atlas.column.tolist(), atlas.row.tolist(), strict=True))
    cells = [
        AtlasCell(*key, int(count), int(score), patch, features.get(key))
        for key, count, score, patch in zip(keys, atlas.counts, best, patches, strict=True)
    ]
    sample = shown_of_rows(subject, np.unique(places["rows"])[:: max(len(places["rows"]) // 64, 1)][:64])
    stretch = stretch_for(sample, subject.survey.bands)
    whose = "all classes" if name == ALL else f"places that add most to {plain(name)}"
    shown_places = f"{atlas.coverage:,} places in {len(cells)} cells"
    foot = (
        f"Layer {layer}, {whose}: {shown_places}; a cell's area goes with its places, none is drawn smaller than 0.3."
    )
    figure = atlas_figure(cells, [plain(each) for each in atlas.scores], subject.survey.bands, stretch, manner, foot)
    what = (
        f"Activation atlas of layer {layer}, {whose} ({shown_places}, of {len(places['rows']):,} sampled by how much "
        "the layer says there): places laid out by UMAP on the cosine between what the layer says, gathered in cells. Each "
        "cell shows a piece of the galaxy whose place is most like the cell's mean; its frame tells the class to which "
        "the cell adds most beyond what it adds to all (activation times gradient). On average the mean of a cell is "
        f"{float(atlas.held.mean()):.0%} as long as what its places say."
    ).replace("%", " %")
    numbers = pd.DataFrame(
        {
            "column": atlas.column,
            "row": atlas.row,
            "places": atlas.counts,
            "alike": atlas.held,
            **{score: atlas.attributed[:, k] for k, score in enumerate(atlas.scores)},
        }
    )
    return Drawing(figure, _caption(subject, what, sample, stretch), (), numbers)


def _folder(subject: Subject, layer: str) -> BlocksFolder:
    folder = kept_blocks(subject.survey, subject.model, layer)
    if folder is None:
        raise SurveyError(
            f"The building blocks of {layer or 'a layer'} have not been looked for",
            "blocks(subject, layer) finds and keeps them",
        )
    return folder


def _shown(subject: Subject, blocks: GalaxyBlocks) -> Shown:
    if blocks.cutout is None:
        raise InputError("An image that is not in the survey was given", "A galaxy of the survey, for a figure")
    (shown,) = shown_of_rows(subject, np.array([subject.survey.row_of(blocks.galaxy_id)]))
    names = subject.probe.class_names
    said = [f"{plain(name)} {p:.0%}" for name, p in zip(names, blocks.probabilities, strict=True) if p >= 0.005]
    return replace(shown, words="\n".join([str(blocks.galaxy_id), *said, *_evidence(blocks)]))


def _evidence(blocks: GalaxyBlocks) -> list[str]:
    told = blocks.effects.accounted
    return ["evidence:", *(f"{_short(each.score)} {value_in_words(float(each.evidence[0]))}" for each in told)]


def _predicted(blocks: GalaxyBlocks) -> int:
    """The score with most evidence."""
    return int(np.argmax([each.evidence[0] for each in blocks.effects.accounted]))


def _best(blocks: GalaxyBlocks) -> str:
    shown, told = blocks.strongest_channels(_predicted(blocks))
    return f"Of the whole galaxy, {told.words(name=f'{len(shown)} strongest channels')}"


def _box(place: tuple[int, int], plane: tuple[int, ...], shape: tuple[int, int]) -> tuple[float, float, float, float]:
    y, x = pixels_of(place, plane, shape)
    height, width = (side / cells for side, cells in zip(shape, plane, strict=False))
    return y - height / 2 + 0.5, x - width / 2 + 0.5, height, width


def _short(score: str) -> str:
    """Of a class' logit, the class."""
    bare = score.removeprefix("logit(").removesuffix(")") if score.startswith("logit(") else score
    return plain(bare) if "(" not in bare and ")" not in bare else score_in_words(score)


def _of_entry(entry: Entry, scores: Sequence[str]) -> str:
    order = np.argsort(-np.abs(entry.effects), kind="stable")[:2]
    effects = ", ".join(f"{_short(scores[k])} {_plus(entry.effects[k])}" for k in order)
    loud = "" if np.isnan(entry.loudness) else f"{entry.loudness:.1f} of loud; "
    return f"{loud}{effects}"


def _of_place(accounted: Sequence[Any], scores: Sequence[str]) -> str:
    best = int(np.argmax([each.evidence[0] for each in accounted]))
    told, share = accounted[best], float(accounted[best].share[0])
    part = f" ({share:.0%} of it by the channels shown)".replace("%", " %") if np.isfinite(share) else ""
    part = part.replace("-", "\N{MINUS SIGN}")
    return f"adds most to {_short(scores[best])}: {_plus(float(told.evidence[0]))}{part}"


def _of_channel(folder: BlocksFolder, channel: int) -> str:
    row, lines = folder.channels.iloc[channel], list[str]()
    if row["silent"]:
        lines.append("does nothing")
    if row["twin"] >= 0:
        lines.append(f"twin of {row['twin']} (r {row['twin_r']:.2f})")
    if row["artefact"]:
        lines.append(
            f"artefact: {plain(row['artefact'])} in {row['artefact_share']:.0%} of its tops".replace("%", " %")
        )
    told = strongest_correlates(folder.correlates, channel, 2)
    lines += [f"{plain(column)}: rho {_plus(rho)}" for column, rho in zip(told["column"], told["rho"], strict=True)]
    return "\n".join(lines).replace("-", "\N{MINUS SIGN}") if lines else "goes with no column"


def _plus(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _whose(groups: Groups) -> str:
    return f"which give back {groups.held:.0%} of its squared length where they were found.".replace("%", " %")


def _caption(subject: Subject, what: str, shown: Sequence[Shown], stretch: Stretch | None = None) -> str:
    survey, model = subject.survey, subject.model
    parts = [
        what,
        colour_in_words(survey.bands, stretch or stretch_for(shown, survey.bands)),
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    ]
    return " ".join(part for part in parts if part)
