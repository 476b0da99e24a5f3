"""Laws of whitening, of approximate search, of scans, and of galaxies imaged twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gz2interp.embedding.duplicates import SAME_WITHIN, separation
from gz2interp.embedding.index import EXACT_UP_TO, RECALL, NeighbourIndex, kind_of_index, nearest_neighbours, recall_of
from gz2interp.embedding.scanning import scan_farthest, scan_nearest
from gz2interp.embedding.spaces import METRICS, PORTION, fit_whitening, space_of, take
from gz2interp.errors import InputError
from gz2interp.results import Neighbours, Search
from gz2interp.stores.arrays import create_array


def mixed(n: int, channels: int, seed: int = 0) -> np.ndarray:
    """Correlated channels of different scatter, far from zero."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(channels, channels)) * np.logspace(-1, 1, channels)
    return (rng.normal(size=(n, channels)) @ mixing + 50).astype(np.float32)


def clustered(n: int, channels: int = 24, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, channels)) * 3
    return (centres[rng.integers(0, 12, n)] + rng.normal(size=(n, channels))).astype(np.float32)


def test_whitened_distances_are_mahalanobis() -> None:
    activations = mixed(3000, 6)
    white = fit_whitening(activations, ridge=1e-9)(activations).astype(np.float64)
    inverse = np.linalg.inv(np.cov(activations.astype(np.float64), rowvar=False, bias=True))
    apart = activations[:200, None].astype(np.float64) - activations[None, :200]
    expected = np.sqrt(np.einsum("ijc,cd,ijd->ij", apart, inverse, apart))
    found = np.linalg.norm(white[:200, None] - white[None, :200], axis=2)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_whitened_activations_are_white() -> None:
    activations = mixed(4000, 5, seed=1)
    white = fit_whitening(activations, ridge=1e-6)(activations)
    np.testing.assert_allclose(np.cov(white, rowvar=False, bias=True), np.eye(5), atol=2e-2)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-2)


def test_dead_and_tiny_directions_do_not_blow_up() -> None:
    activations = np.repeat(clustered(500, 4), 2, axis=1)  # every channel twice: half of the directions are nothing
    activations[:, 1] += np.random.default_rng(1).normal(0, 1e-6, 500).astype(np.float32)
    flicker = np.random.default_rng(2).normal(0, 1e-8, 500).astype(np.float32)
    activations = np.column_stack([activations, flicker, np.full(500, 0.1, np.float32), np.zeros(500, np.float32)])
    whitening = fit_whitening(activations)
    white = whitening(activations)
    assert np.isfinite(white).all()
    assert np.abs(white).max() < 10
    assert white.std(axis=0).max() < 1.001
    assert not whitening.matrix[-3:].any()
    strange = activations[:1] + np.eye(11, dtype=np.float32)[-1] * 1000
    np.testing.assert_allclose(whitening(strange), white[:1], atol=1e-5)


def test_whitening_does_not_depend_on_the_unit_of_a_channel() -> None:
    activations = clustered(800, 5)
    units = np.array([0.1, 1, 1e5, 3, 7], np.float32)
    first = fit_whitening(activations)(activations)
    other = fit_whitening(activations * units)(activations * units)
    between = [np.linalg.norm(each[:50, None] - each[None, :50], axis=2) for each in (first, other)]
    np.testing.assert_allclose(*between, rtol=1e-3, atol=1e-3)


def test_whitening_reads_in_portions() -> None:
    activations = clustered(PORTION + 700, 4)
    expected = fit_whitening(activations[::-1].copy())
    found = fit_whitening(activations)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-5)
    np.testing.assert_allclose(np.abs(found.matrix), np.abs(expected.matrix), rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("ridge", [0.0, -1.0, np.nan])
def test_a_ridge_is_above_zero(ridge: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        fit_whitening(clustered(50), ridge)


def test_the_size_chooses_the_index() -> None:
    assert kind_of_index(EXACT_UP_TO) == "exact"
    assert kind_of_index(EXACT_UP_TO + 1) == "approximate"
    assert kind_of_index(10**8, "exact") == "exact"
    assert kind_of_index(5, "approximate") == "approximate"
    with pytest.raises(InputError, match="auto, exact, approximate"):
        kind_of_index(5, "hnsw")


@pytest.mark.parametrize("metric", METRICS)
def test_an_approximate_index_says_what_it_finds(metric: str) -> None:
    activations = clustered(2500)
    exact = nearest_neighbours(activations, 10, metric)
    found = nearest_neighbours(activations, 10, metric, index="approximate")
    again = nearest_neighbours(activations, 10, metric, index="approximate")
    assert exact.search == Search("exact", "Flat")
    search = found.search
    assert search is not None
    assert (search.kind, search.sample, search.neighbours) == ("approximate", 1000, 10)
    assert search.index == f"IVF{search.parameters['cells']},Flat"
    assert search.low >= RECALL
    assert search.low <= search.recall <= search.high
    assert Search.from_json(search.to_json()) == search
    assert f"{search.recall:.4f}" in search.words
    true = recall_of(found, exact, np.random.default_rng(0))
    assert true.value is not None
    assert abs(true.value - search.recall) < 0.01
    assert 1 < search.parameters["looked into"] < search.parameters["cells"]
    np.testing.assert_array_equal(found.rows, again.rows)
    there = found.rows == exact.rows
    np.testing.assert_allclose(found.distances[there], exact.distances[there], rtol=1e-3, atol=1e-4)
    assert not (found.rows == np.arange(2500)[:, None]).any()


def test_where_cells_say_nothing_all_are_looked_into() -> None:
    noise = np.random.default_rng(0).normal(size=(1500, 60)).astype(np.float32)
    search = NeighbourIndex(noise, "euclidean", "approximate").search
    assert search.low >= RECALL
    assert search.parameters["looked into"] > search.parameters["cells"] / 3


@pytest.mark.parametrize("n", [1, 2, 30])
def test_few_galaxies_fill_one_cell(n: int) -> None:
    found = nearest_neighbours(clustered(n), 3, "euclidean", index="approximate")
    expected = nearest_neighbours(clustered(n), 3, "euclidean")
    np.testing.assert_array_equal(found.rows, expected.rows)


def test_recall_counts_twins_and_misses() -> None:
    truth = Neighbours(np.array([[1, 2], [0, 2], [-1, -1]]), np.array([[1, 2], [1, 1], [np.nan] * 2], np.float32), "")
    found = Neighbours(np.array([[1, 7], [5, 2], [-1, -1]]), np.array([[1, 3], [1, 1], [np.nan] * 2], np.float32), "")
    assert recall_of(found, truth, np.random.default_rng(0)).value == 0.75


def test_an_index_reads_zarr_arrays_and_memory_maps(tmp_path: Path) -> None:
    activations = clustered(600)
    stored = create_array(tmp_path / "a", activations.shape, np.float32)
    stored[:] = activations
    np.save(tmp_path / "b.npy", activations)
    expected = nearest_neighbours(activations, 4, "whitened")
    for table in (stored, np.load(tmp_path / "b.npy", mmap_mode="r")):
        found = nearest_neighbours(table, 4, "whitened")
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.distances, expected.distances)
        np.testing.assert_array_equal(take(table, np.array([3, 4, 599])), activations[[3, 4, 599]])


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 60), k=st.integers(1, 8), seed=st.integers(0, 99))
def test_the_least_similar_are_the_order_reversed(metric: str, n: int, k: int, seed: int) -> None:
    activations = np.random.default_rng(seed).normal(size=(n, 7)).astype(np.float32)
    queries = np.random.default_rng(seed + 1).normal(size=(3, 7)).astype(np.float32)
    space = space_of(activations, metric)
    whole = scan_nearest(activations, queries, n, space)
    found = scan_farthest(activations, queries, k, space)
    few = min(k, n)
    np.testing.assert_allclose(found.distances[:, :few], whole.distances[:, ::-1][:, :few], rtol=1e-4, atol=1e-5)
    assert (found.rows[:, few:] == -1).all()
    assert (np.sort(whole.rows, axis=1) == np.arange(n)).all()


def test_exact_is_exact_where_all_point_nearly_the_same_way() -> None:
    activations = clustered(1500, 16) + np.float32(1000)
    activations[7] = 0
    there = activations.astype(np.float64)
    lengths = np.linalg.norm(there, axis=1, keepdims=True)
    unit = np.divide(there, lengths, out=np.zeros_like(there), where=lengths > 0)
    apart = np.square(unit[:40, None] - unit[None]).sum(axis=2) / 2
    apart[7], apart[:, 7] = 1, 1
    apart[np.arange(40), np.arange(40)] = np.inf
    found = nearest_neighbours(activations, 8)
    right = [len(set(found.rows[row]) & set(np.argsort(apart[row])[:8])) / 8 for row in range(40) if row != 7]
    assert np.mean(right) > 0.99
    assert not (found.rows[:7] == 7).any()
    np.testing.assert_array_equal(found.distances[7], 1)


def test_a_scan_goes_over_portions() -> None:
    activations = clustered(PORTION + 300, 3)
    space = space_of(activations, "euclidean")
    queries = activations[[PORTION - 1, PORTION + 5]]
    apart = np.linalg.norm(activations[None] - queries[:, None], axis=2)
    near, far = scan_nearest(activations, queries, 3, space), scan_farthest(activations, queries, 3, space)
    assert near.rows[:, 0].tolist() == [PORTION - 1, PORTION + 5]
    np.testing.assert_allclose(near.distances, np.sort(apart, axis=1)[:, :3], rtol=1e-5)
    np.testing.assert_allclose(far.distances, np.sort(apart, axis=1)[:, :-4:-1], rtol=1e-5)


def test_twins_are_at_zero() -> None:
    activations = np.repeat(clustered(2000, 64) + 100, 2, axis=0)
    for metric in METRICS:
        found = nearest_neighbours(activations, 1, metric)
        np.testing.assert_array_equal(found.rows[:, 0], np.arange(4000) ^ 1)
        np.testing.assert_allclose(found.distances, 0, atol=1e-5)


def test_other_channels_are_told() -> None:
    with pytest.raises(InputError, match=r"\(n, 24\)"):
        NeighbourIndex(clustered(30)).nearest(np.ones((1, 5), np.float32), 2)


@pytest.mark.parametrize(
    ("here", "there", "arcsec"),
    [
        ((150.0, 2.0), (150.0, 2.0 + 4.9 / 3600), 4.9),
        ((150.0, 60.0), (150.0 + 9.8 / 3600, 60.0), 4.9),
        ((359.9995, 0.0), (0.0005, 0.0), 3.6),
        ((10.0, 90.0 - 1 / 3600), (190.0, 90.0 - 1 / 3600), 2.0),
        ((0.0, -90.0), (123.0, -90.0), 0.0),
        ((0.0, 0.0), (180.0, 0.0), 180 * 3600.0),
    ],
)
def test_separations_hold_at_the_poles_and_across_zero(
    here: tuple[float, float], there: tuple[float, float], arcsec: float
) -> None:
    found = separation(*(np.array([value]) for value in (*here, *there)))
    np.testing.assert_allclose(found, arcsec, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_an_unknown_position_is_never_the_same(unknown: float) -> None:
    found = separation(*(np.array([value]) for value in (unknown, unknown, unknown, unknown)))
    assert np.isnan(found).all()
    assert not (found <= SAME_WITHIN).any()
