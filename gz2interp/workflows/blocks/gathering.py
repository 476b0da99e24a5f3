"""One pass over a survey: moments of channels, their extremes, and a sample of places with what they do for classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.tally import Tally
from gz2interp.concepts.tops import TopsKeeper
from gz2interp.stores.survey import Survey
from gz2interp.workflows.blocks.asking import Door, attributions_of, class_logits
from gz2interp.workflows.blocks.settings import BlockSettings
from gz2interp.workflows.opening import Progress

__all__ = ["Gathered", "Places", "gathered"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Places:
    """Places in galaxies, m in all.

    Attributes
    ----------
    vectors : float32 (m, channel)
        What the layer says there.
    attributed : float32 (m, class)
        What they add to each class' logit beyond what they add to all classes on average.
    rows : int64 (m,)
        Of the survey.
    y, x : int64 (m,)
        In the layer's plane; 0 for a layer without places.
    """

    vectors: Floats
    attributed: Floats
    rows: Ints
    y: Ints
    x: Ints


@dataclass(frozen=True, eq=False)
class Gathered:
    """What one pass has found.

    Attributes
    ----------
    tally : Tally
    by_mean, by_max : TopsKeeper
    places : Places
    """

    tally: Tally
    by_mean: TopsKeeper
    by_max: TopsKeeper
    places: Places


def gathered(
    door: Door, survey: Survey, rows: Ints, layer: str, settings: BlockSettings, progress: Progress | None = None
) -> Gathered:
    """Look at every galaxy once, a shard at a time; of a sample of them the network is asked for gradients too.

    Places are drawn by how much the layer has to say there, the length of its activations, so that empty sky does not
    fill the sample; where it says nothing, there is nothing to draw.
    """
    tally, by_mean, by_max = Tally(), TopsKeeper(settings.tops), TopsKeeper(settings.tops, "max")
    rng = np.random.default_rng(settings.seed)
    chosen = np.zeros(len(rows), bool)
    chosen[rng.choice(len(rows), min(len(rows), settings.places), replace=False)] = True
    each = max(settings.places // len(rows), 1)
    parts: list[Places] = []
    done = 0
    for batch in survey.batches(rows=rows):
        said = door.activations(batch.images, layer)
        tally.add(said)
        by_mean.add(said, batch.rows)
        by_max.add(said, batch.rows)
        wanted = chosen[done : done + len(batch.rows)]
        if wanted.any():
            parts.append(_sampled(door, batch.images[wanted], batch.rows[wanted], layer, each, rng))
        done += len(batch.rows)
        if progress:
            progress("channels", done, len(rows))
    names = ("vectors", "attributed", "rows", "y", "x")
    return Gathered(
        tally, by_mean, by_max, Places(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    )


def _sampled(door: Door, images: Floats, rows: Ints, layer: str, each: int, rng: np.random.Generator) -> Places:
    attributions = attributions_of(door, images, layer, class_logits(door), steps=0)
    said = attributions[0].activations
    plane = said.reshape(len(said), -1, said.shape[-1])
    each = min(each, plane.shape[1])
    across = said.shape[2] if said.ndim == 4 else 1
    # The largest of log(weight) + Gumbel noise: a draw without replacement by weight (Efraimidis & Spirakis 2006).
    strength = np.log(np.linalg.norm(plane, axis=2) + 1e-12)
    at = np.argsort(-(strength + rng.gumbel(size=strength.shape)), axis=1, kind="stable")[:, :each]
    galaxy = np.repeat(np.arange(len(said)), each)
    flat = at.ravel()
    speaks = plane[galaxy, flat].any(axis=1)
    galaxy, flat = galaxy[speaks], flat[speaks]
    adds = np.stack([each_.values.reshape(plane.shape)[galaxy, flat].sum(axis=1) for each_ in attributions], axis=1)
    return Places(
        plane[galaxy, flat], adds - adds.mean(axis=1, keepdims=True), rows[galaxy], flat // across, flat % across
    )
