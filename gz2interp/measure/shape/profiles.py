"""Size, concentration, colours, and the radial profile with its bumps.

Petrosian radius after Petrosian 1976, ApJ 209, L1, in ellipses, where the light is a fifth of the mean inside; the
concentration after Conselice 2003, ApJS 147, 1. A bump is what stands above a smooth profile: a polynomial of fourth
order in the root of the radius fitted to the logarithm of the light, which follows exponentials and de Vaucouleurs' law
alike; a ring or a shell is above it, a gap below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.measure.shape.isophotes import Isophotes

__all__ = ["RADII", "Sizes", "colours", "profile_shape", "sizes"]

Doubles = NDArray[np.float64]

RADII: Final = (0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.6, 2.0)
"""Radii at which the profile is sampled [Petrosian radii]."""

WIDTHS: Final = (0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.15, 0.2)
ORDER: Final = 4
SURE: Final = 15.0
"""Standard deviations of an annulus beyond which it weighs no more: no galaxy follows a smooth law to 7 %."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """Of n galaxies.

    Attributes
    ----------
    petrosian, half : float64 (n,)
        Petrosian and half-light radius [pixel].
    concentration : float64 (n,)
        Five times the logarithm of the radius with 80 % of the light over that with 20 %.
    light : float64 (n,)
        Within two Petrosian radii, in standard deviations of a pixel of all bands together.
    signal : float64 (n,)
        The same in its own noise.
    """

    petrosian: Doubles
    half: Doubles
    concentration: Doubles
    light: Doubles
    signal: Doubles


def sizes(fitted: Isophotes) -> Sizes:
    """Of each galaxy, from the profile of all bands together."""
    profile, every = fitted.profile[..., -1], np.arange(len(fitted.area))
    light, area = np.cumsum(profile * fitted.area, axis=1), np.cumsum(fitted.area, axis=1)
    largest = min(fitted.above.shape) * 7 // 16
    under = profile < 0.2 * np.maximum(light / area, 1e-6)
    under[:, :2], under[:, largest] = False, True
    petrosian = np.maximum(under.argmax(axis=1) + 0.5, 3.0)
    last = np.minimum(np.rint(2 * petrosian).astype(np.int64), largest + 2)
    total = np.maximum(light[every, last], 1.0)
    grown = np.maximum.accumulate(np.clip(light / total[:, None], 0, 1), axis=1)
    fifth, half, most = (_reached(grown, share) for share in (0.2, 0.5, 0.8))
    concentration = 5 * np.log10(most / np.maximum(fifth, 0.1))
    return Sizes(petrosian, half, concentration, total, total / np.sqrt(area[every, last]))


def _reached(grown: Doubles, share: float) -> Doubles:
    """The radius within which that share of the light is (n,)."""
    every, at = np.arange(len(grown)), (grown >= share).argmax(axis=1)
    before = np.where(at > 0, grown[every, np.maximum(at - 1, 0)], 0.0)
    return np.asarray(at + (share - before) / np.maximum(grown[every, at] - before, 1e-6))


def colours(fitted: Isophotes, size: Sizes) -> tuple[Doubles, Doubles]:
    """Magnitudes in natural logarithms against the mean of the bands, within the Petrosian and half of the light.

    Returns
    -------
    (float64 (n, band), float64 (n, band))
        asinh magnitudes (Lupton, Gunn & Szalay 1999, AJ 118, 1406), softened at two standard deviations.
    """
    light = np.cumsum(fitted.profile[..., :-1] * fitted.area[..., None], axis=1)
    area = np.cumsum(fitted.area, axis=1)
    return (
        _colour(light, area, fitted.above.sigma, np.rint(size.petrosian).astype(np.int64)),
        _colour(light, area, fitted.above.sigma, np.maximum(np.rint(size.half).astype(np.int64) - 1, 1)),
    )


def _colour(light: Doubles, area: Doubles, sigma: NDArray[np.float32], last: NDArray[np.int64]) -> Doubles:
    every, last = np.arange(len(light)), np.minimum(last, light.shape[1] - 1)
    soft = 2 * np.sqrt(area[every, last])[:, None]
    results = np.arcsinh(light[every, last] / soft) + np.log(soft * sigma)
    return np.asarray(results - results.mean(axis=1, keepdims=True))


def profile_shape(fitted: Isophotes, size: Sizes) -> dict[str, Doubles]:
    """The profile at `RADII` against the mean light, its strongest bump and its place, gap and bend, (n,) each."""
    profile, error = fitted.profile[..., -1], fitted.error
    at = (np.arange(profile.shape[1]) + 0.5)[None] / size.petrosian[:, None]
    mean = np.log(size.light / size.petrosian**2)
    results: dict[str, Doubles] = {}
    for radius, width in zip(RADII, WIDTHS, strict=True):
        weight = np.exp(-0.5 * ((at - radius) / np.maximum(width, 0.5 / size.petrosian[:, None])) ** 2)
        weight /= weight.sum(axis=1, keepdims=True)
        soft = 2 * np.sqrt((weight**2 * error**2).sum(axis=1))
        results[f"profile_{radius:g}"] = np.arcsinh((weight * profile).sum(axis=1) / soft) + np.log(soft) - mean
    bumps, every = _bumps(profile, error, at), np.arange(len(at))
    results |= {"bump": bumps.max(axis=1), "gap": -bumps.min(axis=1), "bend": _bend(profile, error, at)}
    return results | {"bump_at": at[every, bumps.argmax(axis=1)]}


def _bumps(profile: Doubles, error: Doubles, at: Doubles) -> Doubles:
    """Above the smooth profile, in standard deviations of three annuli together (n, annulus)."""
    last = int(0.78 * profile.shape[1])
    weight = np.where(at < 2.5, np.clip(profile / error, 0, SURE) ** 2, 0.0)
    weight[:, last:] = 0
    powers = np.stack([np.sqrt(at) ** power for power in range(ORDER + 1)], axis=-1)
    logarithm = np.log(np.maximum(profile, 0.5 * error))
    squares = powers.transpose(0, 2, 1) @ (weight[..., None] * powers) + 1e-3 * np.eye(ORDER + 1)
    products = np.einsum("nkp,nk,nk->np", powers, weight, logarithm)
    smooth = (powers @ np.linalg.solve(squares, products[..., None]))[..., 0]
    off = (logarithm - smooth) * np.sqrt(weight)
    three = off.copy()
    three[:, 1:-1] = (off[:, :-2] + off[:, 1:-1] + off[:, 2:]) / np.sqrt(3)
    three[:, :2], three[:, last:] = 0, 0
    return np.asarray(three, np.float64)


def _bend(profile: Doubles, error: Doubles, at: Doubles) -> Doubles:
    """The most by which an annulus outshines the geometric mean of those three inside and outside of it (n,)."""
    step, last = 3, int(0.78 * profile.shape[1])
    here = slice(step + 1, last - step)
    inner, outer = slice(1, last - 2 * step), slice(2 * step + 1, last)
    between = np.sqrt(np.maximum(profile[:, inner], error[:, inner]) * np.maximum(profile[:, outer], error[:, outer]))
    noise = error[:, here] ** 2 + (error[:, inner] ** 2 + error[:, outer] ** 2) / 4 + (0.03 * profile[:, here]) ** 2
    bends = (profile[:, here] - between) / np.sqrt(noise)
    return np.asarray(np.where(at[:, here] > 0.4, bends, -np.inf).max(axis=1, initial=0.0))
