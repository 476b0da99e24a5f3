"""How far a map can be believed: does it show the neighbours that there are, and only those?"""

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
"""Distances worked out: all of 10,000 galaxies; of more, those of fewer galaxies to all others, but of `_FEWEST`."""
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
    """Compare each galaxy's nearest on the map with its nearest in the activations.

    Of up to 10,000 galaxies all are asked about. Of more, a sample is (at least 1,000 galaxies, and as many as make 1e8
    pairs with all others), and each galaxy asked is ranked among all: so the numbers estimate those of the whole map.

    Parameters
    ----------
    activations : float32 (n, channel)
    coordinates : float32 (n, 2)
    space : MetricSpace or str
        Of the activations; the name of a metric makes one of them.
    labels : mapping, optional
        Names of the galaxies by column; None or "" where a galaxy has none.
    neighbours : int
        k, below half the galaxies.
    seed : int
        Of the sample.
    progress : callable, optional
        Called with (galaxies done, galaxies in all).

    Raises
    ------
    InputError
        There are too few galaxies for k.

    References
    ----------
    Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods", ICANN 2001, LNCS 2130, 485.
    """
    n, k = activations.shape[0], neighbours
    if not 0 < k < n / 2:
        raise InputError(f"{k} neighbours of {n} galaxies were asked for", "Fewer than half as many neighbours")
    asked = _asked(n, seed)
    known = space_of(activations, space) if isinstance(space, str) else space
    vectors, places = _vectors(activations, known), _vectors(coordinates, space_of(coordinates, "euclidean"))
    named = {name: _codes(words) for name, words in (labels or {}).items()}
    sums, same = np.zeros(3), {name: np.zeros(4) for name in named}
    step = max(_BLOCK_PAIRS // n, 1)
    for start in range(0, len(asked), step):
        part = asked[start : start + step]
        there, here = _ranked(vectors, part, known.metric), _ranked(places, part, "euclidean")
        near_there, near_here = _nearest(there, k), _nearest(here, k)
        sums += _misplaced(_ranks(there, near_here), _ranks(here, near_there), k)
        for name, codes in named.items():
            same[name] += *_same(codes, part, near_here), *_same(codes, part, near_there)
        if progress:
            progress(min(start + step, len(asked)), len(asked))
    worst = len(asked) * k * (2 * n - 3 * k - 1) / 2
    agreement = {
        name: LabelAgreement(float(pairs[0] / pairs[1]), float(pairs[2] / pairs[3]), _by_chance(named[name]))
        for name, pairs in same.items()
        if pairs[1] and pairs[3]
    }
    trustworthiness, continuity = (float(1 - ranks / worst) for ranks in sums[:2])
    kept = float(sums[2] / (len(asked) * k))
    return MapQuality(k, len(asked), n, seed, trustworthiness, continuity, kept, k / (n - 1), agreement)


def _misplaced(intruders: Rows, lost: Rows, k: int) -> tuple[int, int, int]:
    """By how many ranks intruders and the lost are off, summed, and how many neighbours are kept."""
    return int(np.maximum(intruders - k, 0).sum()), int(np.maximum(lost - k, 0).sum()), int((intruders <= k).sum())


def placing_errors(placer: Placer, activations: VectorTable, coordinates: Floats, positions: Rows) -> Doubles:
    """How far each of the given galaxies lands from its place, left out, in units of the map's width (m,)."""
    found = placer.left_out(take(activations, positions), positions).coordinates
    away = found.astype(np.float64) - coordinates[positions]
    return np.asarray(np.hypot(away[:, 0], away[:, 1]) / max(map_width(coordinates), np.finfo(np.float64).tiny))


def placing_error(
    placer: Placer, activations: VectorTable, coordinates: Floats, seed: int = 0, most: int = 2_000
) -> PlacingError:
    """`placing_errors` of all galaxies, or of `most` of them drawn at random, in two numbers."""
    n = activations.shape[0]
    chosen = np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    median, far = np.percentile(placing_errors(placer, activations, coordinates, chosen), [50, 95])
    return PlacingError(float(median), float(far), len(chosen))


def _asked(n: int, seed: int) -> Rows:
    count = max(_FEWEST, MOST_PAIRS // n)
    return np.arange(n) if count >= n else np.sort(np.random.default_rng(seed).choice(n, count, replace=False))


def _vectors(values: VectorTable, space: MetricSpace) -> Floats:
    """In one array, made a portion at a time."""
    vectors = np.empty(values.shape, np.float32)
    for start, portion in portions_of(values):
        vectors[start : start + len(portion)] = space.vectors(portion)
    return vectors


def _ranked(vectors: Floats, asked: Rows, metric: str) -> Floats:
    """What grows with the distance from each asked galaxy to all (m, n), itself beyond all others."""
    inner = vectors[asked] @ vectors.T
    if metric != "cosine":
        inner = 2 * inner - (vectors * vectors).sum(axis=1)
    inner[np.arange(len(asked)), asked] = -np.inf
    return -inner


def _nearest(far: Floats, k: int) -> Rows:
    return np.argpartition(far, k - 1, axis=1)[:, :k]


def _ranks(far: Floats, rows: Rows) -> Rows:
    """The place of each of the given galaxies (m, k) in the order of distance, 1 for the nearest."""
    limits = np.take_along_axis(far, rows, axis=1)
    return np.stack([(far < limits[:, j, None]).sum(axis=1) + 1 for j in range(rows.shape[1])], axis=1)


def _codes(words: Sequence[str | None]) -> Rows:
    names = {name: code for code, name in enumerate(sorted({word for word in words if word}))}
    return np.array([names[word] if word else -1 for word in words], np.int64)


def _same(codes: Rows, asked: Rows, near: Rows) -> tuple[int, int]:
    """Pairs of neighbours that bear one name, and pairs that bear any."""
    named = (codes[near] >= 0) & (codes[asked] >= 0)[:, None]
    return int(((codes[near] == codes[asked][:, None]) & named).sum()), int(named.sum())


def _by_chance(codes: Rows) -> float:
    counts = np.bincount(codes[codes >= 0]).astype(np.float64)
    total = counts.sum()
    return float((counts * (counts - 1)).sum() / max(total * (total - 1), 1.0))
