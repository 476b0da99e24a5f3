"""Feature visualisation: images that maximise objectives, many at once, seeded and interruptible."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.features.forms import Diversity, ObjectiveForm, form_of
from gz2interp.features.image_prior import ImagePrior
from gz2interp.features.parametrisations import Parametrisation, get_parametrisation
from gz2interp.features.steps import ObjectiveOptimiser, OptimiserState
from gz2interp.features.transformations import Transformations
from gz2interp.network.layers import example_shape
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import tf
from gz2interp.network.scores import Score, single_scores
from gz2interp.results import FeatureImages

__all__ = ["BATCH", "STEPS", "BatchStore", "visualise"]

Floats = NDArray[np.float32]
Progress = Callable[[str, int, int], None]

STEPS: Final = 256

BATCH: Final = 16
"""Images optimised at a time, which bounds the memory."""

WEIGHT_DECAY: Final = 0.1

DRAWS: Final = 8
"""Random transformations under which the finished images are evaluated."""


_COLUMNS: Final = ("images", "reached", "transformed", "moved", "failed", "done")


class BatchStore(Protocol):
    """Storage of finished batches, so that an interrupted call with the same arguments need not repeat them."""

    def read(self, number: int) -> Mapping[str, NDArray[Any]] | None:
        """Read the arrays of a batch; None where it is not finished."""

    def write(self, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store the arrays of a batch."""


@dataclass(frozen=True, eq=False)
class _Batch:
    """Objectives of one form that are optimised together, with their numbers in the list."""

    which: tuple[int, ...]
    objectives: tuple[Score, ...]
    forms: tuple[ObjectiveForm, ...]

    @property
    def numbers(self) -> list[Any]:
        columns = zip(*(form.numbers for form in self.forms), strict=True)
        return [tf.constant(np.stack(column), tf.float32) for column in columns]

    @property
    def _objectives(self) -> Iterator[tuple[Score, ObjectiveForm]]:
        return zip(self.objectives, self.forms, strict=True)

    @property
    def same_objective(self) -> Any:
        """Weights (n, n) between the images of the same objective, which has the same name and numbers."""
        numbers: dict[Hashable, int] = {}
        which = np.array([numbers.setdefault(_identity(*pair), len(numbers)) for pair in self._objectives])
        alike = (which[:, None] == which[None]) & ~np.eye(len(which), dtype=bool)
        return tf.constant(alike / np.maximum(alike.sum(axis=1, keepdims=True), 1), tf.float32)


def _identity(objective: Score, form: ObjectiveForm) -> Hashable:
    return objective.name, *(number.tobytes() for number in form.numbers)


def visualise(
    probe: Probe,
    objectives: Score | Sequence[Score],
    prior: ImagePrior,
    *,
    parametrisation: str = "fourier",
    steps: int = STEPS,
    transformations: Transformations | None = None,
    rate: float | None = None,
    seed: int = 0,
    aligned: bool = False,
    own_colours: bool = True,
    weight_decay: float = WEIGHT_DECAY,
    batch: int = BATCH,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    batches: BatchStore | None = None,
) -> FeatureImages:
    """Images that maximise objectives within the limits of a survey's cutouts.

    Parameters
    ----------
    objectives : Score or sequence of Score
        One image is made for each: `channel`, `logit`, `direction`, those of `gz2interp.features.objectives`, and their
        combinations by ``+ - *``. Objectives that differ in numbers only, such as the channels of a layer, are
        optimised together in one compiled step.
    prior : ImagePrior
        Statistics of the survey's cutouts, from `gz2interp.features.image_prior.image_prior`.
    parametrisation : str, optional
        ``"fourier"``, ``"maco"`` or ``"pixels"``.
    transformations : Transformations, optional
        Random transformations under which the objective is maximised.
    rate : float, optional
        Learning rate; by default that of the parametrisation.
    seed : int, optional
        Of the starts and the transformations. An image's start depends on it and on the image's number in the list.
    aligned : bool, optional
        Whether all images have the same start, so that they differ only by their objectives.
    own_colours : bool, optional
        Whether to limit the colour of each pixel to those of the survey's galaxies. False limits each band by itself:
        an image may then have blue flux without any red.
    weight_decay : float, optional
        Decay of flux that does not increase the objective, from 0 to below 1.
    batch : int, optional
        Images optimised at a time.
    progress : callable, optional
        Called with (stage, steps done, all steps).
    stop : callable, optional
        Called after each step; if it returns True, the images so far are returned, as after Ctrl+C.
    batches : BatchStore, optional
        By default nothing is stored between calls.

    Returns
    -------
    FeatureImages
        In the order of the objectives. `silent` marks objectives that never had a gradient.

    Raises
    ------
    InputError
        The network does not have an objective's layers, channels or classes, or takes images of another shape.
    """
    objectives = (objectives,) if isinstance(objectives, Score) else tuple(objectives)
    settings = _ImageSettings(
        probe,
        prior,
        get_parametrisation(parametrisation),
        transformations or Transformations(),
        rate,
        seed,
        own_colours,
        weight_decay,
    )
    settings.check(objectives, steps, batch)
    progress, stop = progress or (lambda *_: None), stop or (lambda: False)
    results, finished = _optimise(settings, objectives, steps, batch, aligned, progress, stop, batches)
    parameters = {
        "steps": steps,
        "rate": settings.rate,
        "aligned": aligned,
        "own_colours": own_colours,
        "thrift": weight_decay,
        "transformations": asdict(settings.transformations),
    }
    return _feature_images(results, objectives, prior, settings.parametrisation.name, parameters, seed, finished)


@dataclass(frozen=True, eq=False)
class _ImageSettings:
    """Settings of all images of a call."""

    probe: Probe
    prior: ImagePrior
    parametrisation: Parametrisation
    transformations: Transformations
    own_rate: float | None
    seed: int
    own_colours: bool
    weight_decay: float

    @property
    def rate(self) -> float:
        return self.parametrisation.rate if self.own_rate is None else self.own_rate

    def check(self, objectives: Sequence[Score], steps: int, batch: int) -> None:
        sides = zip(self.probe.image_shape, self.prior.shape, strict=True)
        if any(expected not in (None, side) for expected, side in sides):
            raise InputError(
                f"The network takes images (y, x, band) = {self.probe.image_shape}",
                f"The image prior is that of cutouts of {self.prior.shape}",
                "Take image_prior of the cutouts that the network was trained on",
            )
        if steps < 1 or batch < 1 or not self.rate > 0 or not 0 <= self.seed < 2**31:
            raise InputError(
                f"steps = {steps}, batch = {batch}, rate = {self.rate:g} and seed = {self.seed} were given",
                "At least 1 step and 1 image, a rate above 0, and a seed from 0 to 2147483647",
            )
        if not 0 <= self.weight_decay < 1:
            raise InputError(
                f"weight_decay = {self.weight_decay:g} was given", "From 0 to below 1", f"{WEIGHT_DECAY} is usual"
            )
        for objective in objectives:
            if not isinstance(objective, Score):
                raise InputError(f"The objective {objective!r} was given", "A score, such as channel('block3', 12)")
            self._check_places(objective)
            self.probe.check(objective)

    def _check_places(self, objective: Score) -> None:
        shape = example_shape(self.probe.image_shape)
        if shape != self.prior.shape and any(getattr(part, "placed", False) for part in single_scores(objective)):
            raise InputError(
                f"{objective.name} depends on positions, and the network takes images of any size",
                f"Cutouts of {shape[0]} x {shape[1]} pixels, for which the shapes of its layers are known",
                "Build the network again for images of one size, and copy its weights",
            )

    def optimiser(self, form: ObjectiveForm, objective: Score) -> ObjectiveOptimiser:
        return ObjectiveOptimiser(
            self.probe,
            form,
            objective.layers,
            self.prior,
            self.parametrisation,
            self.transformations,
            self.rate,
            self.seed,
            self.own_colours,
            self.weight_decay,
            objective.name,
        )

    def start(self, which: Sequence[int], aligned: bool) -> OptimiserState:
        shape = self.parametrisation.shape(self.prior)
        draws = [
            np.random.default_rng([self.seed, 0 if aligned else number]).standard_normal(shape, np.float32)
            for number in which
        ]
        return OptimiserState.at(self.parametrisation.start * np.stack(draws))


def _batches(probe: Probe, objectives: Sequence[Score], batch: int) -> Iterator[_Batch]:
    """Batches of objectives of one form; equal ones with a diversity term share a batch unless they exceed it."""
    by_form: dict[Hashable, list[tuple[int, Score, ObjectiveForm]]] = {}
    for number, objective in enumerate(objectives):
        resolved = objective.resolve(probe.class_names)
        form = form_of(resolved, probe)
        by_form.setdefault(form.key, []).append((number, resolved, form))
    for members in by_form.values():
        if any(isinstance(part, Diversity) for part in single_scores(members[0][1])):
            members.sort(key=lambda member: (_identity(*member[1:]), member[0]))
        for start in range(0, len(members), batch):
            yield _Batch(*map(tuple, zip(*members[start : start + batch], strict=True)))


def _optimise(
    settings: _ImageSettings,
    objectives: Sequence[Score],
    steps: int,
    batch: int,
    aligned: bool,
    progress: Progress,
    stop: Callable[[], bool],
    batches: BatchStore | None,
) -> tuple[dict[int, tuple[Any, ...]], bool]:
    """The columns of each image by the objective's number, and whether all images are finished."""
    images: dict[int, tuple[Any, ...]] = {}
    total, before = len(objectives) * steps, 0
    key, optimiser = None, None
    for place, group in enumerate(_batches(settings.probe, objectives, batch)):
        stored = None if batches is None else batches.read(place)
        if stored is not None:
            images |= zip(group.which, zip(*(stored[name] for name in _COLUMNS), strict=True), strict=True)
            before += steps * len(group.which)
            continue
        if optimiser is None or key != group.forms[0].key:
            key, optimiser = group.forms[0].key, settings.optimiser(group.forms[0], group.objectives[0])
        state, done = settings.start(group.which, aligned), 0
        numbers, same_objective = group.numbers, group.same_objective
        stopped = False
        try:
            while done < steps and not (stopped := stop()):
                state = optimiser.step(state, done, done / steps, same_objective, numbers)
                done += 1
                progress("feature images", before + done * len(group.which), total)
        except KeyboardInterrupt:
            stopped = True
        before += steps * len(group.which)
        if done:
            results = _results(optimiser, state, done, steps, same_objective, numbers)
            images |= zip(group.which, results, strict=True)
            if batches is not None and not stopped:
                columns = zip(_COLUMNS, zip(*results, strict=True), strict=True)
                batches.write(place, {name: np.asarray(column) for name, column in columns})
        if stopped:
            return images, False
    return images, True


def _results(
    optimiser: ObjectiveOptimiser,
    state: OptimiserState,
    done: int,
    steps: int,
    same_objective: Any,
    numbers: Sequence[Any],
) -> list[tuple[Any, ...]]:
    images, reached = optimiser.evaluate(state, same_objective, numbers)
    draws = [
        optimiser.evaluate_transformed(state, steps + draw, same_objective, numbers).numpy() for draw in range(DRAWS)
    ]
    columns = images.numpy(), reached.numpy(), np.mean(draws, axis=0), state.moved.numpy(), state.failed.numpy()
    return [(*image, done) for image in zip(*columns, strict=True)]


def _feature_images(
    results: dict[int, tuple[Any, ...]],
    objectives: Sequence[Score],
    prior: ImagePrior,
    parametrisation: str,
    parameters: dict[str, Any],
    seed: int,
    finished: bool,
) -> FeatureImages:
    order = sorted(results)
    columns = list(zip(*(results[number] for number in order), strict=True)) or [()] * 6
    images, reached, transformed, moved, failed, done = columns
    return FeatureImages(
        images=np.asarray(images, np.float32).reshape(-1, *prior.shape),
        objectives=tuple(objectives[number].name for number in order),
        reached=np.asarray(reached, np.float32),
        transformed=np.asarray(transformed, np.float32),
        steps=np.asarray(done, np.int64),
        silent=np.asarray(moved, np.int64) == 0,
        failed=np.asarray(failed, np.int64),
        parametrisation=parametrisation,
        parameters=parameters,
        seed=seed,
        finished=finished,
    )
