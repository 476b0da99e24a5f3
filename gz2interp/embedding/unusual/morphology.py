"""How far a galaxy's morphology, measured on its pixels, is from that of galaxies as bright, as large and as round.

Each number of `gz2interp.measure.morphology` is compared with what the survey has at that brightness, size, axis ratio
and concentration: a law of second order, and another for the scatter about it. What is off, in that scatter, is then
put together by Mahalanobis' distance, of all numbers and of each family of them; the covariance is of the survey's bulk
alone, as in Rousseeuw & Van Driessen 1999, Technometrics 41, 212. Notes on differences: no subsets are drawn; the
farthest twentieth is left out and the covariance taken again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTROLS", "FAMILIES", "TITLES", "Morphology"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

CONTROLS: Final = ("signal", "petrosian", "axis_ratio", "concentration")
"""The first numbers: what all others depend on in every survey."""

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "morphology": ("",),
    "profile": ("profile_", "half", "bump", "gap", "bend"),
    "residuals": ("spot_", "hole_", "one_sided_", "arc_", "arms_", "asymmetry", "line"),
    "one_band": ("one_band_", "line_in_a_band"),
    "colours": ("colour_", "inner_"),
}
"""Score to how the names of its numbers begin; a number is of the last that fits, and of all that begins with ""."""

TITLES: Final[Mapping[str, str]] = {
    "morphology": "its measured shape is unlike that of galaxies as bright and as large",
    "profile": "its brightness falls with radius in an unusual way",
    "residuals": "it has unusual structure beyond a smooth ellipse",
    "one_band": "one band shows something that the other bands do not",
    "colours": "its colours are unusual",
}

CLIPPED: Final = 8.0
"""Scatters beyond which a number is not farther: one that is broken would decide all."""

BULK: Final = 0.95
SHRUNK: Final = 0.03
"""Share of the covariance that is without its off-diagonal part."""

ROUNDS: Final = 4
_CONTROLLED: Final = len(CONTROLS)
_BLOCK: Final = 8192


@dataclass(frozen=True, eq=False)
class Morphology:
    """What is usual at each brightness, size, axis ratio and concentration.

    Attributes
    ----------
    names : str (control + number,)
        In the order of `morphology_words`.
    where, reach : float64 (control,)
        Mean and scatter of the controls.
    law, noise : float64 (term, number)
        What a number usually is, and the logarithm of how far it usually is off.
    middle, unit : float64 (number,)
        Of what is off.
    whitenings : float64 (family, number, number)
        Symmetric; 0 for numbers that are of other families.
    means : float64 (family, number)
    """

    names: NDArray[np.str_]
    where: Doubles
    reach: Doubles
    law: Doubles
    noise: Doubles
    middle: Doubles
    unit: Doubles
    means: Doubles
    whitenings: Doubles

    @classmethod
    def fit(cls, numbers: Floats, names: Sequence[str]) -> Morphology:
        """From the numbers (n, control + number) of a sample."""
        controls, values = np.split(numbers.astype(np.float64), [_CONTROLLED], axis=1)
        where, reach = controls.mean(axis=0), np.maximum(controls.std(axis=0), 1e-6)
        terms = _terms(controls, where, reach)
        low, high = np.percentile(values, [1, 99], axis=0)
        law = _fitted(terms, np.clip(values, low, high), 1e-3)
        off = np.abs(np.clip(values, 2 * low - high, 2 * high - low) - terms @ law)
        typical = np.maximum(1.4826 * np.median(off, axis=0), 1e-6)
        noise = _fitted(terms, np.log(off + 0.2 * typical), 1e-2)
        off = (values - terms @ law) / _scatter(terms @ noise)
        low, middle, high = np.percentile(off, [16, 50, 84], axis=0)
        unit = np.maximum((high - low) / 2, 1e-6)
        off = np.clip((off - middle) / unit, -CLIPPED, CLIPPED)
        means, whitenings = zip(*(_bulk(off, those) for those in _members(names).values()), strict=True)
        return cls(np.array(names), where, reach, law, noise, middle, unit, np.stack(means), np.stack(whitenings))

    def __call__(self, numbers: Floats) -> dict[str, Floats]:
        """The distance of each family, float32 (n,)."""
        off = self._off(numbers)
        return {
            name: np.asarray(np.linalg.norm((off - mean) @ whitening, axis=1), np.float32)
            for name, mean, whitening in zip(FAMILIES, self.means, self.whitenings, strict=True)
            if whitening.any()
        }

    def deviations(self, numbers: Floats, family: str = "morphology") -> Floats:
        """By how many standard deviations each number differs from what the controls and the family's other numbers
        let one expect, float32 (n, number); 0 for numbers of other families.

        So a family whose distance is large has a number that deviates: the distance is made of these deviations.
        """
        place = list(FAMILIES).index(family)
        inverse = self.whitenings[place] @ self.whitenings[place]
        law = inverse / np.sqrt(np.maximum(np.diag(inverse), 1e-30))
        found = np.empty((len(numbers), len(law)), np.float32)
        for start in range(0, len(numbers), _BLOCK):
            block = slice(start, start + _BLOCK)
            found[block] = (self._off(numbers[block]) - self.means[place]) @ law
        return found

    def whitened(self, numbers: Floats) -> Floats:
        """How far off each galaxy is, in directions in which all of the bulk scatter by 1, float32 (n, number)."""
        found = np.empty((len(numbers), len(self.middle)), np.float32)
        for start in range(0, len(numbers), _BLOCK):
            block = slice(start, start + _BLOCK)
            found[block] = (self._off(numbers[block]) - self.means[0]) @ self.whitenings[0]
        return found

    def of_family(self, name: str) -> NDArray[np.bool_]:
        """Which numbers belong to a score (number,)."""
        return _members(self.names)[name]

    def _off(self, numbers: Floats) -> Doubles:
        controls, values = np.split(numbers.astype(np.float64), [_CONTROLLED], axis=1)
        terms = _terms(controls, self.where, self.reach)
        off = (values - terms @ self.law) / _scatter(terms @ self.noise)
        return np.asarray(np.clip((off - self.middle) / self.unit, -CLIPPED, CLIPPED))


def _members(names: Sequence[str] | NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    """Of each family which numbers are in it."""
    last = [[name for name, starts in FAMILIES.items() if each.startswith(starts)][-1] for each in map(str, names)]
    numbers = np.array(last[_CONTROLLED:])
    return {
        name: np.ones(len(numbers), bool) if starts == ("",) else numbers == name for name, starts in FAMILIES.items()
    }


def _terms(controls: Doubles, where: Doubles, reach: Doubles) -> Doubles:
    """1, each control and each product of two (n, term); beyond three scatters a law goes on as it was there."""
    scaled = np.clip((controls - where) / reach, -3, 3)
    first, second = np.triu_indices(scaled.shape[1])
    return np.concatenate([np.ones((len(scaled), 1)), scaled, scaled[:, first] * scaled[:, second]], axis=1)


def _fitted(terms: Doubles, values: Doubles, ridge: float) -> Doubles:
    square = terms.T @ terms + ridge * len(terms) * np.eye(terms.shape[1])
    return np.asarray(np.linalg.solve(square, terms.T @ values))


def _scatter(logarithm: Doubles) -> Doubles:
    return np.asarray(np.exp(np.clip(logarithm, -20, 20)))


def _bulk(off: Doubles, members: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """Mean and whitening of some numbers, of all galaxies but the farthest."""
    mean, whitening = np.zeros(off.shape[1]), np.zeros((off.shape[1],) * 2)
    if not members.any():
        return mean, whitening
    part, kept = off[:, members], np.ones(len(off), bool)
    for _ in range(ROUNDS):
        middle = part[kept].mean(axis=0)
        spread = np.atleast_2d(np.cov(part[kept].T))
        spread = (1 - SHRUNK) * spread + SHRUNK * np.diag(np.diag(spread)) + 1e-6 * np.eye(len(spread))
        values, axes = np.linalg.eigh(spread)
        inner = (axes / np.sqrt(values)) @ axes.T
        distances = np.linalg.norm((part - middle) @ inner, axis=1)
        kept = distances <= np.quantile(distances, BULK)
    mean[members], whitening[np.ix_(members, members)] = middle, inner
    return mean, whitening
