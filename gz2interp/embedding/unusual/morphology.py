"""Deviation of measured morphology from that of galaxies of the same brightness, size, axis ratio and concentration.

Each number of `gz2interp.measure.morphology` is compared with a quadratic regression on these four controls; a second
regression gives the scatter about it. The standardised residuals of all numbers, and of each family of them, are
combined by the Mahalanobis distance, with the covariance of the survey's bulk alone, as in Rousseeuw & Van Driessen
1999, Technometrics 41, 212. Notes on differences: no subsets are drawn; the farthest 5 % are left out and the
covariance is computed again.
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
"""The first numbers, on which all others are regressed."""

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "morphology": ("",),
    "profile": ("profile_", "half", "bump", "gap", "bend"),
    "residuals": ("spot_", "hole_", "one_sided_", "arc_", "arms_", "asymmetry", "line"),
    "one_band": ("one_band_", "line_in_a_band"),
    "colours": ("colour_", "inner_"),
}
"""Score to prefixes of the names of its numbers; a number belongs to the last match, and "" matches all."""

TITLES: Final[Mapping[str, str]] = {
    "morphology": "its measured shape is unlike that of galaxies as bright and as large",
    "profile": "its brightness falls with radius in an unusual way",
    "residuals": "it has unusual structure beyond a smooth ellipse",
    "one_band": "one band shows something that the other bands do not",
    "colours": "its colours are unusual",
}

CLIPPED: Final = 8.0
"""Standardised residuals are clipped here: a single broken number would dominate the distance."""

BULK: Final = 0.95
SHRUNK: Final = 0.03
"""Shrinkage of the covariance towards its diagonal."""

ROUNDS: Final = 4
_CONTROLLED: Final = len(CONTROLS)
_BLOCK: Final = 8192


@dataclass(frozen=True, eq=False)
class Morphology:
    """The distribution of measured numbers at each brightness, size, axis ratio and concentration.

    Attributes
    ----------
    names : str (control + number,)
        In the order of `morphology_words`.
    where, reach : float64 (control,)
        Mean and scatter of the controls.
    law, noise : float64 (term, number)
        Coefficients of the regression of each number, and of the logarithm of its absolute residual.
    middle, unit : float64 (number,)
        Median and scatter of the residuals.
    whitenings : float64 (family, number, number)
        Symmetric; 0 for numbers of other families.
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
        """Fit to the numbers (n, control + number) of a sample."""
        controls, values = np.split(numbers.astype(np.float64), [_CONTROLLED], axis=1)
        where, reach = controls.mean(axis=0), np.maximum(controls.std(axis=0), 1e-6)
        terms = _terms(controls, where, reach)
        low, high = np.percentile(values, [1, 99], axis=0)
        law = _fit_ridge(terms, np.clip(values, low, high), 1e-3)
        residuals = np.abs(np.clip(values, 2 * low - high, 2 * high - low) - terms @ law)
        typical = np.maximum(1.4826 * np.median(residuals, axis=0), 1e-6)
        noise = _fit_ridge(terms, np.log(residuals + 0.2 * typical), 1e-2)
        residuals = (values - terms @ law) / _scatter(terms @ noise)
        low, middle, high = np.percentile(residuals, [16, 50, 84], axis=0)
        unit = np.maximum((high - low) / 2, 1e-6)
        residuals = np.clip((residuals - middle) / unit, -CLIPPED, CLIPPED)
        means, whitenings = zip(*(_bulk(residuals, those) for those in _members(names).values()), strict=True)
        return cls(np.array(names), where, reach, law, noise, middle, unit, np.stack(means), np.stack(whitenings))

    def score_samples(self, numbers: Floats) -> dict[str, Floats]:
        """Mahalanobis distance by family, float32 (n,)."""
        off = self._residuals(numbers)
        return {
            name: np.asarray(np.linalg.norm((off - mean) @ whitening, axis=1), np.float32)
            for name, mean, whitening in zip(FAMILIES, self.means, self.whitenings, strict=True)
            if whitening.any()
        }

    def deviations(self, numbers: Floats, family: str = "morphology") -> Floats:
        """Deviation of each number from its expectation given the controls and the family's other numbers, in standard
        deviations, float32 (n, number); 0 for numbers of other families.

        The distance of the family is composed of these deviations.
        """
        place = list(FAMILIES).index(family)
        inverse = self.whitenings[place] @ self.whitenings[place]
        return self._residuals_times(inverse / np.sqrt(np.maximum(np.diag(inverse), 1e-30)), place, numbers)

    def whitened(self, numbers: Floats) -> Floats:
        """Residuals in directions along which the bulk scatters by 1, float32 (n, number)."""
        return self._residuals_times(self.whitenings[0], 0, numbers)

    def _residuals_times(self, matrix: Doubles, family: int, numbers: Floats) -> Floats:
        products = np.empty((len(numbers), len(matrix)), np.float32)
        for start in range(0, len(numbers), _BLOCK):
            block = slice(start, start + _BLOCK)
            products[block] = (self._residuals(numbers[block]) - self.means[family]) @ matrix
        return products

    def of_family(self, name: str) -> NDArray[np.bool_]:
        """Mask of the numbers of a family, bool (number,)."""
        return _members(self.names)[name]

    def _residuals(self, numbers: Floats) -> Doubles:
        controls, values = np.split(numbers.astype(np.float64), [_CONTROLLED], axis=1)
        terms = _terms(controls, self.where, self.reach)
        residuals = (values - terms @ self.law) / _scatter(terms @ self.noise)
        return np.asarray(np.clip((residuals - self.middle) / self.unit, -CLIPPED, CLIPPED))


def _members(names: Sequence[str] | NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    """Mask of the numbers of each family."""
    last = [[family for family, starts in FAMILIES.items() if str(name).startswith(starts)][-1] for name in names]
    numbers = np.array(last[_CONTROLLED:])
    return {
        name: np.ones(len(numbers), bool) if starts == ("",) else numbers == name for name, starts in FAMILIES.items()
    }


def _terms(controls: Doubles, where: Doubles, reach: Doubles) -> Doubles:
    """1, each control and each product of two (n, term); controls are clipped at three scatters."""
    scaled = np.clip((controls - where) / reach, -3, 3)
    first, second = np.triu_indices(scaled.shape[1])
    return np.concatenate([np.ones((len(scaled), 1)), scaled, scaled[:, first] * scaled[:, second]], axis=1)


def _fit_ridge(terms: Doubles, values: Doubles, ridge: float) -> Doubles:
    square = terms.T @ terms + ridge * len(terms) * np.eye(terms.shape[1])
    return np.asarray(np.linalg.solve(square, terms.T @ values))


def _scatter(logarithm: Doubles) -> Doubles:
    return np.asarray(np.exp(np.clip(logarithm, -20, 20)))


def _bulk(residuals: Doubles, members: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """Mean and whitening of the family's numbers, from all galaxies but the farthest."""
    mean, whitening = np.zeros(residuals.shape[1]), np.zeros((residuals.shape[1],) * 2)
    if not members.any():
        return mean, whitening
    part, inliers = residuals[:, members], np.ones(len(residuals), bool)
    for _ in range(ROUNDS):
        middle = part[inliers].mean(axis=0)
        spread = np.atleast_2d(np.cov(part[inliers].T))
        spread = (1 - SHRUNK) * spread + SHRUNK * np.diag(np.diag(spread)) + 1e-6 * np.eye(len(spread))
        values, axes = np.linalg.eigh(spread)
        inner = (axes / np.sqrt(values)) @ axes.T
        distances = np.linalg.norm((part - middle) @ inner, axis=1)
        inliers = distances <= np.quantile(distances, BULK)
    mean[members], whitening[np.ix_(members, members)] = middle, inner
    return mean, whitening
