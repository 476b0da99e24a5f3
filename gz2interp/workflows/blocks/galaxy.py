"""One galaxy taken apart: places, channels, groups, and how much of the evidence for each class they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.concepts.attribution import Accounted, LayerAttribution, account
from gz2interp.concepts.dictionary import ActivationGrid, PlaceEntries, activation_grid, dictionary_at, strongest_places
from gz2interp.concepts.groups import GroupEffects, Groups, find_groups, group_effects
from gz2interp.errors import InputError
from gz2interp.network.scores import Score
from gz2interp.results import Cutout
from gz2interp.workflows.blocks.asking import attributions_of, cells_of, class_logits, past_the_layer
from gz2interp.workflows.blocks.kept import kept_blocks, kept_groups
from gz2interp.workflows.explain import row_with_image
from gz2interp.workflows.opening import Subject

__all__ = ["GalaxyBlocks", "blocks_of_galaxy", "blocks_of_image"]

Floats = NDArray[np.float32]


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
        See `gz2interp.concepts.attribution.account`.
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

    def strongest_channels(self, score: int, most: int = 5) -> tuple[NDArray[np.int64], Accounted]:
        """The channels that add or take most, and how much of the evidence they account for."""
        each = self.attributions[score]
        order = np.argsort(-np.abs(each.channels[0]), kind="stable")
        shown, others = order[:most], order[most:]
        total = each.total if each.total is not None else each.channels.sum(axis=1)
        return shown, account(each.channels[:, shown], each.channels[:, others], total, self.past[:, score], each.score)


def blocks_of_galaxy(
    subject: Subject,
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
    subject : Subject
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
    row = row_with_image(subject, galaxy_id)
    cutout = subject.survey.cutout(row)
    return _taken_apart(subject, cutout.image, int(galaxy_id), cutout, layer, scores, groups, steps)


def blocks_of_image(
    subject: Subject,
    image: Floats,
    layer: str = "",
    *,
    scores: Sequence[Score] = (),
    groups: int = 0,
    steps: int = 16,
) -> GalaxyBlocks:
    """The same of an image (y, x, band), nanomaggies, that is not in the survey."""
    return _taken_apart(subject, image, -1, None, layer, scores, groups, steps)


def _taken_apart(
    subject: Subject,
    image: Floats,
    galaxy_id: int,
    cutout: Cutout | None,
    layer: str,
    scores: Sequence[Score],
    groups: int,
    steps: int,
) -> GalaxyBlocks:
    probe, images = subject.probe, np.asarray(image, np.float32)[None]
    layer = str(probe.layer(layer or probe.default_layer).name)
    scores = tuple(scores) or class_logits(probe)
    attributions = attributions_of(probe, images, layer, scores, steps)
    said = attributions[0].activations
    kept = kept_blocks(subject.survey, subject.model, layer)
    found = kept_groups(kept) if kept and not groups else find_groups(said, groups or 6, layer=layer)
    past = past_the_layer(probe, images, layer, scores, said)
    effects = group_effects(found, attributions, past, lambda given: probe.scores_when(images, layer, given, scores))
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
        cells_of(probe, layer, (images.shape[1], images.shape[2])),
    )
