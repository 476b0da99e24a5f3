"""Laws of neighbours and of the map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gz2interp.embedding.index import METRICS, NeighbourIndex, nearest_neighbours
from gz2interp.embedding.projection import MapSettings, project
from gz2interp.embedding.spaces import RIDGE
from gz2interp.errors import InputError


def all_distances(a: np.ndarray, metric: str) -> np.ndarray:
    a = a.astype(np.float64)
    if metric == "whitened":
        scatter = a.std(axis=0)
        correlated = np.cov(a / np.where(scatter > 0, scatter, 1), rowvar=False, bias=True).reshape(a.shape[1], -1)
        inverse = np.linalg.inv(correlated + RIDGE * np.eye(a.shape[1]))
        apart = (a[:, None] - a[None]) / np.where(scatter > 0, scatter, np.inf)
        return np.sqrt(np.einsum("ijc,cd,ijd->ij", apart, inverse, apart))
    if metric == "euclidean":
        return np.linalg.norm(a[:, None] - a[None], axis=2)
    unit = a / np.linalg.norm(a, axis=1, keepdims=True)
    return 1 - unit @ unit.T


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 60), channels=st.integers(1, 20), k=st.integers(1, 8), seed=st.integers(0, 99))
def test_neighbours_are_the_nearest_and_never_itself(metric: str, n: int, channels: int, k: int, seed: int) -> None:
    activations = np.random.default_rng(seed).normal(size=(n, channels)).astype(np.float32)
    found = nearest_neighbours(activations, k, metric)
    truth = all_distances(activations, metric)
    np.fill_diagonal(truth, np.inf)
    few = min(k, n - 1)
    expected = np.sort(truth, axis=1)[:, :few]
    np.testing.assert_allclose(found.distances[:, :few], expected, rtol=0, atol=2e-3)
    np.testing.assert_allclose(
        found.distances[:, :few], np.take_along_axis(truth, found.rows[:, :few], axis=1), rtol=0, atol=2e-3
    )
    assert not (found.rows == np.arange(n)[:, None]).any()
    assert (found.rows[:, few:] == -1).all()
    assert np.isnan(found.distances[:, few:]).all()


@pytest.mark.parametrize("metric", METRICS)
def test_twins_do_not_push_a_galaxy_into_its_own_list(metric: str) -> None:
    activations = np.ones((9, 4), np.float32)
    found = nearest_neighbours(activations, 3, metric)
    assert not (found.rows == np.arange(9)[:, None]).any()
    np.testing.assert_allclose(found.distances, 0, atol=1e-6)


def test_small_differences_far_from_zero_are_seen() -> None:
    rng = np.random.default_rng(0)
    activations = (3 + 1e-3 * rng.normal(size=(200, 16))).astype(np.float32)
    found = nearest_neighbours(activations, 5, "euclidean")
    truth = all_distances(activations, "euclidean")
    np.fill_diagonal(truth, np.inf)
    np.testing.assert_allclose(found.distances, np.sort(truth, axis=1)[:, :5], rtol=1e-3)


def test_progress_counts_all_galaxies() -> None:
    seen: list[tuple[int, int]] = []
    nearest_neighbours(np.eye(5000, 8, dtype=np.float32), 2, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(2048, 5000), (4096, 5000), (5000, 5000)]


def test_an_image_outside_the_survey_has_neighbours() -> None:
    index = NeighbourIndex(np.eye(4, dtype=np.float32), "euclidean")
    found = index.nearest(np.array([[0.0, 0.0, 0.9, 0.0]], np.float32), 1)
    assert found.rows.tolist() == [[2]]
    np.testing.assert_allclose(found.distances, 0.1, rtol=1e-5)


def test_wrong_questions_are_told() -> None:
    with pytest.raises(InputError, match="One of cosine, euclidean, whitened"):
        NeighbourIndex(np.eye(3, dtype=np.float32), "manhattan")
    with pytest.raises(InputError, match="NaN"):
        NeighbourIndex(np.full((3, 3), np.nan, np.float32))


def blobs(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(4), 60)
    return (rng.normal(size=(4, 16))[which] * 8 + rng.normal(size=(240, 16))).astype(np.float32), which


def test_the_map_keeps_neighbours_and_repeats() -> None:
    activations, which = blobs()
    neighbours = nearest_neighbours(activations, 20, "euclidean")
    before = neighbours.rows.copy(), neighbours.distances.copy()
    first = project(activations, neighbours, MapSettings(seed=1))
    again = project(activations, neighbours, MapSettings(seed=1))
    other = project(activations, neighbours, MapSettings(seed=2))
    np.testing.assert_array_equal(first.coordinates, again.coordinates)
    assert not np.array_equal(first.coordinates, other.coordinates)
    np.testing.assert_array_equal(neighbours.rows, before[0])
    np.testing.assert_array_equal(neighbours.distances, before[1])
    on_the_map = nearest_neighbours(first.coordinates, 5, "euclidean")
    assert (which[on_the_map.rows] == which[:, None]).mean() > 0.98


@pytest.mark.parametrize("n", [1, 2, 3, 11, 12, 20])
def test_small_surveys_have_a_map(n: int) -> None:
    activations = np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32)
    found = project(activations, nearest_neighbours(activations, 15), MapSettings())
    assert found.coordinates.shape == (n, 2)
    assert np.isfinite(found.coordinates).all()
    assert found.method == ("umap" if n >= 12 else "principal axes")


def test_principal_axes_keep_the_distances_of_a_plane() -> None:
    flat = np.random.default_rng(1).normal(size=(8, 2)).astype(np.float32)
    found = project(flat, nearest_neighbours(flat, 3), MapSettings()).coordinates
    np.testing.assert_allclose(all_distances(found, "euclidean"), all_distances(flat, "euclidean"), atol=1e-4)
