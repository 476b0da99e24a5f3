"""The one loop: images that excite objectives, many at once, seeded, interruptible."""

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
"""Images in the works at a time: it bounds the memory, and progress is told, in between."""

WEIGHT_DECAY: Final = 0.1

DRAWS: Final = 8
"""Of the transformations, under which the finished images are looked at."""


_COLUMNS: Final = ("images", "reached", "transformed", "moved", "failed", "done")


class BatchStore(Protocol):
    """Where finished batches are kept, so that an interrupted call of the same arguments need not repeat them."""

    def read(self, number: int) -> Mapping[str, NDArray[Any]] | None:
        """The arrays of a batch; None where it has not been finished."""

    def write(self, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the arrays of a batch."""


@dataclass(frozen=True, eq=False)
class _Batch:
    """Images made together: objectives of one form, by their numbers in the list."""

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
    def company(self) -> Any:
        """Weights of each image's company with the same objective, (n, n); numbers tell what a name does not."""
        numbers: dict[Hashable, int] = {}
        which = np.array([numbers.setdefault(_identity(*each), len(numbers)) for each in self._objectives])
        alike = (which[:, None] == which[None]) & ~np.eye(len(which), dtype=bool)
        return tf.constant(alike / np.maximum(alike.sum(axis=1, keepdims=True), 1), tf.float32)


def _identity(objective: Score, form: ObjectiveForm) -> Hashable:
    return objective.name, *(number.tobytes() for number in form.numbers)


def visualise(
    probe: Probe,
    objectives: Score | Sequence[Score],
    light: ImagePrior,
    *,
    parametrisation: str = "fourier",
    steps: int = STEPS,
    transformations: Transformations | None = None,
    rate: float | None = None,
    seed: int = 0,
    aligned: bool = False,
    own_colours: bool = True,
    thrift: float = WEIGHT_DECAY,
    batch: int = BATCH,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    batches: BatchStore | None = None,
) -> FeatureImages:
    """Images that excite objectives, and could be cutouts of the survey.

    Parameters
    ----------
    objectives : Score or sequence of Score
        An image is made for each: `channel`, `logit`, `direction`, those of `gz2interp.features.objectives`, and what
        ``+ - *`` make of them. Those that differ in numbers only, such as the channels of a layer, are made side by
        side in one compiled step.
    light : ImagePrior
        What the survey's cutouts are like, from `gz2interp.features.image_prior.image_prior`.
    parametrisation : str, optional
        ``"fourier"``, ``"maco"`` or ``"pixels"``.
    transformations : Transformations, optional
        Under which the image is to excite its objective.
    rate : float, optional
        Of learning; by default the parametrisation's own.
    seed : int, optional
        Of the starts and the transformations. An image's start follows from it and its number in the list.
    aligned : bool, optional
        Whether all images start alike, so that what differs between them is what their objectives ask for.
    own_colours : bool, optional
        Whether each pixel has a colour that the survey's galaxies have. False limits each band by itself: an image may
        then be blue light without any red.
    thrift : float, optional
        How strongly light fades that the objective does not ask for, from 0 to below 1.
    batch : int, optional
        Images in the works at a time.
    progress : callable, optional
        Called with (what is being done, steps done, of how many).
    stop : callable, optional
        Asked after each step; True ends with what there is, as Ctrl+C does.
    batches : BatchStore, optional
        By default nothing is kept between calls.

    Returns
    -------
    FeatureImages
        In the order of the objectives. An objective that no step could follow is told by `silent`.

    Raises
    ------
    InputError
        The network does not know an objective's layers, channels or classes, or takes other images than the survey's.
    """
    chosen = (objectives,) if isinstance(objectives, Score) else tuple(objectives)
    wish = _ImageSettings(
        probe,
        light,
        get_parametrisation(parametrisation),
        transformations or Transformations(),
        rate,
        seed,
        own_colours,
        thrift,
    )
    wish.check(chosen, steps, batch)
    told, asked = progress or (lambda *_: None), stop or (lambda: False)
    made, finished = _made(wish, chosen, steps, batch, aligned, told, asked, batches)
    parameters = {
        "steps": steps,
        "rate": wish.rate,
        "aligned": aligned,
        "own_colours": own_colours,
        "thrift": thrift,
        "transformations": asdict(wish.transformations),
    }
    return _joined(made, chosen, light, wish.parametrisation.name, parameters, seed, finished)


@dataclass(frozen=True, eq=False)
class _ImageSettings:
    """How all images are made."""

    probe: Probe
    light: ImagePrior
    parametrisation: Parametrisation
    transformations: Transformations
    own_rate: float | None
    seed: int
    own_colours: bool
    thrift: float

    @property
    def rate(self) -> float:
        return self.parametrisation.rate if self.own_rate is None else self.own_rate

    def check(self, objectives: Sequence[Score], steps: int, batch: int) -> None:
        if any(side not in (None, given) for side, given in zip(self.probe.image_shape, self.light.shape, strict=True)):
            raise InputError(
                f"The network takes images (y, x, band) = {self.probe.image_shape}",
                f"The light is that of cutouts of {self.light.shape}",
                "Take image_prior of the cutouts that the network was trained on",
            )
        if steps < 1 or batch < 1 or not self.rate > 0 or not 0 <= self.seed < 2**31:
            raise InputError(
                f"steps = {steps}, batch = {batch}, rate = {self.rate:g} and seed = {self.seed} were given",
                "At least 1 step and 1 image, a rate above 0, and a seed from 0 to 2147483647",
            )
        if not 0 <= self.thrift < 1:
            raise InputError(f"thrift = {self.thrift:g} was given", "From 0 to below 1", f"{WEIGHT_DECAY} is usual")
        for objective in objectives:
            if not isinstance(objective, Score):
                raise InputError(f"The objective {objective!r} was given", "A score, such as channel('block3', 12)")
            self._check_places(objective)
            self.probe.check(objective)

    def _check_places(self, objective: Score) -> None:
        told = example_shape(self.probe.image_shape)
        if told != self.light.shape and any(getattr(part, "placed", False) for part in single_scores(objective)):
            raise InputError(
                f"{objective.name} is about places, and the network takes images of any size",
                f"Cutouts of {told[0]} x {told[1]} pixels, for which its layers' shapes are told",
                "Build the network again for images of one size, and give it the weights that it has",
            )

    def stepper(self, form: ObjectiveForm, objective: Score) -> ObjectiveOptimiser:
        return ObjectiveOptimiser(
            self.probe,
            form,
            objective.layers,
            self.light,
            self.parametrisation,
            self.transformations,
            self.rate,
            self.seed,
            self.own_colours,
            self.thrift,
            objective.name,
        )

    def start(self, which: Sequence[int], aligned: bool) -> OptimiserState:
        shape = self.parametrisation.shape(self.light)
        draws = [
            np.random.default_rng([self.seed, 0 if aligned else number]).standard_normal(shape, np.float32)
            for number in which
        ]
        return OptimiserState.at(self.parametrisation.start * np.stack(draws))


def _batches(probe: Probe, objectives: Sequence[Score], batch: int) -> Iterator[_Batch]:
    """Those of one form together; equal ones that are to differ are not parted unless there are more than a batch."""
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


def _made(
    wish: _ImageSettings,
    objectives: Sequence[Score],
    steps: int,
    batch: int,
    aligned: bool,
    progress: Progress,
    stop: Callable[[], bool],
    batches: BatchStore | None,
) -> tuple[dict[int, tuple[Any, ...]], bool]:
    """Image and what is told of it, by the objective's number; and whether all was done."""
    made: dict[int, tuple[Any, ...]] = {}
    total, before = len(objectives) * steps, 0
    key, stepper = None, None
    for place, together in enumerate(_batches(wish.probe, objectives, batch)):
        kept = None if batches is None else batches.read(place)
        if kept is not None:
            made |= zip(together.which, zip(*(kept[name] for name in _COLUMNS), strict=True), strict=True)
            before += steps * len(together.which)
            continue
        if stepper is None or key != together.forms[0].key:
            key, stepper = together.forms[0].key, wish.stepper(together.forms[0], together.objectives[0])
        state, done = wish.start(together.which, aligned), 0
        numbers, company = together.numbers, together.company
        stopped = False
        try:
            while done < steps and not (stopped := stop()):
                state = stepper.step(state, done, done / steps, company, numbers)
                done += 1
                progress("feature images", before + done * len(together.which), total)
        except KeyboardInterrupt:
            stopped = True
        before += steps * len(together.which)
        if done:
            results = _told(stepper, state, done, steps, company, numbers)
            made |= zip(together.which, results, strict=True)
            if batches is not None and not stopped:
                columns = zip(_COLUMNS, zip(*results, strict=True), strict=True)
                batches.write(place, {name: np.asarray(column) for name, column in columns})
        if stopped:
            return made, False
    return made, True


def _told(
    stepper: ObjectiveOptimiser, state: OptimiserState, done: int, steps: int, company: Any, numbers: Sequence[Any]
) -> list[tuple[Any, ...]]:
    images, reached = stepper.look(state, company, numbers)
    draws = [stepper.transformed_look(state, steps + draw, company, numbers).numpy() for draw in range(DRAWS)]
    told = images.numpy(), reached.numpy(), np.mean(draws, axis=0), state.moved.numpy(), state.failed.numpy()
    return [(*each, done) for each in zip(*told, strict=True)]


def _joined(
    made: dict[int, tuple[Any, ...]],
    objectives: Sequence[Score],
    light: ImagePrior,
    parametrisation: str,
    parameters: dict[str, Any],
    seed: int,
    finished: bool,
) -> FeatureImages:
    order = sorted(made)
    columns = list(zip(*(made[number] for number in order), strict=True)) or [()] * 6
    images, reached, transformed, moved, failed, done = columns
    return FeatureImages(
        images=np.asarray(images, np.float32).reshape(-1, *light.shape),
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
