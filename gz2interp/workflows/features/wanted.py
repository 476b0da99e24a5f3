"""Of what a sheet has feature images: the objectives of channels, classes, groups and cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.features.objectives import cosine_direction
from gz2interp.network.layer_scores import channel
from gz2interp.network.probe import Probe
from gz2interp.network.scores import Score, logit
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.workflows.features.settings import SheetSettings

__all__ = ["POWER", "Wanted", "wanted"]

Floats = NDArray[np.float32]

POWER = 2.0
"""Of the cosine, for groups and cells."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Objectives of one kind.

    Attributes
    ----------
    kind : str
    objectives : tuple of Score
        By number.
    directions : float32 (n, channel) or None
        Of groups and cells.
    seeds : int
        Images of each.
    """

    kind: str
    objectives: tuple[Score, ...]
    directions: Floats | None
    seeds: int


def wanted(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> tuple[Wanted, ...]:
    """What is to be made, kind by kind."""
    makers = {"channel": _channels, "class": _classes, "group": _groups, "cell": _cells}
    return tuple(makers[kind](probe, layer, blocks, settings) for kind in settings.kinds)


def _channels(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> Wanted:
    numbers = range(probe.layer(layer).shape[-1])
    return Wanted("channel", tuple(channel(layer, number) for number in numbers), None, settings.seeds)


def _classes(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> Wanted:
    return Wanted("class", tuple(logit(name) for name in probe.class_names), None, settings.seeds)


def _groups(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> Wanted:
    return _along("group", layer, blocks.arrays("groups")["directions"])


def _cells(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> Wanted:
    return _along("cell", layer, blocks.arrays("atlas-0")["whitened"])


def _along(kind: str, layer: str, directions: NDArray[Any]) -> Wanted:
    asked = (
        cosine_direction(layer, direction, POWER, f"{kind} {number + 1} of {layer}")
        for number, direction in enumerate(directions)
    )
    return Wanted(kind, tuple(asked), np.asarray(directions, np.float32), 1)
