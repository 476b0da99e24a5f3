"""Quality of a map: trustworthiness, continuity, shared neighbours, agreement of labels, errors of placing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.placing import Placer, map_width
from gz2interp.embedding.spaces import MetricSpace, VectorTable, portions_of, space_of, take
from gz2interp.errors import InputError
from gz2interp.map_quality import LabelAgreement, MapQuality, PlacingError

__all__ = ["MOST_PAIRS", "map_quality", "placing_error", "placing_errors"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

MOST_PAIRS: Final = 100_000_000
"""Distances computed: all of 10,000 galaxies; of more, those of a sample of at least `_FEWEST` to all others."""
_FEWEST: Final = 1_000
_BLOCK_PAIRS: Final = 4_000_000


def map_quality(
    activations: VectorTable,
    coordinates: Floats,
    space: MetricSpace | str = "cosine",
    labels: Mapping[str, Sequence[str | None]] | None = None,
    neighbours: int = 15,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> MapQuality:
    """Compare each galaxy's nearest neighbours on the map with those in the activations.

    Up to 10,000 galaxies are all used. Of more, a sample is used (at least 1,000 galaxies, and as many as make 1e8
    pairs with all others), ranked among all galaxies, so that the numbers estimate those of the whole map.

    Parameters
    ----------
    activations : float32 (n, channel)
    coordinates : float32 (n, 2)
    space : MetricSpace or str
        Of the activations; for the name of a metric it is fitted to them.
    labels : mapping, optional
        Labels of the galaxies by column; None or "" where missing.
    neighbours : int
        k, below half the galaxies.
    seed : int
        Of the sample.
    progress : callable, optional
        Called with (galaxies done, galaxies in all).

    Raises
    ------
    InputError
        The galaxies are too few for k.

    References
    ----------
    Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods", ICANN 2001, LNCS 2130, 485.
    """
    n, k = activations.shape[0], neighbours
    if not 0 < k < n / 2:
        raise InputError(f"{k} neighbours of {n} galaxies were asked for", "Fewer than half as many neighbours")
    sample = _draw_sample(n, seed)
    space = space_of(activations, space) if isinstance(space, str) else space
    vectors, places = _vectors(activations, space), _vectors(coordinates, space_of(coordinates, "euclidean"))
    named = {name: _codes(words) for name, words in (labels or {}).items()}
    sums, same = np.zeros(3), {name: np.zeros(4) for name in named}
    step = max(_BLOCK_PAIRS // n, 1)
    for start in range(0, len(sample), step):
        part = sample[start : start + step]
        in_layer, on_map = _ranked(vectors, part, space.metric), _ranked(places, part, "euclidean")
        near_layer, near_map = _nearest(in_layer, k), _nearest(on_map, k)
        sums += _misplaced(_ranks(in_layer, near_map), _ranks(on_map, near_layer), k)
        for name, codes in named.items():
            same[name] += *_same(codes, part, near_map), *_same(codes, part, near_layer)
        if progress:
            progress(min(start + step, len(sample)), len(sample))
    worst = len(sample) * k * (2 * n - 3 * k - 1) / 2
    agreement = {
        name: LabelAgreement(float(pairs[0] / pairs[1]), float(pairs[2] / pairs[3]), _by_chance(named[name]))
        for name, pairs in same.items()
        if pairs[1] and pairs[3]
    }
    trustworthiness, continuity = (float(1 - ranks / worst) for ranks in sums[:2])
    shared = float(sums[2] / (len(sample) * k))
    return MapQuality(k, len(sample), n, seed, trustworthiness, continuity, shared, k / (n - 1), agreement)


def _misplaced(intruders: Rows, lost: Rows, k: int) -> tuple[int, int, int]:
    """Summed rank errors of false and of missing neighbours, and the number of shared neighbours."""
    return int(np.maximum(intruders - k, 0).sum()), int(np.maximum(lost - k, 0).sum()), int((intruders <= k).sum())


def placing_errors(placer: Placer, activations: VectorTable, coordinates: Floats, positions: Rows) -> Doubles:
    """Leave-one-out errors of placing the galaxies at `positions`, in units of the map's width (m,)."""
    places = placer.left_out(take(activations, positions), positions).coordinates
    away = places.astype(np.float64) - coordinates[positions]
    return np.asarray(np.hypot(away[:, 0], away[:, 1]) / max(map_width(coordinates), np.finfo(np.float64).tiny))


def placing_error(
    placer: Placer, activations: VectorTable, coordinates: Floats, seed: int = 0, most: int = 2_000
) -> PlacingError:
    """Median and 95th percentile of `placing_errors`, of all galaxies or of a random sample of `most`."""
    n = activations.shape[0]
    sample = np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    median, far = np.percentile(placing_errors(placer, activations, coordinates, sample), [50, 95])
    return PlacingError(float(median), float(far), len(sample))


def _draw_sample(n: int, seed: int) -> Rows:
    count = max(_FEWEST, MOST_PAIRS // n)
    return np.arange(n) if count >= n else np.sort(np.random.default_rng(seed).choice(n, count, replace=False))


def _vectors(values: VectorTable, space: MetricSpace) -> Floats:
    """All vectors in one array, computed in portions."""
    vectors = np.empty(values.shape, np.float32)
    for start, portion in portions_of(values):
        vectors[start : start + len(portion)] = space.vectors(portion)
    return vectors


def _ranked(vectors: Floats, sample: Rows, metric: str) -> Floats:
    """A monotonic function of the distance from each galaxy of the sample to all (m, n), infinite to itself."""
    inner = vectors[sample] @ vectors.T
    if metric != "cosine":
        inner = 2 * inner - (vectors * vectors).sum(axis=1)
    inner[np.arange(len(sample)), sample] = -np.inf
    return -inner


def _nearest(far: Floats, k: int) -> Rows:
    return np.argpartition(far, k - 1, axis=1)[:, :k]


def _ranks(far: Floats, rows: Rows) -> Rows:
    """Ranks (m, k) of `rows` by distance, 1 for the nearest."""
    limits = np.take_along_axis(far, rows, axis=1)
    return np.stack([(far < limits[:, j, None]).sum(axis=1) + 1 for j in range(rows.shape[1])], axis=1)


def _codes(words: Sequence[str | None]) -> Rows:
    names = {name: code for code, name in enumerate(sorted({word for word in words if word}))}
    return np.array([names[word] if word else -1 for word in words], np.int64)


def _same(codes: Rows, sample: Rows, near: Rows) -> tuple[int, int]:
    """Pairs of neighbours with equal labels, and pairs in which both have one."""
    named = (codes[near] >= 0) & (codes[sample] >= 0)[:, None]
    return int(((codes[near] == codes[sample][:, None]) & named).sum()), int(named.sum())


def _by_chance(codes: Rows) -> float:
    counts = np.bincount(codes[codes >= 0]).astype(np.float64)
    total = counts.sum()
    return float((counts * (counts - 1)).sum() / max(total * (total - 1), 1.0))
