"""Figures for papers of building blocks, of one galaxy or of a survey, with captions and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.concepts.attribution import Completeness
from gz2interp.concepts.correlates import strongest_correlates
from gz2interp.concepts.dictionary import DictionaryEntry, PlaceEntries
from gz2interp.concepts.groups import Groups
from gz2interp.errors import InputError, SurveyError
from gz2interp.figures.layouts.atlas import AtlasCell, atlas_figure, stretch_for_patches
from gz2interp.figures.layouts.dictionary import DictionaryPlace, DictionaryWord, dictionary_figure
from gz2interp.figures.layouts.groups import active_groups, groups_figure
from gz2interp.figures.layouts.tops import ChannelRow, tops_figure
from gz2interp.figures.pieces.cells import Cell
from gz2interp.figures.pieces.pictures import stretch_for
from gz2interp.figures.places import pieces_around
from gz2interp.figures.rgb import Stretch
from gz2interp.figures.shown import CutoutSky, FigureGalaxy, one_for_all
from gz2interp.figures.style import FigureStyle
from gz2interp.schema import DEC, RA, name_in_words, score_in_words
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.stores.tables import read_some_rows
from gz2interp.workflows.building_blocks import ALL, layer_cells, load_atlas, load_blocks
from gz2interp.workflows.figure_parts import Drawing, acknowledgement, colour_in_words, images_in_words
from gz2interp.workflows.galaxy_blocks import GalaxyBlocks
from gz2interp.workflows.study import Study

__all__ = [
    "DEPTH",
    "TOP",
    "Features",
    "activation_cells",
    "atlas_drawing",
    "atlas_patches",
    "caption",
    "channel_in_words",
    "channels_in_words",
    "dictionary_drawing",
    "entry_in_words",
    "figure_galaxies_at",
    "galaxy_with_evidence",
    "groups_drawing",
    "most_evident",
    "open_blocks",
    "place_in_words",
    "short_score",
    "signed",
    "tops_drawing",
]


Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def figure_galaxies_at(study: Study, rows: Ints) -> list[FigureGalaxy]:
    """Galaxies of a survey as figures show them."""
    survey = study.survey
    known = survey.journal.entries_of(rows)
    catalog = read_some_rows(survey.place.file("catalog.parquet"), rows, [RA, DEC])
    skies = zip(known["pixel_scale"], known["position_angle"], catalog[RA], catalog[DEC], strict=True)
    return [
        FigureGalaxy(image, valid, CutoutSky(*map(float, sky)))
        for image, valid, sky in zip(survey.images(rows), survey.valid(rows), skies, strict=True)
    ]


def activation_cells(study: Study, rows: Ints, layer: str, channel: int) -> list[Cell]:
    """Galaxies, each with a channel's map on the image's pixels; -1 stands for none."""
    rows = rows[rows >= 0]
    if not len(rows):
        return []
    said = study.probe.activations(study.survey.images(rows), layer)
    shown = figure_galaxies_at(study, rows)
    if said.ndim != 4:
        return [Cell(each, np.zeros((1, 1), np.float32)) for each in shown]
    cells = layer_cells(study.probe, layer, study.survey.shape)
    return [Cell(each, cells.on_pixels(map_)) for each, map_ in zip(shown, said[..., channel], strict=True)]


def atlas_patches(study: Study, layer: str, at: Ints, places: dict[str, NDArray[Any]]) -> list[Floats]:
    """Pieces of galaxies around places, float32 (y, x, band): three cells of the plane wide, inside the image."""
    rows, cells = places["rows"][at], layer_cells(study.probe, layer, study.survey.shape)
    found: list[Floats] = []
    for start in range(0, len(rows), 64):  # a portion of galaxies in memory at a time
        part = slice(start, start + 64)
        images = study.survey.images(rows[part])
        found.extend(pieces_around(images, cells, places["y"][at][part], places["x"][at][part]))
    return found


Features = Mapping[Any, NDArray[np.float32]]
"""Feature images by what they are of: a channel's number, a group's number from 0, a cell's (column, row)."""

FEATURES: Final = "Feature images are fainter than galaxies, and have a stretch of colour of their own."
DEPTH: Final = "Outlined: where the channel reaches half of its maximum in that galaxy."
TOP: Final = "Top: the activation that a channel reaches in its most activating galaxies of the survey."


def open_blocks(study: Study, layer: str) -> BlocksFolder:
    """The kept building blocks of a layer.

    Raises
    ------
    SurveyError
        They have not been looked for.
    """
    folder = load_blocks(study.survey, study.model, layer)
    if folder is None:
        raise SurveyError(
            f"The building blocks of {layer or 'a layer'} have not been looked for",
            remedy=f"Run gz2interp channels {study.survey.path} --model {study.model.name}"
            + (f" --layer {layer}" if layer else ""),
        )
    return folder


def galaxy_with_evidence(study: Study, blocks: GalaxyBlocks, shares: bool = False) -> FigureGalaxy:
    """A galaxy with what the network says of it, the evidence, and on demand the share that its groups account for.

    Raises
    ------
    InputError
        It is not in the survey.
    """
    if blocks.cutout is None:
        raise InputError("An image that is not in the survey was given", "A galaxy of the survey, for a figure")
    (shown,) = figure_galaxies_at(study, np.array([study.survey.row_of(blocks.galaxy_id)]))
    names = study.probe.class_names
    said = [f"{name_in_words(name)} {p:.0%}" for name, p in zip(names, blocks.probabilities, strict=True) if p >= 0.005]
    return replace(shown, words="\n".join([str(blocks.galaxy_id), *said, *_evidence(blocks, shares)]))


def _evidence(blocks: GalaxyBlocks, shares: bool) -> list[str]:
    """Of each score, and on demand what of it comes from the groups: a share of a sum of both signs tells nothing."""
    told = blocks.effects.accounted
    parts = [f", groups {signed(float(each.shown[0]))}" if shares else "" for each in told]
    values = [signed(float(each.evidence[0])) for each in told]
    lines = [f"{short_score(each.score)} {value}{part}" for each, value, part in zip(told, values, parts, strict=True)]
    head = "logits above an empty sky" if all(each.score.startswith("logit(") for each in told) else "evidence"
    return [f"{head}, and what of them the groups add:" if shares else f"{head}:", *lines]


def most_evident(blocks: GalaxyBlocks) -> int:
    """The score with most evidence."""
    return int(np.argmax([each.evidence[0] for each in blocks.effects.accounted]))


def channels_in_words(blocks: GalaxyBlocks) -> str:
    """How much of the evidence the strongest channels of the whole galaxy account for."""
    shown, told = blocks.strongest_channels(most_evident(blocks))
    return f"Whole galaxy, {told.words(name=f'{len(shown)} strongest channels')}"


def short_score(score: str) -> str:
    """Of a class' logit, the class."""
    bare = score.removeprefix("logit(").removesuffix(")") if score.startswith("logit(") else score
    return name_in_words(bare) if "(" not in bare and ")" not in bare else score_in_words(score)


def entry_in_words(entry: DictionaryEntry, scores: Sequence[str]) -> str:
    """How loud a channel is at a place, and what it adds there."""
    order = np.argsort(-np.abs(entry.effects), kind="stable")[:2]
    effects = ", ".join(f"{short_score(scores[k])} {signed(entry.effects[k])}" for k in order)
    loud = "" if np.isnan(entry.loudness) else f"{entry.loudness:.1f} of its top; "
    return f"{loud}{effects}"


def place_in_words(accounted: Sequence[Completeness], scores: Sequence[str]) -> str:
    """What a place adds most to, and how much of that the channels shown account for."""
    best = int(np.argmax([each.evidence[0] for each in accounted]))
    told = accounted[best]
    shown = signed(float(told.shown[0]))
    return f"adds most to {short_score(scores[best])}: {signed(float(told.evidence[0]))} (the channels shown: {shown})"


def channel_in_words(folder: BlocksFolder, channel: int) -> str:
    """What is odd about a channel, and what it goes with."""
    row, lines = folder.channels.iloc[channel], list[str]()
    if row["silent"]:
        lines.append("never active")
    if row["twin"] >= 0:
        lines.append(f"redundant with {row['twin']} (r {signed(row['twin_r'])})")
    if row["artefact"]:
        share = f"{row['artefact_share']:.0%} of its top galaxies".replace("%", " %")
        lines.append(f"artefact: {name_in_words(row['artefact'])} in {share}")
    told = strongest_correlates(folder.correlates, channel, 2)
    named = zip(map(name_in_words, told["column"]), told["rho"], strict=True)
    lines += [f"{column}: rho {signed(rho)}" for column, rho in named]
    return "\n".join(lines) if lines else "correlates with no column"


def signed(value: float) -> str:
    """With its sign, and a true minus."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def caption(
    study: Study, what: str, shown: Sequence[FigureGalaxy], features: bool = False, stretch: Stretch | None = None
) -> str:
    """What a reader of the paper needs besides: colours, network, data, origin of the images."""
    survey, model = study.survey, study.model
    parts = [
        what,
        colour_in_words(survey.bands, stretch or stretch_for(shown, survey.bands)),
        FEATURES if features else "",
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    ]
    return " ".join(part for part in parts if part)


TOPS: Final = 4


def dictionary_drawing(
    study: Study,
    blocks: GalaxyBlocks,
    manner: FigureStyle | None = None,
    places: Sequence[tuple[int, int]] = (),
    most: int = 5,
    features: Features | None = None,
) -> Drawing:
    """The semantic dictionary of a galaxy.

    Parameters
    ----------
    study : Study
    blocks : GalaxyBlocks
        Of a galaxy of the survey.
    manner : FigureStyle, optional
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
    manner, features = manner or FigureStyle(), features or {}
    folder, shown = open_blocks(study, blocks.layer), galaxy_with_evidence(study, blocks)
    found = [blocks.entries(place, most) for place in places or blocks.places()]
    tops = folder.arrays("tops")
    galaxies = {
        entry.channel: activation_cells(study, tops["peak_rows"][entry.channel, :TOPS], blocks.layer, entry.channel)
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
    figure = dictionary_figure(shown, pages, study.survey.bands, manner, foot)
    what = (
        f"Semantic dictionary of galaxy {blocks.galaxy_id} in layer {blocks.layer}: the numbered places have the "
        f"largest activations; beside each its strongest channels, relative to their top, with "
        f"{'the feature image and ' if features else ''}the most activating galaxies, and what they add to the logits "
        f"of classes there, attributed along the path from zero activations. {TOP} {DEPTH}"
    )
    return Drawing(figure, caption(study, what, [shown], bool(features)), (), _dictionary_numbers(found, blocks.cells))


def _dictionary_numbers(found: Sequence[PlaceEntries], cells: CellGeometry) -> pd.DataFrame:
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
    study: Study, blocks: GalaxyBlocks, manner: FigureStyle | None = None, features: Features | None = None
) -> Drawing:
    """Neuron groups over a galaxy, with what each does for every class.

    Parameters
    ----------
    study : Study
    blocks : GalaxyBlocks
    manner : FigureStyle, optional
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
    manner, features = manner or FigureStyle(), features or {}
    effects, shown = blocks.effects, galaxy_with_evidence(study, blocks, shares=True)
    scores = [short_score(name) for name in blocks.scores]
    active = active_groups(effects.loads[0])
    silent = [str(group + 1) for group in range(len(blocks.groups)) if group not in active]
    absent = (
        f" Left out, for in this galaxy it reaches less than a tenth of the strongest: group {', '.join(silent)}."
        if silent
        else ""
    )
    foot = (
        "Bars: what the group adds to each score (red increases it, blue decreases it); diamonds: how much the score "
        f"falls when the group is removed.{absent} {_completeness_sentence(effects.accounted[most_evident(blocks)])}"
    )
    figure = groups_figure(
        shown,
        blocks.cells.on_pixels(effects.loads[0]),
        effects.attributed[0],
        effects.removed[0],
        scores,
        study.survey.bands,
        manner,
        foot,
        [features.get(group) for group in range(len(blocks.groups))],
        active,
    )
    held = " ".join(_completeness_sentence(each) for each in effects.accounted)
    what = (
        f"Neuron groups of layer {blocks.layer} over galaxy {blocks.galaxy_id}: non-negative factors of its "
        f"activations, {_groups_sentence(blocks.groups)}{absent} Attribution is averaged along the path from "
        f"zero activations. {held}"
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
    return Drawing(figure, caption(study, what, [shown], bool(features)), (), numbers)


def _completeness_sentence(told: Completeness) -> str:
    return told.words(name="groups")


def _groups_sentence(groups: Groups) -> str:
    return f"which give back {groups.held:.0%} of its squared length where they were found.".replace("%", " %")


def tops_drawing(
    study: Study,
    layer: str,
    channels: Sequence[int],
    manner: FigureStyle | None = None,
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
    manner, features, folder = manner or FigureStyle(), features or {}, open_blocks(study, layer)
    kept, table = folder.arrays("tops"), folder.channels
    layer = folder.provenance.layer if folder.provenance else layer
    for channel in channels:
        if not 0 <= channel < len(table):
            raise InputError(f"Channel {channel} was asked for", f"0 to {len(table) - 1}")
    rows = [
        ChannelRow(
            f"channel {channel}",
            channel_in_words(folder, channel),
            activation_cells(study, kept["top_rows"][channel, :tops], layer, channel),
            activation_cells(study, kept["bottom_rows"][channel, :bottoms], layer, channel),
            features.get(channel),
        )
        for channel in channels
    ]
    foot = f"Layer {layer}; galaxies are ordered by the channel's mean over the image. {DEPTH}"
    figure = tops_figure(rows, study.survey.bands, manner, foot)
    shown = [cell.shown for row in rows for cell in (*row.tops, *row.bottoms)]
    tests = len(folder.correlates)
    what = (
        f"Most and least activating galaxies of channels of layer {layer}, of {int(study.survey.usable.sum()):,}, by "
        "the channel's mean over the image. rho: Spearman's rank correlation; given where it is at least 0.3 and "
        f"significant at a false discovery rate of 1 % among all {tests:,} tests. {DEPTH}"
    )
    return Drawing(
        figure, caption(study, what, shown, bool(features)), (), table.iloc[list(channels)].reset_index(drop=True)
    )


def atlas_drawing(
    study: Study,
    layer: str = "",
    name: str = ALL,
    manner: FigureStyle | None = None,
    features: Features | None = None,
) -> Drawing:
    """The activation atlas of the survey, or of one class.

    Parameters
    ----------
    study : Study
    layer : str, optional
        "" for the layer analysed last.
    name : str, optional
        ``"all"`` or a class.
    manner : FigureStyle, optional
    features : mapping, optional
        (column, row) of a cell -> its feature image (y, x, band), nanomaggies.

    Raises
    ------
    SurveyError
        The layer's building blocks have not been looked for.
    """
    manner, features, folder = manner or FigureStyle(), features or {}, open_blocks(study, layer)
    atlas, places = load_atlas(folder, name), folder.arrays("places")
    layer = folder.provenance.layer if folder.provenance else layer
    patches = atlas_patches(study, layer, atlas.patches[:, 0], places)
    best = atlas.attributed.argmax(axis=1)
    keys = list(zip(atlas.column.tolist(), atlas.row.tolist(), strict=True))
    cells = [
        AtlasCell(*key, int(count), int(score), patch, features.get(key))
        for key, count, score, patch in zip(keys, atlas.counts, best, patches, strict=True)
    ]
    rows = np.unique(places["rows"])
    sample = figure_galaxies_at(study, rows[:: max(len(rows) // 64, 1)][:64])
    stretch = stretch_for_patches(cells, study.survey.bands)
    sky = sample[0].sky if one_for_all(each.sky for each in sample) else None
    whose = "all classes" if name == ALL else f"places that add most to {name_in_words(name)}"
    shown_places = f"{atlas.coverage:,} places in {len(cells)} cells"
    foot = f"Layer {layer}, {whose}: {shown_places}."
    figure = atlas_figure(cells, [name_in_words(each) for each in atlas.scores], study.survey.bands, manner, foot, sky)
    what = (
        f"Activation atlas of layer {layer}, {whose} ({shown_places}, of {len(places['rows']):,} sampled in "
        "proportion to the length of the activation): laid out by UMAP on the cosine distance between activations, and "
        "gathered in cells. "
        f"Each cell shows {'the feature image of its direction, or ' if features else ''}a piece of the galaxy whose "
        "place is most like the cell's mean, all of one size and stretch; the bar beneath is as long as the cell is "
        "full; its frame tells the class to which the cell adds most beyond what it adds "
        f"to all (activation times gradient). The mean activation of a cell is on average "
        f"{float(atlas.held.mean()):.0%} as long as those of its places."
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
    return Drawing(figure, caption(study, what, sample, bool(features), stretch), (), numbers)
