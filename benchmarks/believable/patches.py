"""Can empty sky be told from painted empty sky? Patches without objects, their features, and a judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gz2interp.schema import BANDS

from .judge import Sample, forest, judged, logistic, told_apart
from .real import Seen
from .report import Line
from .sky import lattice
from .statistics import LAGS, autocorrelation, clipped, objects, plane

__all__ = ["judge_skies"]

Array = NDArray[np.floating]

PATCH, PER_TILE = 16, 4
WHOLE = 0.7
"""Share of equal values of whole counts; beyond, it only says how many of them the noise of this field spans."""

PAIRS = (("u", "g"), ("g", "r"), ("g", "i"), ("r", "i"), ("i", "z"))


def judge_skies(real: Sequence[Seen], painted: Sequence[Seen], seed: int, title: str) -> list[Line]:
    """Areas under the curve of all features, of each family alone, and of the power spectrum."""
    rng = np.random.default_rng(seed)
    sides = [[(patch, tile.group) for tile in tiles for patch in _patches(tile, rng)] for tiles in (real, painted)]
    groups = [group for side in sides for _, group in side]
    features = [[_features(patch) for patch, _ in side] for side in sides]
    sample = Sample.of(features, groups)
    lines = [judged(sample, forest(), f"{title}, all features")]
    for family in dict.fromkeys(name.split(":")[0] for name in sample.names):
        lines.append(judged(sample.family(family), forest(100), f"   {family} alone"))
    lines.append(judged(sample.without(("counts",)), forest(), f"{title}, all but whole counts"))
    spectra = Sample.of([[_spectrum(patch) for patch, _ in side] for side in sides], groups)
    return [*lines, judged(spectra, logistic(), f"{title}, logistic on power spectrum"), *told_apart(sample)]


def _patches(tile: Seen, rng: np.random.Generator) -> list[Array]:
    """A few patches of a cutout without any object, in sigmas of the cutout's own sky."""
    mask = objects(tile.image)
    if mask.mean() > 0.75:
        return []
    sigma = np.array([clipped(tile.image[..., band][~mask])[1] for band in range(len(BANDS))])
    corners = [(y, x) for y in range(0, len(mask) - PATCH + 1, 8) for x in range(0, len(mask) - PATCH + 1, 8)]
    empty = [(y, x) for y, x in corners if not mask[y : y + PATCH, x : x + PATCH].any()]
    chosen: list[tuple[int, int]] = []
    for y, x in rng.permutation(np.array(empty).reshape(-1, 2)).tolist():
        if len(chosen) < PER_TILE and all(abs(y - b) >= PATCH or abs(x - a) >= PATCH for b, a in chosen):
            chosen.append((y, x))
    return [np.asarray(tile.image[y : y + PATCH, x : x + PATCH] / sigma, np.float64) for y, x in chosen]


def _features(patch: Array) -> dict[str, float]:
    """No median deviation: of whole counts it is a multiple of one over the noise, which is the field's own number."""
    found: dict[str, float] = {}
    for index, band in enumerate(BANDS):
        values = patch[..., index]
        level, along_x, along_y = plane(values)
        deviation = values - level
        flat = deviation.ravel()
        found |= {
            f"background: {band} level": level,
            f"background: {band} change along x": along_x,
            f"background: {band} change along y": along_y,
            f"background: {band} 4 x 4 means": float(_means(deviation, 4).std() * 4),
            f"width: {band} sigma": float(flat.std()),
            f"shape: {band} skewness": float(stats.skew(flat)),
            f"shape: {band} kurtosis": float(stats.kurtosis(flat)),
            f"shape: {band} least": float(flat.min()),
            f"shape: {band} greatest": float(flat.max()),
            f"counts: {band} equal values": min(lattice(values), WHOLE),
        }
        for lag in LAGS:
            found[f"correlation: {band} at y {lag[0]} x {lag[1]}"] = autocorrelation(deviation, lag)
    for one, other in PAIRS:
        pair = [patch[..., BANDS.index(band)] for band in (one, other)]
        found[f"between bands: {one} {other} pixels"] = float(np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1])
        means = [_means(values, 4).ravel() for values in pair]
        found[f"between bands: {one} {other} 4 x 4 means"] = float(np.corrcoef(means[0], means[1])[0, 1])
    return found


def _spectrum(patch: Array) -> dict[str, float]:
    """Logarithm of the power of each band in rings of frequency, and along both axes."""
    y, x = np.fft.fftfreq(PATCH)[:, None], np.fft.rfftfreq(PATCH)[None, :]
    ring = np.minimum((np.hypot(x, y) * PATCH).astype(int), PATCH // 2)
    found = {}
    for index, band in enumerate(BANDS):
        power = np.abs(np.fft.rfft2(patch[..., index] - patch[..., index].mean())) ** 2 / PATCH**2
        for frequency in range(1, PATCH // 2 + 1):
            found[f"power: {band} {frequency}"] = float(np.log(power[ring == frequency].mean() + 1e-3))
            found[f"power: {band} along x {frequency}"] = float(np.log(power[0, frequency] + 1e-3))
            found[f"power: {band} along y {frequency}"] = float(np.log(power[frequency, 0] + 1e-3))
    return found


def _means(values: Array, size: int) -> Array:
    count = PATCH // size
    return np.asarray(values.reshape(count, size, count, size).mean(axis=(1, 3)))
