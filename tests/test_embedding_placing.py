"""Laws of placing a galaxy on a map that is there already."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gz2interp.embedding.exact import ExactNeighbours
from gz2interp.embedding.index import METRICS
from gz2interp.embedding.placing import Placer, map_width
from gz2interp.embedding.projection import MapSettings, map_curve, memberships
from gz2interp.embedding.spaces import fit_whitening, space_of
from gz2interp.errors import InputError

SETTINGS = MapSettings(neighbours=8)


@cache
def islands(n: int = 700, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Activations of three crowds, and a map that shows each as an island."""
    rng = np.random.default_rng(seed)
    which, inner = np.arange(n) % 3, rng.normal(size=(n, 2))
    middles = rng.uniform(1, 9, size=(3, 12))
    turn = rng.normal(size=(2, 12))
    activations = middles[which] + 0.4 * inner @ turn + 0.01 * rng.normal(size=(n, 12))
    return activations.astype(np.float32), (inner + 12 * np.eye(3, 2)[which]).astype(np.float32)


@cache
def placer(metric: str = "euclidean") -> Placer:
    activations, places = islands()
    return Placer(activations, places, metric, SETTINGS)


def strangers(m: int, seed: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    activations, _ = islands()
    return (activations[rng.integers(0, len(activations), m)] + 0.05 * rng.normal(size=(m, 12))).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=5, deadline=None)
@given(m=st.integers(1, 530), seed=st.integers(0, 99))
def test_a_galaxy_has_one_place_in_whatever_company(metric: str, m: int, seed: int) -> None:
    many, there = strangers(m), placer(metric)
    together = there.place(many)
    order = np.random.default_rng(seed).permutation(m)
    np.testing.assert_array_equal(there.place(many[order]).coordinates, together.coordinates[order])
    few = order[:3]
    for row in few:
        alone = there.place(many[row][None])
        np.testing.assert_array_equal(alone.coordinates[0], together.coordinates[row])
        np.testing.assert_array_equal(alone.neighbours.rows[0], together.neighbours.rows[row])
        np.testing.assert_array_equal(alone.neighbours.distances[0], together.neighbours.distances[row])


def test_another_process_finds_the_same_place() -> None:
    script = (
        "import sys; sys.path.insert(0, 'tests'); from test_embedding_placing import placer, strangers\n"
        "print(placer('cosine').place(strangers(300)[177:178]).coordinates.tobytes().hex())"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert bytes.fromhex(said.strip()) == placer("cosine").place(strangers(300)).coordinates[177].tobytes()


@pytest.mark.parametrize("metric", METRICS)
def test_who_is_on_the_map_is_placed_where_he_is(metric: str) -> None:
    activations, places = islands()
    np.testing.assert_array_equal(placer(metric).place(activations).coordinates, places)
    again = activations * np.float32(1 + 1e-6)  # as a network says it in other company
    np.testing.assert_array_equal(placer(metric).place(again).coordinates, places)


def test_who_is_left_out_lands_near_his_place() -> None:
    activations, places = islands()
    found = placer().left_out(activations, np.arange(len(activations)))
    assert not (found.neighbours.rows == np.arange(len(activations))[:, None]).any()
    away = np.linalg.norm(found.coordinates - places, axis=1) / map_width(places)
    assert np.median(away) < 0.01
    assert np.percentile(away, 95) < 0.05


def test_neighbours_on_two_islands_leave_nobody_in_the_water() -> None:
    rng = np.random.default_rng(0)
    places = np.concatenate([rng.normal(0, 0.3, (9, 2)), rng.normal(20, 0.3, (6, 2))]).astype(np.float32)
    activations = rng.normal(size=(15, 3)).astype(np.float32)
    middle = np.zeros((1, 3), np.float32)
    found = Placer(activations, places, "euclidean", MapSettings(neighbours=16)).place(middle).coordinates[0]
    assert min(np.linalg.norm(found - island) for island in (0, 20)) < 2


def test_the_place_turns_and_moves_with_the_map() -> None:
    activations, places = islands()
    turned = (places @ np.array([[0, 1], [-1, 0]]) + [5, -3]).astype(np.float32)
    before = placer().place(strangers(50)).coordinates
    after = Placer(activations, turned, "euclidean", SETTINGS).place(strangers(50)).coordinates
    np.testing.assert_allclose(after, before @ np.array([[0, 1], [-1, 0]]) + [5, -3], atol=1e-4)


@pytest.mark.parametrize("n", [2, 3, 9])
def test_few_galaxies_are_enough(n: int) -> None:
    rng = np.random.default_rng(1)
    few = Placer(
        rng.normal(size=(n, 4)).astype(np.float32), rng.normal(size=(n, 2)).astype(np.float32), "cosine", SETTINGS
    )
    assert np.isfinite(few.place(rng.normal(size=(5, 4)).astype(np.float32)).coordinates).all()
    with pytest.raises(InputError, match="fewer than two"):
        Placer(np.ones((1, 4), np.float32), np.ones((1, 2), np.float32), "cosine", SETTINGS)


@pytest.mark.parametrize("metric", METRICS)
def test_twins_are_told_apart_by_their_rows(metric: str) -> None:
    """More twins than candidates: single precision proposes some of them, and the lowest rows are wanted."""
    rng = np.random.default_rng(2)
    others = rng.normal(size=(300, 6))
    activations = np.concatenate([others, np.repeat(rng.normal(size=(1, 6)), 90, axis=0)]).astype(np.float32)
    found = ExactNeighbours(activations, space_of(activations, metric)).nearest(
        activations[[350, 300]], 5, np.array([350, -1])
    )
    np.testing.assert_array_equal(found.rows, np.arange(300, 305)[None].repeat(2, 0))
    np.testing.assert_allclose(found.distances, 0, atol=1e-7)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=20, deadline=None)
@given(n=st.integers(3, 80), k=st.integers(1, 12), seed=st.integers(0, 99))
def test_exact_neighbours_are_those_of_all_distances(metric: str, n: int, k: int, seed: int) -> None:
    activations = np.random.default_rng(seed).integers(1, 4, size=(n, 3)).astype(np.float32)  # many ties
    k, query = min(k, n - 1), activations[:2].astype(np.float64)
    found = ExactNeighbours(activations, space_of(activations, metric)).nearest(activations[:2], k, np.arange(2))
    others = activations.astype(np.float64)
    for i in range(2):
        if metric == "cosine":
            distances = 1 - others @ query[i] / np.linalg.norm(others, axis=1) / np.linalg.norm(query[i])
        elif metric == "euclidean":
            distances = np.linalg.norm(others - query[i], axis=1)
        else:
            matrix = fit_whitening(activations).matrix.astype(np.float64)
            distances = np.linalg.norm((others - query[i]) @ matrix, axis=1)
        distances[i] = np.inf
        np.testing.assert_allclose(found.distances[i], np.sort(distances)[:k], rtol=1e-5, atol=1e-6)
        assert len(set(found.rows[i])) == k
        assert i not in found.rows[i]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("crowd", ["tight", "twins"])
def test_those_whom_single_precision_cannot_tell_apart_are_found_all_the_same(metric: str, crowd: str) -> None:
    generator, n, k = np.random.default_rng(0), 3000, 10
    activations = (100 + 0.01 * generator.normal(size=(n, 16))).astype(np.float32)
    if crowd == "twins":
        activations[500:] = activations[500]  # more of them than candidates are ever asked for
    queries = np.array([0, 400, 700])
    found = ExactNeighbours(activations, space_of(activations, metric)).nearest(activations[queries], k, queries)
    others = activations.astype(np.float64)
    matrix = fit_whitening(activations).matrix.astype(np.float64) if metric == "whitened" else np.eye(16)
    for row, query in zip(found.rows, queries, strict=True):
        if metric == "cosine":
            lengths = np.sqrt((others * others).sum(axis=1))
            distances = np.maximum(1 - (others * others[query]).sum(axis=1) / (lengths * lengths[query]), 0)
        else:
            apart = np.einsum("kc,cd->kd", others - others[query], matrix)
            distances = np.sqrt((apart * apart).sum(axis=1))
        distances[query] = np.inf
        if crowd == "twins" and query >= 500:
            np.testing.assert_array_equal(row, np.arange(500, 500 + k))  # of equally near ones the lower rows
        else:
            np.testing.assert_allclose(distances[row], np.sort(distances)[:k], rtol=1e-9, atol=1e-15)


def test_memberships_are_those_of_umap() -> None:
    distances = np.sort(np.random.default_rng(5).uniform(0.1, 2, size=(14, 40)), axis=0)
    weights = memberships(distances)
    np.testing.assert_array_equal(weights[0], 1)
    assert (np.diff(weights, axis=0) <= 0).all()
    np.testing.assert_allclose(weights.sum(axis=0), np.log2(15), rtol=1e-6)
    np.testing.assert_array_equal(memberships(np.full((4, 3), 0.7)), 1)
    np.testing.assert_array_equal(memberships(np.zeros((4, 3))), 1)


@pytest.mark.long
def test_the_curve_is_umaps() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap.umap_ import find_ab_params
    for min_dist in (0.0, 0.1, 0.5):
        np.testing.assert_allclose(map_curve(min_dist), find_ab_params(1.0, min_dist), rtol=1e-6)
