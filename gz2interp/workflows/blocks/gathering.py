"""One pass over a survey: moments of channels, their extremes, and a sample of places with what they do for classes."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.channel_statistics import Tally, TopsKeeper
from gz2interp.errors import SurveyError
from gz2interp.stores.arrays import SHARD_ROWS, read_npz
from gz2interp.stores.files import replaced
from gz2interp.stores.reading import failing_as
from gz2interp.stores.survey import Survey
from gz2interp.workflows.blocks.asking import Door, attributions_of, class_logits
from gz2interp.workflows.blocks.settings import BlockSettings
from gz2interp.workflows.opening import Progress

__all__ = ["Gathered", "Places", "gathered"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CHECKPOINTS: Final = 50
"""Of a pass over a large survey: what is lost at most when it is interrupted is a fiftieth."""


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
    door: Door,
    survey: Survey,
    rows: Ints,
    layer: str,
    settings: BlockSettings,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> Gathered:
    """Look at every galaxy once, a shard at a time; of a sample of them the network is asked for gradients too.

    Places are drawn by how much the layer has to say there, the length of its activations, so that empty sky does not
    fill the sample; where it says nothing, there is nothing to draw.

    Parameters
    ----------
    door : Door
    survey : Survey
    rows : int64 (n,)
    layer : str
    settings : BlockSettings
    progress : callable, optional
    checkpoint : Path, optional
        An ``.npz`` file to which the state of the pass is written about `CHECKPOINTS` times; a pass of the same
        settings that finds one goes on from there, with the same result to the last bit.
    """
    chooser = np.random.default_rng(settings.seed)
    chosen = np.zeros(len(rows), bool)
    chosen[chooser.choice(len(rows), min(len(rows), settings.places), replace=False)] = True
    each = max(settings.places // len(rows), 1)
    state = _Pass(settings.tops, chooser)
    if checkpoint is not None and checkpoint.is_file():
        before = chooser.bit_generator.state
        try:
            state.read(checkpoint)
        except SurveyError:  # damaged, it is of no use: the pass begins anew
            chooser.bit_generator.state = before
            state = _Pass(settings.tops, chooser)
    every = SHARD_ROWS * max(len(rows) // SHARD_ROWS // CHECKPOINTS, 1)
    for batch in survey.batches(rows=rows[state.done :]):
        state.add(door.activations(batch.images, layer), batch.rows)
        wanted = chosen[state.done : state.done + len(batch.rows)]
        if wanted.any():
            state.parts.append(_sampled(door, batch.images[wanted], batch.rows[wanted], layer, each, state.rng))
        state.done += len(batch.rows)
        if checkpoint is not None and (state.done % every == 0 or state.done == len(rows)):
            state.write(checkpoint)
        if progress:
            progress("channels", state.done, len(rows))
    return Gathered(state.tally, state.by_mean, state.by_max, state.places())


class _Pass:
    """What has been gathered of the first `done` rows, and how the random numbers stand."""

    def __init__(self, tops: int, rng: np.random.Generator) -> None:
        self.done, self.rng = 0, rng
        self.tally, self.by_mean, self.by_max = Tally(), TopsKeeper(tops), TopsKeeper(tops, "max")
        self.parts: list[Places] = []

    def add(self, activations: Floats, rows: Ints) -> None:
        self.tally.add(activations)
        self.by_mean.add(activations, rows)
        self.by_max.add(activations, rows)

    def places(self) -> Places:
        return Places(*(np.concatenate([getattr(part, each.name) for part in self.parts]) for each in fields(Places)))

    def write(self, file: Path) -> None:
        self.parts = [self.places()] if self.parts else []
        kept = {"tally": self.tally.state(), "mean": self.by_mean.state(), "max": self.by_max.state()}
        kept["places"] = vars(self.parts[0]) if self.parts else {}
        arrays = {f"{part}_{name}": values for part, each in kept.items() for name, values in each.items()}
        with replaced(file) as aside:
            np.savez(aside, allow_pickle=False, done=self.done, rng=json.dumps(self.rng.bit_generator.state), **arrays)

    def read(self, file: Path) -> None:
        arrays = read_npz(file)
        kept = {
            part: {name.removeprefix(f"{part}_"): arrays[name] for name in arrays if name.startswith(f"{part}_")}
            for part in ("tally", "mean", "max", "places")
        }
        with failing_as(SurveyError, str(file)):
            self.done, self.rng.bit_generator.state = int(arrays["done"]), json.loads(str(arrays["rng"]))
            self.tally = Tally.of_state(kept["tally"])
            self.by_mean.resume(kept["mean"])
            self.by_max.resume(kept["max"])
            self.parts = [Places(**kept["places"])] if kept["places"] else []


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
