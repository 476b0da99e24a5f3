"""Figures for papers of a layer's building blocks over a survey, each with its caption and its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gz2interp.errors import InputError
from gz2interp.figures.layouts.atlas import AtlasCell, atlas_figure, stretch_for_patches
from gz2interp.figures.layouts.tops import ChannelRow, tops_figure
from gz2interp.figures.shown import one_for_all
from gz2interp.figures.style import Manner
from gz2interp.schema import name_in_words
from gz2interp.workflows.blocks.kept import ALL, kept_atlas
from gz2interp.workflows.blocks.pictures import fires_in, patches_of, shown_of_rows
from gz2interp.workflows.blocks.words import DEPTH, Features, caption, channel_in_words, folder_of
from gz2interp.workflows.figures.drawing import Drawing
from gz2interp.workflows.opening import Subject

__all__ = ["atlas_drawing", "tops_drawing"]


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
    manner, features, folder = manner or Manner(), features or {}, folder_of(subject, layer)
    kept, table = folder.arrays("tops"), folder.channels
    layer = folder.provenance.layer if folder.provenance else layer
    for channel in channels:
        if not 0 <= channel < len(table):
            raise InputError(f"Channel {channel} was asked for", f"0 to {len(table) - 1}")
    rows = [
        ChannelRow(
            f"channel {channel}",
            channel_in_words(folder, channel),
            fires_in(subject, kept["top_rows"][channel, :tops], layer, channel),
            fires_in(subject, kept["bottom_rows"][channel, :bottoms], layer, channel),
            features.get(channel),
        )
        for channel in channels
    ]
    foot = f"Layer {layer}; galaxies are ordered by the channel's mean over the image. {DEPTH}"
    figure = tops_figure(rows, subject.survey.bands, manner, foot)
    shown = [cell.shown for row in rows for cell in (*row.tops, *row.bottoms)]
    tests = len(folder.correlates)
    what = (
        f"Most and least activating galaxies of channels of layer {layer}, of {int(subject.survey.usable.sum()):,}, by "
        "the channel's mean over the image. rho: Spearman's rank correlation; given where it is at least 0.3 and "
        f"significant at a false discovery rate of 1 % among all {tests:,} tests. {DEPTH}"
    )
    return Drawing(
        figure, caption(subject, what, shown, bool(features)), (), table.iloc[list(channels)].reset_index(drop=True)
    )


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
    manner, features, folder = manner or Manner(), features or {}, folder_of(subject, layer)
    atlas, places = kept_atlas(folder, name), folder.arrays("places")
    layer = folder.provenance.layer if folder.provenance else layer
    patches = patches_of(subject, layer, atlas.patches[:, 0], places)
    best = atlas.attributed.argmax(axis=1)
    keys = list(zip(atlas.column.tolist(), atlas.row.tolist(), strict=True))
    cells = [
        AtlasCell(*key, int(count), int(score), patch, features.get(key))
        for key, count, score, patch in zip(keys, atlas.counts, best, patches, strict=True)
    ]
    rows = np.unique(places["rows"])
    sample = shown_of_rows(subject, rows[:: max(len(rows) // 64, 1)][:64])
    stretch = stretch_for_patches(cells, subject.survey.bands)
    sky = sample[0].sky if one_for_all(each.sky for each in sample) else None
    whose = "all classes" if name == ALL else f"places that add most to {name_in_words(name)}"
    shown_places = f"{atlas.coverage:,} places in {len(cells)} cells"
    foot = f"Layer {layer}, {whose}: {shown_places}."
    figure = atlas_figure(
        cells, [name_in_words(each) for each in atlas.scores], subject.survey.bands, manner, foot, sky
    )
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
    return Drawing(figure, caption(subject, what, sample, bool(features), stretch), (), numbers)
