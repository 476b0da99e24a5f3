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
from gz2interp.schema import name_in_words
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
    "channel_diagnostics",
    "channel_summaries",
    "dictionary_table",
    "groups_table",
    "signed",
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
    """Attribution of channels of a later layer to the channels of an earlier one, averaged over galaxies.

    Parameters
    ----------
    channels : sequence of int, optional
        Of the later layer; by default all.

    Returns
    -------
    float32 (earlier channel, later channel)
        In the unit of the later channel's mean over the image plane: activation times gradient at the earlier layer.

    Raises
    ------
    InputError
        A galaxy, a layer or a channel does not exist, no galaxy is given, or the later layer does not depend on the
        earlier.
    """
    probe = study.probe
    rows = np.array([row_with_image(study, galaxy_id) for galaxy_id in galaxy_ids], np.int64)
    width = probe.layer(later).shape[-1]
    selected = list(range(width)) if channels is None else list(channels)
    if not len(rows):
        raise InputError("No galaxy was given", "One or more")
    for channel in selected:
        if not 0 <= channel < width:
            raise InputError(f"Channel {channel} of layer {later!r} was requested", f"0 to {width - 1}")
    total = np.zeros((probe.layer(earlier).shape[-1], len(selected)), np.float64)
    for start in range(0, len(rows), PORTION):
        images = study.survey.images(rows[start : start + PORTION])
        for column, channel in enumerate(selected):
            gradients = probe.gradients_along(images, later, np.eye(1, width, channel)[0], earlier)
            total[:, column] += channel_contributions(gradients.values, gradients.gradients).sum(axis=0)
        if progress:
            progress("between layers", min(start + PORTION, len(rows)), len(rows))
    return (total / len(rows)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class GalaxyBlocks:
    """Activations of a layer for one galaxy, their neuron groups, and their attribution for each score.

    Attributes
    ----------
    galaxy_id : int
        -1 for an image that is not in the survey.
    probabilities : float32 (class,)
    attributions : tuple of LayerAttribution
        One for each score.
    bypass : float32 (1, score)
        Contribution along paths that bypass the layer; see `gz2interp.concepts.attribution.completeness_of`.
    loud : float32 (channel,) or None
        The activation that each channel reaches in its most activating galaxies of the survey.
    cells : CellGeometry
        Positions of the layer's cells in the image.
    """

    galaxy_id: int
    cutout: Cutout | None
    layer: str
    probabilities: Floats
    attributions: tuple[LayerAttribution, ...]
    groups: Groups
    effects: GroupEffects
    bypass: Floats
    loud: Floats | None
    cells: CellGeometry

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the scores."""
        return self.effects.scores

    @property
    def main_score(self) -> int:
        """Index of the score with the most evidence."""
        return int(np.argmax([completeness.evidence[0] for completeness in self.effects.accounted]))

    @property
    def activations(self) -> Floats:
        """Activations of the layer, float32 (y, x, channel) or (channel,)."""
        return np.asarray(self.attributions[0].activations[0])

    @property
    def grid(self) -> ActivationGrid:
        """Direction and length of the activation at each place."""
        return activation_grid(self.activations)

    def places(self, most: int = 3) -> tuple[tuple[int, int], ...]:
        """The places of the longest activations.

        Raises
        ------
        InputError
            The layer has no (y, x) plane.
        """
        if self.activations.ndim != 3:
            raise InputError(f"Layer {self.layer!r} has no places", "One of shape (y, x, channel)")
        return strongest_places(np.linalg.norm(self.activations, axis=-1), most)

    def entries(self, place: tuple[int, int], most: int = 5) -> PlaceEntries:
        """Dictionary entries of a place (y, x)."""
        return dictionary_at(self.attributions, place, most, self.loud)

    def strongest_channels(self, score: int, most: int = 5) -> tuple[NDArray[np.int64], Completeness]:
        """The channels of largest absolute attribution, and the completeness of these alone."""
        attribution = self.attributions[score]
        order = np.argsort(-np.abs(attribution.channels[0]), kind="stable")
        strongest, others = order[:most], order[most:]
        total = attribution.total if attribution.total is not None else attribution.channels.sum(axis=1)
        return strongest, completeness_of(
            attribution.channels[:, strongest],
            attribution.channels[:, others],
            total,
            self.bypass[:, score],
            attribution.score,
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
    """Building blocks of a galaxy of the survey.

    Parameters
    ----------
    layer : str
        "" for the last spatial one.
    scores : sequence of Score, optional
        By default every class' logit.
    groups : int, optional
        Number of groups fitted to this galaxy alone; 0 for the stored groups of the survey, or six if there are none.
    steps : int, optional
        Steps of the path; see `gz2interp.concepts.attribution`.

    Raises
    ------
    InputError
        The galaxy, the layer or a class does not exist.
    SurveyError
        The galaxy has no image; the error says why.
    """
    row = row_with_image(study, galaxy_id)
    cutout = study.survey.cutout(row)
    return _galaxy_blocks(study, cutout.image, int(galaxy_id), cutout, layer, scores, groups, steps)


def blocks_of_image(
    study: Study, image: Floats, layer: str = "", *, scores: Sequence[Score] = (), groups: int = 0, steps: int = 16
) -> GalaxyBlocks:
    """Building blocks of an image (y, x, band), nanomaggies, that is not in the survey."""
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
    activations = attributions[0].activations
    folder = load_blocks(study.survey, study.model, layer)
    neuron_groups = load_groups(folder) if folder and not groups else find_groups(activations, groups or 6, layer=layer)
    bypass = bypass_scores(probe, images, layer, scores, activations)
    effects = group_effects(
        neuron_groups, attributions, bypass, lambda values: probe.scores_with_activations(images, layer, values, scores)
    )
    loud = folder.channels["loud"].to_numpy(np.float32) if folder else None
    return GalaxyBlocks(
        galaxy_id,
        cutout,
        layer,
        probe.probabilities(images)[0],
        attributions,
        neuron_groups,
        effects,
        bypass,
        loud,
        layer_cells(probe, layer, (images.shape[1], images.shape[2])),
    )


def channel_summaries(folder: BlocksFolder, most: int = 2) -> pd.DataFrame:
    """A row of text per channel: the share of places where it is active, its correlations, and its diagnostics.

    Parameters
    ----------
    most : int, optional
        Number of correlated columns.
    """
    channels, correlates = folder.channels, folder.correlates
    strongest = [strongest_correlates(correlates, channel, most) for channel in channels["channel"]]
    correlations = [
        ", ".join(f"{name} ({rho:+.2f})" for name, rho in zip(table["column"], table["rho"], strict=True))
        for table in strongest
    ]
    return pd.DataFrame(
        {
            "channel": channels["channel"],
            "active": [f"{share:.0%}" for share in channels["active"]],
            "top activation": channels["loud"],
            "correlates with": correlations,
            "diagnostics": ["; ".join(channel_diagnostics(row)) for _, row in channels.iterrows()],
        }
    )


def dictionary_table(
    blocks: GalaxyBlocks, places: Sequence[tuple[int, int]] = (), most: int = 5
) -> tuple[pd.DataFrame, str]:
    """The strongest channels of some places of a galaxy, and their completeness for its class in words.

    Parameters
    ----------
    places : sequence of (int, int), optional
        (y, x) in the layer's plane; by default the three with the longest activations.
    most : int, optional
        Channels of each place.
    """
    rows, words = [], []
    best = blocks.main_score
    for place in places or blocks.places():
        entries = blocks.entries(place, most)
        words.append(f"Place {place[0]},{place[1]}: {entries.accounted[best].words(name='channels')}")
        for entry in entries.entries:
            effects = dict(zip(entries.scores, entry.effects, strict=True))
            loudness = {"activation": entry.activation, "of loud": entry.loudness}
            rows.append({"place": f"{place[0]},{place[1]}", "channel": entry.channel, **loudness, **effects})
    return pd.DataFrame(rows), "\n".join(words)


def groups_table(blocks: GalaxyBlocks) -> pd.DataFrame:
    """Attribution of each score to each group, and the change of the score when the group is removed."""
    effects = blocks.effects
    columns: dict[str, Any] = {"group": np.arange(len(blocks.groups)) + 1}
    for k, score in enumerate(blocks.scores):
        columns[score] = effects.attributed[0, :, k]
        columns[f"without, {score}"] = -effects.removed[0, :, k]
    return pd.DataFrame(columns)


def atlas_table(folder: BlocksFolder, name: str = ALL) -> pd.DataFrame:
    """A row per cell of the atlas: its number of places, the fullest first, and what they add to each class."""
    atlas = load_atlas(folder, name)
    added = {score: atlas.attributed[:, k] for k, score in enumerate(atlas.scores)}
    where = {"column": atlas.column, "row": atlas.row, "places": atlas.counts, "alike": atlas.held}
    return pd.DataFrame({**where, **added})


def channel_diagnostics(row: pd.Series) -> list[str]:
    """What marks a channel as inactive, redundant or triggered by artefacts, from its row of the channel table."""
    words = []
    if row["silent"]:
        words.append("never active")
    if row["twin"] >= 0:
        words.append(f"redundant with {row['twin']} (r {signed(row['twin_r'])})")
    if row["artefact"]:
        share = f"{row['artefact_share']:.0%} of its top galaxies".replace("%", " %")
        words.append(f"artefact: {name_in_words(row['artefact'])} in {share}")
    return words


def signed(value: float) -> str:
    """A number with its sign and a true minus."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
