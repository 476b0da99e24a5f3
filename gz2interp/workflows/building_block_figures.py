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
from gz2interp.figures.shown import FigureGalaxy, one_for_all
from gz2interp.figures.style import FigureStyle
from gz2interp.schema import name_in_words, score_in_words
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.building_blocks import ALL, layer_cells, load_atlas, load_blocks
from gz2interp.workflows.figure_parts import Drawing, colour_in_words, figure_galaxies_at, origin_in_words
from gz2interp.workflows.galaxy_blocks import GalaxyBlocks, channel_diagnostics, signed
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
    "galaxy_with_evidence",
    "groups_drawing",
    "open_blocks",
    "place_in_words",
    "short_score",
    "tops_drawing",
]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

Features = Mapping[Any, NDArray[np.float32]]
"""Feature images by channel number, by group number from 0, or by a cell's (column, row)."""

FEATURES: Final = "Feature images are fainter than galaxies, and have a stretch of colour of their own."
DEPTH: Final = "Outlined: where the channel reaches half of its maximum in that galaxy."
TOP: Final = "Top: the activation that a channel reaches in its most activating galaxies of the survey."
TOPS: Final = 4


def activation_cells(study: Study, rows: Ints, layer: str, channel: int) -> list[Cell]:
    """Galaxies, each with a channel's activation map resampled to the image's pixels; rows of -1 are skipped."""
    rows = rows[rows >= 0]
    if not len(rows):
        return []
    activations = study.probe.activations(study.survey.images(rows), layer)
    galaxies = figure_galaxies_at(study, rows)
    if activations.ndim != 4:
        return [Cell(galaxy, np.zeros((1, 1), np.float32)) for galaxy in galaxies]
    cells = layer_cells(study.probe, layer, study.survey.shape)
    return [
        Cell(galaxy, cells.on_pixels(map_)) for galaxy, map_ in zip(galaxies, activations[..., channel], strict=True)
    ]


def atlas_patches(study: Study, layer: str, at: Ints, places: dict[str, NDArray[Any]]) -> list[Floats]:
    """Image patches around places, float32 (y, x, band): three cells of the plane wide, inside the image."""
    rows, cells = places["rows"][at], layer_cells(study.probe, layer, study.survey.shape)
    patches: list[Floats] = []
    for start in range(0, len(rows), 64):  # bounds the galaxies in memory
        part = slice(start, start + 64)
        images = study.survey.images(rows[part])
        patches.extend(pieces_around(images, cells, places["y"][at][part], places["x"][at][part]))
    return patches


def open_blocks(study: Study, layer: str) -> BlocksFolder:
    """Stored building blocks of a layer.

    Raises
    ------
    SurveyError
        They have not been computed.
    """
    folder = load_blocks(study.survey, study.model, layer)
    if folder is None:
        raise SurveyError(
            f"The building blocks of {layer or 'a layer'} have not been computed",
            remedy=f"Run gz2interp channels {study.survey.path} --model {study.model.name}"
            + (f" --layer {layer}" if layer else ""),
        )
    return folder


def galaxy_with_evidence(study: Study, blocks: GalaxyBlocks, shares: bool = False) -> FigureGalaxy:
    """A galaxy labelled with its predictions and the evidence for each score, optionally with the part of its groups.

    Raises
    ------
    InputError
        It is not in the survey.
    """
    if blocks.cutout is None:
        raise InputError("An image that is not in the survey was given", "A galaxy of the survey, for a figure")
    (galaxy,) = figure_galaxies_at(study, np.array([study.survey.row_of(blocks.galaxy_id)]))
    names = study.probe.class_names
    probabilities = [
        f"{name_in_words(name)} {p:.0%}" for name, p in zip(names, blocks.probabilities, strict=True) if p >= 0.005
    ]
    return replace(galaxy, words="\n".join([str(blocks.galaxy_id), *probabilities, *_evidence(blocks, shares)]))


def _evidence(blocks: GalaxyBlocks, shares: bool) -> list[str]:
    """Lines of the evidence for each score, optionally with the sum over the groups.

    Sums and no shares: a share of a sum of terms of both signs has no meaning.
    """
    accounted = blocks.effects.accounted
    parts = [f", groups {signed(float(sums.shown[0]))}" if shares else "" for sums in accounted]
    values = [signed(float(sums.evidence[0])) for sums in accounted]
    lines = [
        f"{short_score(sums.score)} {value}{part}" for sums, value, part in zip(accounted, values, parts, strict=True)
    ]
    head = "logits above an empty sky" if all(sums.score.startswith("logit(") for sums in accounted) else "evidence"
    return [f"{head}, and what of them the groups add:" if shares else f"{head}:", *lines]


def channels_in_words(blocks: GalaxyBlocks) -> str:
    """The completeness of the strongest channels of the whole galaxy."""
    channels, completeness = blocks.strongest_channels(blocks.main_score)
    return f"Whole galaxy, {completeness.words(name=f'{len(channels)} strongest channels')}"


def short_score(score: str) -> str:
    """The class of a class logit; any other score in words."""
    bare = score.removeprefix("logit(").removesuffix(")") if score.startswith("logit(") else score
    return name_in_words(bare) if "(" not in bare and ")" not in bare else score_in_words(score)


def entry_in_words(entry: DictionaryEntry, scores: Sequence[str]) -> str:
    """Relative activation of a channel at a place, and its two largest effects on scores."""
    order = np.argsort(-np.abs(entry.effects), kind="stable")[:2]
    effects = ", ".join(f"{short_score(scores[k])} {signed(entry.effects[k])}" for k in order)
    loud = "" if np.isnan(entry.loudness) else f"{entry.loudness:.1f} of its top; "
    return f"{loud}{effects}"


def place_in_words(accounted: Sequence[Completeness], scores: Sequence[str]) -> str:
    """The score to which a place adds most, and the part of its channels shown."""
    best = int(np.argmax([sums.evidence[0] for sums in accounted]))
    evidence, part = signed(float(accounted[best].evidence[0])), signed(float(accounted[best].shown[0]))
    return f"adds most to {short_score(scores[best])}: {evidence} (the channels shown: {part})"


def channel_in_words(folder: BlocksFolder, channel: int) -> str:
    """Diagnostics of a channel and its strongest correlations, a line each."""
    lines = channel_diagnostics(folder.channels.iloc[channel])
    correlates = strongest_correlates(folder.correlates, channel, 2)
    named = zip(map(name_in_words, correlates["column"]), correlates["rho"], strict=True)
    lines += [f"{column}: rho {signed(rho)}" for column, rho in named]
    return "\n".join(lines) if lines else "correlates with no column"


def caption(
    study: Study, text: str, galaxies: Sequence[FigureGalaxy], features: bool = False, stretch: Stretch | None = None
) -> str:
    """A caption: the text, the colours, the network, the data and the origin of the images."""
    bands = study.survey.bands
    parts = [
        text,
        colour_in_words(bands, stretch or stretch_for(galaxies, bands)),
        FEATURES if features else "",
        origin_in_words(study),
    ]
    return " ".join(part for part in parts if part)


def dictionary_drawing(
    study: Study,
    blocks: GalaxyBlocks,
    style: FigureStyle | None = None,
    places: Sequence[tuple[int, int]] = (),
    most: int = 5,
    features: Features | None = None,
) -> Drawing:
    """The semantic dictionary of a galaxy.

    Parameters
    ----------
    blocks : GalaxyBlocks
        Of a galaxy of the survey.
    places : sequence of (int, int), optional
        (y, x) in the layer's plane; by default the three with the longest activations.
    most : int, optional
        Channels at each place.
    features : mapping, optional
        Channel -> its feature image (y, x, band), nanomaggies.

    Raises
    ------
    SurveyError
        The survey's building blocks have not been computed, so that the most activating galaxies are unknown.
    """
    style, features = style or FigureStyle(), features or {}
    folder, galaxy = open_blocks(study, blocks.layer), galaxy_with_evidence(study, blocks)
    entries = [blocks.entries(place, most) for place in places or blocks.places()]
    tops = folder.arrays("tops")
    galaxies = {
        entry.channel: activation_cells(study, tops["peak_rows"][entry.channel, :TOPS], blocks.layer, entry.channel)
        for at_place in entries
        for entry in at_place.entries
    }
    pages = [
        DictionaryPlace(
            blocks.cells.box(*at_place.place),
            place_in_words(at_place.accounted, at_place.scores),
            [
                DictionaryWord(
                    f"channel {entry.channel}",
                    entry_in_words(entry, at_place.scores),
                    galaxies[entry.channel],
                    features.get(entry.channel),
                )
                for entry in at_place.entries
            ],
        )
        for at_place in entries
    ]
    footer = f"Layer {blocks.layer}. {channels_in_words(blocks)} {TOP}"
    figure = dictionary_figure(galaxy, pages, study.survey.bands, style, footer)
    text = (
        f"Semantic dictionary of galaxy {blocks.galaxy_id} in layer {blocks.layer}: the numbered places have the "
        f"largest activations; beside each its strongest channels, relative to their top, with "
        f"{'the feature image and ' if features else ''}the most activating galaxies, and what they add to the logits "
        f"of classes there, attributed along the path from zero activations. {TOP} {DEPTH}"
    )
    return Drawing(
        figure, caption(study, text, [galaxy], bool(features)), (), _dictionary_numbers(entries, blocks.cells)
    )


def _dictionary_numbers(entries: Sequence[PlaceEntries], cells: CellGeometry) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "y": at_place.place[0],
                "x": at_place.place[1],
                "y_pixel": cells.y[at_place.place[0]],
                "x_pixel": cells.x[at_place.place[1]],
                "channel": entry.channel,
                "activation": entry.activation,
                "loudness": entry.loudness,
                **dict(zip(at_place.scores, entry.effects, strict=True)),
            }
            for at_place in entries
            for entry in at_place.entries
        ]
    )


def groups_drawing(
    study: Study, blocks: GalaxyBlocks, style: FigureStyle | None = None, features: Features | None = None
) -> Drawing:
    """Maps of the neuron groups over a galaxy, with the effect of each group on every score.

    Parameters
    ----------
    features : mapping, optional
        Group, from 0 -> its feature image (y, x, band), nanomaggies.

    Raises
    ------
    InputError
        The layer has no (y, x) plane.
    """
    if blocks.activations.ndim != 3:
        raise InputError(
            f"A figure of groups of layer {blocks.layer!r} was requested",
            "A layer of shape (y, x, channel)",
            "The table of groups exists for every layer",
        )
    style, features = style or FigureStyle(), features or {}
    effects, galaxy = blocks.effects, galaxy_with_evidence(study, blocks, shares=True)
    scores = [short_score(name) for name in blocks.scores]
    active = active_groups(effects.loads[0])
    inactive = [str(group + 1) for group in range(len(blocks.groups)) if group not in active]
    omission = (
        f" Left out, below a tenth of the strongest in this galaxy: group {', '.join(inactive)}." if inactive else ""
    )
    footer = (
        "Bars: what the group adds to each score (red increases it, blue decreases it); diamonds: how much the score "
        f"falls when the group is removed.{omission} {effects.accounted[blocks.main_score].words(name='groups')}"
    )
    figure = groups_figure(
        galaxy,
        blocks.cells.on_pixels(effects.loads[0]),
        effects.attributed[0],
        effects.removed[0],
        scores,
        study.survey.bands,
        style,
        footer,
        [features.get(group) for group in range(len(blocks.groups))],
        active,
    )
    sentences = " ".join(completeness.words(name="groups") for completeness in effects.accounted)
    text = (
        f"Neuron groups of layer {blocks.layer} over galaxy {blocks.galaxy_id}: non-negative factors of its "
        f"activations, {_groups_sentence(blocks.groups)}{omission} Attribution is averaged along the path from "
        f"zero activations. {sentences}"
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
    return Drawing(figure, caption(study, text, [galaxy], bool(features)), (), numbers)


def _groups_sentence(groups: Groups) -> str:
    return f"which reconstruct {groups.held:.0%} of its squared length in the sample they were fitted to.".replace(
        "%", " %"
    )


def tops_drawing(
    study: Study,
    layer: str,
    channels: Sequence[int],
    style: FigureStyle | None = None,
    tops: int = 5,
    bottoms: int = 2,
    features: Features | None = None,
) -> Drawing:
    """Most and least activating galaxies of some channels.

    Raises
    ------
    SurveyError
        The layer's building blocks have not been computed.
    InputError
        There is no such channel.
    """
    style, features, folder = style or FigureStyle(), features or {}, open_blocks(study, layer)
    tops_arrays, table = folder.arrays("tops"), folder.channels
    layer = folder.provenance.layer if folder.provenance else layer
    for channel in channels:
        if not 0 <= channel < len(table):
            raise InputError(f"Channel {channel} was requested", f"0 to {len(table) - 1}")
    rows = [
        ChannelRow(
            f"channel {channel}",
            channel_in_words(folder, channel),
            activation_cells(study, tops_arrays["top_rows"][channel, :tops], layer, channel),
            activation_cells(study, tops_arrays["bottom_rows"][channel, :bottoms], layer, channel),
            features.get(channel),
        )
        for channel in channels
    ]
    footer = f"Layer {layer}; galaxies are ordered by the channel's mean over the image. {DEPTH}"
    figure = tops_figure(rows, study.survey.bands, style, footer)
    galaxies = [cell.galaxy for row in rows for cell in (*row.tops, *row.bottoms)]
    tests = len(folder.correlates)
    text = (
        f"Most and least activating galaxies of channels of layer {layer}, of {int(study.survey.usable.sum()):,}, by "
        "the channel's mean over the image. rho: Spearman's rank correlation; given where it is at least 0.3 and "
        f"significant at a false discovery rate of 1 % among all {tests:,} tests. {DEPTH}"
    )
    return Drawing(
        figure, caption(study, text, galaxies, bool(features)), (), table.iloc[list(channels)].reset_index(drop=True)
    )


def atlas_drawing(
    study: Study, layer: str = "", name: str = ALL, style: FigureStyle | None = None, features: Features | None = None
) -> Drawing:
    """The activation atlas of the survey, or of one class.

    Parameters
    ----------
    layer : str, optional
        "" for the layer analysed last.
    name : str, optional
        ``"all"`` or a class.
    features : mapping, optional
        (column, row) of a cell -> its feature image (y, x, band), nanomaggies.

    Raises
    ------
    SurveyError
        The layer's building blocks have not been computed.
    """
    style, features, folder = style or FigureStyle(), features or {}, open_blocks(study, layer)
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
    sky = sample[0].sky if one_for_all(galaxy.sky for galaxy in sample) else None
    title = "all classes" if name == ALL else f"places that add most to {name_in_words(name)}"
    counts_text = f"{atlas.coverage:,} places in {len(cells)} cells"
    footer = f"Layer {layer}, {title}: {counts_text}."
    figure = atlas_figure(
        cells, [name_in_words(score) for score in atlas.scores], study.survey.bands, style, footer, sky
    )
    text = (
        f"Activation atlas of layer {layer}, {title} ({counts_text}, of {len(places['rows']):,} sampled in "
        "proportion to the length of the activation): laid out by UMAP on the cosine distance between activations, and "
        "gathered in cells. "
        f"Each cell shows {'the feature image of its direction, or ' if features else ''}a piece of the galaxy whose "
        "place is most like the cell's mean, all of one size and stretch; the bar beneath is as long as the cell is "
        "full; its frame shows the class to which the cell adds most beyond what it adds "
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
    return Drawing(figure, caption(study, text, sample, bool(features), stretch), (), numbers)
