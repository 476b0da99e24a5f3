"""Clusters of a map: planted crowds are found at their scale, and nothing is found in noise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from gz2interp.embedding.clusters import BETWEEN, SCALES, find_clusters, smallest_clusters
from gz2interp.errors import InputError

Floats = NDArray[np.float64]


def crowds(sizes: list[int], places: list[tuple[float, float]], width: float = 1.0, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.concatenate([place + width * rng.standard_normal((n, 2)) for n, place in zip(sizes, places, strict=True)])


@pytest.fixture(scope="module")
def galaxies() -> Floats:
    """Two large crowds far apart; the second consists of two small ones and a large one; a tiny one stands alone."""
    sizes = [900, 500, 60, 60, 15]
    return crowds(sizes, [(-20, 0), (20, 0), (20, 9), (20, -9), (0, 30)], width=1.2)


def test_each_crowd_is_found_at_its_scale_the_largest_first(galaxies: Floats) -> None:
    found = find_clusters(galaxies)
    truth = np.repeat(np.arange(5), [900, 500, 60, 60, 15])
    assert list(found.labels) == list(SCALES)
    assert found.labels["coarse"].max() == 1
    fine = found.labels["fine"]
    for crowd in range(5):
        inside = fine[truth == crowd]
        assert (inside == np.bincount(inside[inside >= 0]).argmax()).mean() > 0.85, crowd
    sizes = np.bincount(fine[fine >= 0])
    assert len(sizes) == 5
    assert np.all(np.diff(sizes) <= 0)


def test_a_finer_cluster_lies_inside_one_coarser_cluster_or_outside_all(galaxies: Floats) -> None:
    rng = np.random.default_rng(5)
    for xy in (galaxies, rng.standard_normal((2000, 2)) * rng.uniform(0.2, 4, (2000, 1))):
        labels = list(find_clusters(xy, contrast=1.05, chance=0).labels.values())
        for coarser, finer in pairwise(labels):
            for number in range(finer.max() + 1):
                assert len(set(coarser[finer == number])) == 1


def test_the_order_of_galaxies_has_no_say(galaxies: Floats) -> None:
    order = np.random.default_rng(1).permutation(len(galaxies))
    one, two = find_clusters(galaxies), find_clusters(galaxies[order])
    for scale in SCALES:
        np.testing.assert_array_equal(one.labels[scale][order], two.labels[scale])
        np.testing.assert_allclose(one.reach[scale], two.reach[scale])


def test_noise_has_no_clusters() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        for cloud in (rng.standard_normal((4000, 2)), rng.uniform(size=(4000, 2))):
            found = find_clusters(cloud)
            assert [int(labels.max()) + 1 for labels in found.labels.values()] == [0, 0, 0]


def test_without_a_contrast_they_are_those_of_scikit_learn(galaxies: Floats) -> None:
    from sklearn.cluster import HDBSCAN
    from sklearn.metrics import adjusted_rand_score

    for xy in (galaxies, np.random.default_rng(3).standard_normal((800, 2))):
        found = find_clusters(xy, contrast=1, chance=0)
        for scale, least in zip(SCALES, smallest_clusters(len(xy)), strict=True):
            reference = HDBSCAN(least, min_samples=found.samples, cluster_selection_method="leaf", copy=True).fit(xy)
            assert adjusted_rand_score(reference.labels_, found.labels[scale]) > 0.9, scale


def test_a_place_gets_the_cluster_in_which_it_lies(galaxies: Floats) -> None:
    found = find_clusters(galaxies)
    for scale in SCALES:
        np.testing.assert_array_equal(found.place(galaxies, scale), found.labels[scale])
    middles = found.place([(-20, 0), (20, 9), (0, 0), (500, 500)], "fine")
    assert middles[0] == 0
    assert middles[1] in (2, 3)
    assert list(middles[2:]) == [BETWEEN, BETWEEN]
    one_by_one = [int(found.place([place], "fine")[0]) for place in galaxies[:20]]
    assert one_by_one == found.labels["fine"][:20].tolist()


@pytest.mark.parametrize(
    "xy",
    [
        np.zeros((0, 2)),
        np.zeros((3, 2)),
        np.zeros((300, 2)),
        np.column_stack([np.arange(300.0), np.zeros(300)]),
        np.repeat(np.random.default_rng(0).standard_normal((40, 2)), 10, axis=0),
    ],
)
def test_odd_maps_have_clusters_or_none_but_never_fail(xy: Floats) -> None:
    found = find_clusters(xy)
    assert all(labels.shape == (len(xy),) for labels in found.labels.values())
    if len(xy):
        np.testing.assert_array_equal(found.place(xy, "fine").shape, (len(xy),))


def test_what_makes_no_sense_is_refused(galaxies: Floats) -> None:
    with pytest.raises(InputError, match=r"\(n, 2\) finite numbers"):
        find_clusters(np.full((20, 2), np.nan))
    with pytest.raises(InputError, match=r"\(n, 2\) finite numbers"):
        find_clusters(np.zeros((20, 3)))
    with pytest.raises(InputError, match=r"Shares from 0 to 0\.5"):
        find_clusters(galaxies, {"huge": 0.7})
    with pytest.raises(InputError, match="at least 1"):
        find_clusters(galaxies, contrast=0.5)
    with pytest.raises(InputError, match="coarse, middle, fine"):
        find_clusters(galaxies).place(galaxies, "tiny")
