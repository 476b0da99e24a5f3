"""The building blocks of one galaxy: places, channels and groups with their effect on each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.concepts.attribution import Completeness, LayerAttribution, channel_contributions, completeness_of
from gz2interp.concepts.correlates import strongest_correlates
from gz2interp.concepts.dictionary import ActivationGrid, PlaceEntries, activation_grid, dictionary_at, strongest_places
from gz2interp.concepts.groups import GroupEffects, Groups, find_groups, group_effects
from gz2interp.errors import InputError
from gz2interp.network.scores import Score
from gz2interp.results import Cutout
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.building_blocks import (
    ALL,
    bypass_scores,
    class_logits,
    layer_attributions,
    layer_cells,
    load_atlas,
    load_blocks,
    load_groups,
)
from gz2interp.workflows.explain import row_with_image
from gz2interp.workflows.study import Progress, Study

__all__ = [
    "GalaxyBlocks",
    "atlas_table",
    "attribution_between",
    "blocks_of_galaxy",
    "blocks_of_image",
    "channel_summaries",
    "dictionary_table",
    "groups_table",
]


Floats = NDArray[np.float32]

PORTION = 64
"""Galaxies in memory at a time."""


def attribution_between(
    study: Study,
    earlier: str,
    later: str,
    galaxy_ids: Sequence[int | str],
    channels: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Floats:
    """The mean over galaxies of what each channel of an earlier layer adds to channels of a later one.

    Parameters
    ----------
    study : Study
    earlier, later : str
    galaxy_ids : sequence of int or str
    channels : sequence of int, optional
        Of the later layer; by default all.
    progress : callable, optional

    Returns
    -------
    float32 (earlier channel, later channel)
        In the unit of the later channel's mean over the image plane: activation times gradient at the earlier layer.

    Raises
    ------
    InputError
        A galaxy, a layer or a channel is not known, no galaxy is given, or the later layer does not depend on the
        earlier.
    """
    probe = study.probe
    rows = np.array([row_with_image(study, galaxy_id) for galaxy_id in galaxy_ids], np.int64)
    width = probe.layer(later).shape[-1]
    wanted = list(range(width)) if channels is None else list(channels)
    if not len(rows):
        raise InputError("No galaxy was given", "One or more")
    for channel in wanted:
        if not 0 <= channel < width:
            raise InputError(f"Channel {channel} of layer {later!r} was asked for", f"0 to {width - 1}")
    total = np.zeros((probe.layer(earlier).shape[-1], len(wanted)), np.float64)
    for start in range(0, len(rows), PORTION):
        images = study.survey.images(rows[start : start + PORTION])
        for place, channel in enumerate(wanted):
            found = probe.gradients_along(images, later, np.eye(1, width, channel)[0], earlier)
            total[:, place] += channel_contributions(found.values, found.gradients).sum(axis=0)
        if progress:
            progress("between layers", min(start + PORTION, len(rows)), len(rows))
    return (total / len(rows)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class GalaxyBlocks:
    """What a layer says of one galaxy, and what that does for scores.

    Attributes
    ----------
    galaxy_id : int
        -1 for an image that is not in the survey.
    cutout : Cutout or None
    layer : str
    probabilities : float32 (class,)
    attributions : tuple of LayerAttribution
        Of each score.
    groups : Groups
    effects : GroupEffects
    past : float32 (1, score)
        See `gz2interp.concepts.attribution.completeness_of`.
    loud : float32 (channel,) or None
        What is loud for each channel in the survey.
    cells : CellGeometry
        Where the layer's places lie in the image.
    """

    galaxy_id: int
    cutout: Cutout | None
    layer: str
    probabilities: Floats
    attributions: tuple[LayerAttribution, ...]
    groups: Groups
    effects: GroupEffects
    past: Floats
    loud: Floats | None
    cells: CellGeometry

    @property
    def scores(self) -> tuple[str, ...]:
        """Their names."""
        return self.effects.scores

    @property
    def activations(self) -> Floats:
        """float32 (y, x, channel) or (channel,)."""
        return np.asarray(self.attributions[0].activations[0])

    @property
    def grid(self) -> ActivationGrid:
        """Directions and sizes of the places."""
        return activation_grid(self.activations)

    def places(self, most: int = 3) -> tuple[tuple[int, int], ...]:
        """The places where the layer says most.

        Raises
        ------
        InputError
            It has no places.
        """
        if self.activations.ndim != 3:
            raise InputError(f"Layer {self.layer!r} has no places", "One of shape (y, x, channel)")
        return strongest_places(np.linalg.norm(self.activations, axis=-1), most)

    def entries(self, place: tuple[int, int], most: int = 5) -> PlaceEntries:
        """The dictionary's entries of a place (y, x)."""
        return dictionary_at(self.attributions, place, most, self.loud)

    def strongest_channels(self, score: int, most: int = 5) -> tuple[NDArray[np.int64], Completeness]:
        """The channels that add or take most, and how much of the evidence they account for."""
        each = self.attributions[score]
        order = np.argsort(-np.abs(each.channels[0]), kind="stable")
        shown, others = order[:most], order[most:]
        total = each.total if each.total is not None else each.channels.sum(axis=1)
        return shown, completeness_of(
            each.channels[:, shown], each.channels[:, others], total, self.past[:, score], each.score
        )


def blocks_of_galaxy(
    study: Study,
    galaxy_id: int | str,
    layer: str = "",
    *,
    scores: Sequence[Score] = (),
    groups: int = 0,
    steps: int = 16,
) -> GalaxyBlocks:
    """Take a galaxy of the survey apart.

    Parameters
    ----------
    study : Study
    galaxy_id : int or str
    layer : str
        "" for the last spatial one.
    scores : sequence of Score, optional
        By default every class' logit.
    groups : int, optional
        Found in this galaxy alone; 0 for those of the survey, or for six where these have not been found.
    steps : int, optional
        Of the path; see `gz2interp.concepts.attribution`.

    Raises
    ------
    InputError
        The galaxy, the layer or a class is not known.
    SurveyError
        The galaxy has no image; the error says why.
    """
    row = row_with_image(study, galaxy_id)
    cutout = study.survey.cutout(row)
    return _galaxy_blocks(study, cutout.image, int(galaxy_id), cutout, layer, scores, groups, steps)


def blocks_of_image(
    study: Study,
    image: Floats,
    layer: str = "",
    *,
    scores: Sequence[Score] = (),
    groups: int = 0,
    steps: int = 16,
) -> GalaxyBlocks:
    """The same of an image (y, x, band), nanomaggies, that is not in the survey."""
    return _galaxy_blocks(study, image, -1, None, layer, scores, groups, steps)


def _galaxy_blocks(
    study: Study,
    image: Floats,
    galaxy_id: int,
    cutout: Cutout | None,
    layer: str,
    scores: Sequence[Score],
    groups: int,
    steps: int,
) -> GalaxyBlocks:
    probe, images = study.probe, np.asarray(image, np.float32)[None]
    layer = str(probe.layer(layer or probe.default_layer).name)
    scores = tuple(scores) or class_logits(probe)
    attributions = layer_attributions(probe, images, layer, scores, steps)
    said = attributions[0].activations
    kept = load_blocks(study.survey, study.model, layer)
    found = load_groups(kept) if kept and not groups else find_groups(said, groups or 6, layer=layer)
    past = bypass_scores(probe, images, layer, scores, said)
    effects = group_effects(
        found, attributions, past, lambda given: probe.scores_with_activations(images, layer, given, scores)
    )
    loud = kept.channels["loud"].to_numpy(np.float32) if kept else None
    return GalaxyBlocks(
        galaxy_id,
        cutout,
        layer,
        probe.probabilities(images)[0],
        attributions,
        found,
        effects,
        past,
        loud,
        layer_cells(probe, layer, (images.shape[1], images.shape[2])),
    )


def channel_summaries(folder: BlocksFolder, most: int = 2) -> pd.DataFrame:
    """A row per channel: how much of the survey it is active in, what it goes with, and what is odd about it.

    Parameters
    ----------
    folder : BlocksFolder
    most : int, optional
        Columns that it goes with.
    """
    channels, correlates = folder.channels, folder.correlates
    told = [strongest_correlates(correlates, channel, most) for channel in channels["channel"]]
    goes_with = [
        ", ".join(f"{name} ({rho:+.2f})" for name, rho in zip(each["column"], each["rho"], strict=True))
        for each in told
    ]
    return pd.DataFrame(
        {
            "channel": channels["channel"],
            "active": [f"{share:.0%}" for share in channels["active"]],
            "loud": channels["loud"],
            "goes with": goes_with,
            "odd": [_diagnostics(row) for _, row in channels.iterrows()],
        }
    )


def dictionary_table(
    blocks: GalaxyBlocks, places: Sequence[tuple[int, int]] = (), most: int = 5
) -> tuple[pd.DataFrame, str]:
    """The strongest channels of some places of a galaxy, and how much of the evidence for its class is told by them.

    Parameters
    ----------
    blocks : GalaxyBlocks
    places : sequence of (int, int), optional
        (y, x) in the layer's plane; by default the three where it says most.
    most : int, optional
        Channels of each.
    """
    rows, words = [], []
    best = int(np.argmax([each.evidence[0] for each in blocks.effects.accounted]))
    for place in places or blocks.places():
        found = blocks.entries(place, most)
        words.append(f"Place {place[0]},{place[1]}: {found.accounted[best].words(name='channels')}")
        for entry in found.entries:
            effects = dict(zip(found.scores, entry.effects, strict=True))
            loudness = {"activation": entry.activation, "of loud": entry.loudness}
            rows.append({"place": f"{place[0]},{place[1]}", "channel": entry.channel, **loudness, **effects})
    return pd.DataFrame(rows), "\n".join(words)


def groups_table(blocks: GalaxyBlocks) -> pd.DataFrame:
    """Of each group what is attributed to it for every score, and by how much the score falls without it."""
    effects = blocks.effects
    columns: dict[str, Any] = {"group": np.arange(len(blocks.groups)) + 1}
    for k, score in enumerate(blocks.scores):
        columns[score] = effects.attributed[0, :, k]
        columns[f"without, {score}"] = -effects.removed[0, :, k]
    return pd.DataFrame(columns)


def atlas_table(folder: BlocksFolder, name: str = ALL) -> pd.DataFrame:
    """A row per cell, the fullest first: its places, and what they add to each class."""
    atlas = load_atlas(folder, name)
    added = {score: atlas.attributed[:, k] for k, score in enumerate(atlas.scores)}
    where = {"column": atlas.column, "row": atlas.row, "places": atlas.counts, "alike": atlas.held}
    return pd.DataFrame({**where, **added})


def _diagnostics(row: pd.Series) -> str:
    told = []
    if row["silent"]:
        told.append("does nothing")
    if row["twin"] >= 0:
        told.append(f"twin of {row['twin']} (r {row['twin_r']:.2f})")
    if row["artefact"]:
        told.append(f"sees {row['artefact']} ({row['artefact_share']:.0%} of its tops)")
    return ", ".join(told)
