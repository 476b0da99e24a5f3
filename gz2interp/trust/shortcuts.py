"""Shortcut test: whether and where a network uses nuisances instead of the galaxy, for each family of nuisances.

The noise (or the seeing, the background, the surroundings, ...) of one galaxy is transplanted to another. If the
probability of the donor's class is then higher than with the noise of a third class, the network uses the noise.

Ref. Geirhos et al. 2020, Shortcut learning in deep neural networks, https://arxiv.org/abs/2004.07780, for the question;
transplanting what is not the object is the idea of Xiao et al. 2021, Noise or signal: the role of image backgrounds in
object recognition, https://arxiv.org/abs/2006.09994.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError
from gz2interp.measure.outskirts import MeasuredImages, measure, planes
from gz2interp.network.model_probe import ModelProbe
from gz2interp.statistics import Estimate
from gz2interp.trust.donors import (
    CALIPER,
    FEWEST,
    DonorPairs,
    ShortcutEffect,
    draw_pairs,
    shortcut_effects,
    transplanted_predictions,
)
from gz2interp.trust.nuisances import LEAST_ROOM, NUISANCES, Nuisance, amid, outside

__all__ = ["FEWEST", "LIMIT", "NuisancePlace", "ShortcutResult", "locate", "named_shortcut", "shortcuts"]


Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CELLS = 8
"""Along a side of the cutout."""

LOOKED_AT = 48
"""Recipients."""

PORTION = 8
"""Of them at a time."""

MOSTLY = 0.5
"""Share of the whole effect that one place, or one band, must have by itself to be named."""


@dataclass(frozen=True)
class NuisancePlace:
    """Where it is.

    Attributes
    ----------
    y, x : int or None
        A fixed pixel of the cutout; None where the effect comes from no fixed place.
    band : int or None
        The band that has most of the effect; None if no single one has.
    share : float
        Of the whole effect that the fixed place has by itself, or the best one.
    """

    y: int | None
    x: int | None
    band: int | None
    share: float

    def words(self, bands: Sequence[str] = ()) -> str:
        """For a reader."""
        named = "" if self.band is None else f" in {bands[self.band] if bands else f'band {self.band}'}"
        if self.y is None:
            return f"objects or light around the galaxy{named}, at no fixed place"
        return f"a fixed place at pixel y {self.y}, x {self.x}{named}"


def locate(
    probe: ModelProbe,
    galaxies: MeasuredImages,
    pairs: DonorPairs,
    classes: Ints,
    pull: ShortcutEffect,
    output: int,
    generator: Generator,
) -> NuisancePlace:
    """The place and band of the effect, from transplants of single cells of the cutout and of single bands.

    Parameters
    ----------
    probe, galaxies, pairs, classes
        As for `gz2interp.trust.donors.transplanted_predictions` and `shortcut_effects`.
    pull : ShortcutEffect
        Of the surroundings.
    output : int
        The network's output of its class.
    generator : Generator
    """
    rows = _rows(galaxies, pairs, classes, pull, generator)
    others = np.array([generator.choice(np.delete(pairs.donors[row], pull.number)) for row in rows], np.int64)
    rises = [
        _rises(probe, galaxies, pairs, rows[part], others[part], pull.number, output) for part in _portions(len(rows))
    ]
    whole, *single = np.concatenate(rises).mean(axis=0) if rises else np.zeros(1 + CELLS**2)
    cells, bands = np.array(single[: CELLS**2]), np.array(single[CELLS**2 :])
    best, share = int(cells.argmax()), float(cells.max() / whole) if whole > 0 else 0.0
    rivals = cells[~_beside(best)]
    fixed = share >= MOSTLY and rivals.max(initial=0.0) < MOSTLY * cells.max()
    if fixed:
        y, x, band = _pixel(galaxies, classes, pull.number, best)
        return NuisancePlace(y, x, band, share)
    named = bool(
        len(bands) > 1 and whole > 0 and bands.max() >= MOSTLY * whole and np.sort(bands)[-2] < bands.max() / 2
    )
    return NuisancePlace(None, None, int(bands.argmax()) if named else None, share)


def _rows(
    galaxies: MeasuredImages, pairs: DonorPairs, classes: Ints, pull: ShortcutEffect, generator: Generator
) -> Ints:
    """Recipients on the side of the pull that have room around them."""
    of_class = classes[pairs.recipients] == pull.number
    rows = generator.permutation(np.flatnonzero(of_class if pull.side == "away" else ~of_class))
    rows = rows[: 2 * LOOKED_AT]
    recipients, givers = galaxies.of(pairs.recipients[rows]), galaxies.of(pairs.donors[rows, pull.number])
    room = outside(recipients, givers).mean(axis=(1, 2))
    return np.asarray(rows[room >= LEAST_ROOM][:LOOKED_AT], np.int64)


def _portions(count: int) -> list[slice]:
    return [slice(first, first + PORTION) for first in range(0, count, PORTION)]


def _rises(
    probe: ModelProbe, galaxies: MeasuredImages, pairs: DonorPairs, rows: Ints, others: Ints, number: int, output: int
) -> Floats:
    """By how much the probability rises when all, one cell, or one band of another's surroundings becomes this class's.

    Returns float32 (n, 1 + cell + band).
    """
    recipients, giver, other = (
        galaxies.of(part) for part in (pairs.recipients[rows], pairs.donors[rows, number], others)
    )
    before, after = amid(recipients, other), amid(recipients, giver)
    cells, bands = _cells(before.shape[1:3]), np.eye(before.shape[3], dtype=np.bool_)
    masks = [np.zeros((1, 1, 1), np.bool_), np.ones((1, 1, 1), np.bool_)]
    masks += [(cells == cell)[..., None] for cell in range(CELLS**2)] + [band[None, None] for band in bands]
    probabilities = np.stack([probe.probabilities(np.where(mask, after, before))[:, output] for mask in masks], axis=1)
    return np.asarray(probabilities[:, 1:] - probabilities[:, :1], np.float32)


def _cells(shape: Sequence[int]) -> Ints:
    y, x = (np.arange(side) * CELLS // side for side in shape)
    return np.asarray(y[:, None] * CELLS + x[None, :])


def _beside(cell: int) -> NDArray[np.bool_]:
    """The cell and its neighbours, bool (cell,)."""
    y, x = np.divmod(np.arange(CELLS**2), CELLS)
    return np.asarray((np.abs(y - cell // CELLS) <= 1) & (np.abs(x - cell % CELLS) <= 1))


def _pixel(galaxies: MeasuredImages, classes: Ints, number: int, cell: int) -> tuple[int, int, int]:
    """The pixel and band of a cell in which this class differs most surely from the others."""
    above = (galaxies.images - planes(galaxies.plane, galaxies.images.shape[1:3])) / galaxies.sigma[:, None, None]
    y, x = np.nonzero(_cells(above.shape[1:3]) == cell)
    significance = np.where(galaxies.galaxy[:, y, x, None], np.nan, np.clip(above[:, y, x], -100, 100))
    of_class = classes == number
    one, two = (np.nanmedian(part, axis=0) for part in _with_any(significance[of_class], significance[~of_class]))
    best, band = np.unravel_index(np.abs(one - two).argmax(), one.shape)
    return int(y[best]), int(x[best]), int(band)


def _with_any(*parts: Floats) -> list[Floats]:
    """With a zero beside, so that a pixel that is always behind a galaxy has a median too."""
    return [np.concatenate([part, np.zeros((1, *part.shape[1:]), part.dtype)]) for part in parts]


Progress = Callable[[str, int, int], None]

LIMIT = 0.05
"""A smaller effect, in probability, is negligible."""

RESOLVED = 0.15
"""If an effect of this size is within the interval, the galaxies are too few to exclude a shortcut."""


@dataclass(frozen=True)
class ShortcutResult:
    """The result of one family of nuisances.

    Attributes
    ----------
    family : str
        A key of `NUISANCES`.
    class_name : str
        The class with the strongest effect; "" where nothing could be tested.
    estimate : Estimate
        The effect: the rise of a class's probability when galaxies are given the nuisance of that class.
    limit : float
    alarm : bool or None
        None where it is unknown; `words` has the reason.
    words : str
        The result in a sentence.
    place : NuisancePlace or None
        Of the effect of the surroundings.
    """

    family: str
    class_name: str
    estimate: Estimate
    limit: float
    alarm: bool | None
    words: str
    place: NuisancePlace | None = None


def shortcuts(
    probe: ModelProbe,
    images: ArrayLike,
    classes: Sequence[str],
    generator: Generator,
    *,
    valid: ArrayLike | None = None,
    fwhm: ArrayLike | None = None,
    looks: ArrayLike | None = None,
    bands: Sequence[str] = (),
    most: int = 512,
    progress: Progress | None = None,
) -> tuple[ShortcutResult, ...]:
    """Test for every family of nuisances whether the network uses it for the class.

    An alarm means an effect above `LIMIT`, and above zero at 95 % confidence for all families, classes and sides
    together (Bonferroni).

    Parameters
    ----------
    probe : Probe
    images : float32 (n, y, x, band)
    classes : sequence of str
        The class of each galaxy: its label or prediction; "" where there is none, or none of the network's.
    generator : Generator
    valid : bool (n, y, x), optional
    fwhm : float (n, band), optional
        Of the PSF [pixel]; NaN where unknown.
    looks : float (n, feature), optional
        Size and brightness, in which donors are matched; by default measured.
    bands : sequence of str, optional
        Names, for the words.
    most : int, optional
        Recipients at most.
    progress : callable, optional
        Called with the family, how many galaxies are done, and of how many.

    Returns
    -------
    tuple of ShortcutResult
        One for each family: alarms first, the strongest first.

    Raises
    ------
    InputError
        The arrays do not fit one another.
    """
    pixels = np.asarray(images, np.float32)
    if len(classes) != len(pixels):
        raise InputError(f"{len(classes)} classes were given with {len(pixels)} images", "One for each")
    outputs, numbers = _classes_of(classes, probe.class_names)
    rows = np.flatnonzero(numbers >= 0)
    if len(outputs) < 2:
        reason = f"at least {FEWEST} galaxies of two classes are needed"
        return tuple(_not_known(family, reason) for family in NUISANCES.values())
    parts = [None if array is None else np.asarray(array)[rows] for array in (valid, fwhm, looks)]
    galaxies = measure(pixels[rows], parts[0], parts[1])
    appearance = _looks(galaxies) if parts[2] is None else np.asarray(parts[2], np.float64)
    pairs = draw_pairs(numbers[rows], appearance, most, generator)
    inputs = _TestInputs(probe, galaxies, numbers[rows], outputs, pairs, generator, tuple(bands))
    return _judged(inputs, _all_pulls(inputs, progress))


def named_shortcut(results: Sequence[ShortcutResult]) -> ShortcutResult | None:
    """The alarm with the strongest effect; None if there is none."""
    alarms = [result for result in results if result.alarm]
    return max(alarms, key=lambda alarm: alarm.estimate.value or 0.0, default=None)


@dataclass(frozen=True, eq=False)
class _TestInputs:
    """Inputs that are common to all families."""

    probe: ModelProbe
    galaxies: MeasuredImages
    classes: NDArray[np.int64]
    outputs: Sequence[int]
    pairs: DonorPairs
    generator: Generator
    bands: tuple[str, ...]

    def name_of(self, pull: ShortcutEffect) -> str:
        return self.probe.class_names[self.outputs[pull.number]]


def _classes_of(classes: Sequence[str], class_names: Sequence[str]) -> tuple[list[int], NDArray[np.int64]]:
    """Outputs of the classes with enough galaxies, and the number of each galaxy's class among them, or -1."""
    output = {name: place for place, name in enumerate(class_names)}
    places = np.array([output.get(str(name), -1) for name in classes], np.int64)
    outputs = [place for place in range(len(class_names)) if (places == place).sum() >= FEWEST]
    numbers = np.full(len(places), -1, np.int64)
    for number, place in enumerate(outputs):
        numbers[places == place] = number
    return outputs, numbers


def _looks(galaxies: MeasuredImages) -> NDArray[np.float64]:
    """Size and brightness as measured in the images: the galaxy's area, and the light in it over the noise."""
    area = galaxies.galaxy.sum(axis=(1, 2))
    above = (galaxies.images - galaxies.plane[:, :1, None]) / galaxies.sigma[:, None, None]
    light = np.where(galaxies.galaxy[..., None], above, 0).sum(axis=(1, 2, 3))
    return np.log(np.stack([np.maximum(area, 1), np.maximum(light, 1)], axis=1).astype(np.float64))


def _all_pulls(inputs: _TestInputs, progress: Progress | None) -> dict[str, tuple[ShortcutEffect, ...] | str]:
    """The effects of each family, or why there are none."""
    effects: dict[str, tuple[ShortcutEffect, ...] | str] = {}
    for name, family in NUISANCES.items():
        lacking = family.lacking(inputs.galaxies)
        if lacking:
            effects[name] = lacking
            continue
        report = None if progress is None else partial(progress, name)
        predictions = transplanted_predictions(
            inputs.probe, family, inputs.galaxies, inputs.pairs, inputs.generator, report
        )
        family_effects = shortcut_effects(predictions, inputs.outputs, inputs.classes, inputs.pairs, inputs.generator)
        effects[name] = family_effects or "too few galaxies leave room for it"
    return effects


def _judged(inputs: _TestInputs, effects: dict[str, tuple[ShortcutEffect, ...] | str]) -> tuple[ShortcutResult, ...]:
    tests = sum(len(item) for item in effects.values() if not isinstance(item, str))
    judged = [
        _not_known(NUISANCES[name], item) if isinstance(item, str) else _shortcut(inputs, NUISANCES[name], item, tests)
        for name, item in effects.items()
    ]
    order = sorted(judged, key=lambda item: (not item.alarm, item.alarm is None, -(item.estimate.value or 0.0)))
    return tuple(order)


def _shortcut(inputs: _TestInputs, family: Nuisance, effects: Sequence[ShortcutEffect], tests: int) -> ShortcutResult:
    """The result of one family; an alarm needs matched donors, or the galaxies' own light may cause the effect."""
    strongest = max(effects, key=lambda effect: (effect.bound(tests) > 0 and effect.value > LIMIT, effect.value))
    alarm = strongest.value > LIMIT and strongest.bound(tests) > 0
    name, estimate = inputs.name_of(strongest), strongest.estimate
    if not alarm:
        widest = max(effect.estimate.high or 0.0 for effect in effects)
        unsure = widest > RESOLVED
        words = f"No sign that the network goes by {family.phrase}" + (
            f", but with so few galaxies {100 * widest:.0f} points could be missed" if unsure else ""
        )
        return ShortcutResult(family.name, name, estimate, LIMIT, None if unsure else False, words)
    if np.isinf(inputs.pairs.caliper):
        words = f"Not known: galaxies go by {family.phrase}, or by their size: the classes have none alike in it"
        return ShortcutResult(family.name, name, estimate, LIMIT, None, words)
    place = None
    if family.name == "surroundings":
        output = inputs.outputs[strongest.number]
        place = locate(inputs.probe, inputs.galaxies, inputs.pairs, inputs.classes, strongest, output, inputs.generator)
    words = _alarm(family, name, strongest, place, inputs.bands)
    if inputs.pairs.caliper > CALIPER:
        words += "; the donors' sizes and brightnesses are alike only roughly"
    return ShortcutResult(family.name, name, estimate, LIMIT, True, words, place)


def _alarm(family: Nuisance, name: str, pull: ShortcutEffect, place: NuisancePlace | None, bands: Sequence[str]) -> str:
    low, high = (round(100 * (end or 0.0)) for end in (pull.estimate.low, pull.estimate.high))
    points = f"{100 * pull.value:.0f} points ({low} to {high})"
    where = f", {place.words(bands)}" if place else ""
    change = (
        f"with that of {name} galaxies, others gain {points} in the probability of {name}"
        if pull.side == "towards"
        else f"with that of other classes, {name} galaxies lose {points} in the probability of {name}"
    )
    return f"The network takes galaxies for {name} because of {family.phrase}{where}: {change}"


def _not_known(family: Nuisance, reason: str) -> ShortcutResult:
    return ShortcutResult(family.name, "", Estimate(None, None, None, 0), LIMIT, None, f"Not known: {reason}")
