"""The numbers behind trust, on maps and networks whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.attribution import METHODS
from gz2interp.statistics import bootstrap_mean, bootstrap_ratio
from gz2interp.testing.fakes import LinearProbe
from gz2interp.trust.map_tests import (
    Explainer,
    areas,
    correlation,
    electrons_of,
    importance,
    mean_correlation,
    noise_resampling,
    order_of,
    random_order,
    rank_correlation,
)
from gz2interp.trust.truth import BASELINE_MAPS, of_components, pointing, region_of, relevance_mass, relevance_rank
from gz2interp.trust.verdict import LIMITS, finding, finding_against

SIDE = 12


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class OnePatch(LinearProbe):
    """Sees nothing but a patch of 3 x 3 pixels."""

    patch = (slice(None), slice(4, 7), slice(5, 8))

    def __init__(self) -> None:
        weights = np.zeros((SIDE, SIDE, 2, 2), np.float32)
        weights[4:7, 5:8, :, 1] = 0.05
        super().__init__(weights)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Faint sky with a bright patch."""
    made = 0.01 * drawn(5, SIDE, SIDE, 2)
    made[OnePatch.patch] += 3
    return made


def patch_map(images: np.ndarray) -> np.ndarray:
    maps = np.zeros(images.shape[:3], np.float32)
    maps[OnePatch.patch] = 1
    return maps


def test_a_map_agrees_with_itself_and_not_with_its_negative():
    maps = drawn(4, 9, 7)
    for likeness in (correlation, rank_correlation):
        assert_allclose(likeness(maps, maps), 1, atol=1e-6)
        assert_allclose(likeness(maps, -maps), -1, atol=1e-6)
        assert_allclose(likeness(maps, 3 * maps + 2), 1, atol=1e-6)
    assert_allclose(rank_correlation(maps, np.exp(maps)), 1, atol=1e-6)
    assert abs(correlation(maps, drawn(4, 9, 7, seed=1))).max() < 0.5


def test_there_is_nothing_to_agree_on_where_a_map_has_no_structure():
    flat, maps = np.zeros((2, 4, 4), np.float32), drawn(2, 4, 4)
    for one, other in ((flat, flat), (flat, maps), (maps, np.full_like(maps, np.nan))):
        assert np.isnan(correlation(one, other)).all()
        assert bootstrap_mean(correlation(one, other), np.random.default_rng(0)).value is None


def test_a_likeness_that_is_not_known_takes_no_other_with_it():
    found = mean_correlation([np.array([0.2, np.nan, np.nan]), np.array([0.6, 0.4, np.nan])])
    assert_allclose(found, [0.4, 0.4, np.nan])


def test_the_right_order_loses_the_class_first_and_finds_it_first(images):
    probe, classes = OnePatch(), np.ones(5, np.int64)
    right = order_of(patch_map(images))
    assert_array_equal(np.sort(right.reshape(5, -1), axis=1), np.tile(np.arange(SIDE**2), (5, 1)))

    def asked(ranks):
        return areas(probe, images, classes, ranks, np.random.default_rng(0))

    best, worst, chance = (
        asked(right),
        asked(SIDE**2 - 1 - right),
        asked(random_order((5, SIDE, SIDE), np.random.default_rng(1))),
    )
    assert (best[0] < chance[0] - 0.1).all()
    assert (chance[0] < worst[0] - 0.05).all()
    assert (best[1] > chance[1] + 0.1).all()
    assert (chance[1] > worst[1] + 0.05).all()


def test_taking_away_backwards_is_putting_back(images):
    """Deletion in one order goes through the very images of insertion in the other."""
    ranks = order_of(drawn(5, SIDE, SIDE))
    for one, other in ((ranks, SIDE**2 - 1 - ranks), (SIDE**2 - 1 - ranks, ranks)):
        deletion, _ = areas(OnePatch(), images, np.ones(5, np.int64), one, np.random.default_rng(0))
        _, insertion = areas(OnePatch(), images, np.ones(5, np.int64), other, np.random.default_rng(0))
        assert_allclose(deletion, insertion, atol=1e-6)


def test_areas_do_not_depend_on_the_size_of_a_batch(images):
    ranks, found = order_of(drawn(5, SIDE, SIDE)), []
    for size in (1, 3, 64):
        probe = OnePatch()
        probe.batch_size = size
        found.append(areas(probe, images, np.ones(5, np.int64), ranks, np.random.default_rng(0)))
    assert_allclose(found[0], found[1], atol=1e-6)
    assert_allclose(found[0], found[2], atol=1e-6)


def test_the_second_draw_has_the_sky_and_the_photons():
    images = np.zeros((400, 8, 8, 2), np.float32)
    images[:, 4:] = 10  # bright rows
    sigma = np.tile(np.float32([0.5, 2.0]), (400, 1))
    added = (
        np.concatenate(
            [noise_resampling(images[:1], sigma[:1], (4.0, np.inf), np.random.default_rng(k)) for k in range(400)]
        )
        - images
    )
    assert_allclose(added[:, :4, :, 0].std(), 0.5, rtol=0.03)
    assert_allclose(added[:, 4:, :, 0].std(), np.sqrt(0.25 + 10 / 4), rtol=0.03)
    assert_allclose(added[:, 4:, :, 1].std(), 2.0, rtol=0.03)
    assert_allclose(added.mean(axis=(0, 1, 2)), 0, atol=0.1)


def test_where_the_sky_was_not_measured_the_rim_is():
    images = 0.3 * drawn(3, 64, 64, 5)
    unknown = np.full((3, 5), np.nan, np.float32)
    added = noise_resampling(images, unknown, electrons_of("grizy"), np.random.default_rng(1)) - images
    assert electrons_of("rq")[1] == np.inf
    assert_allclose(added[..., 4].std(), 0.3, rtol=0.1)


@given(st.integers(0, 1000), st.sampled_from([0.3, 0.8, 1.0]))
def test_a_region_is_the_smallest_that_holds_its_share(seed, share):
    light = np.abs(drawn(2, 6, 6, seed=seed))
    region = region_of(light, share)
    for one, inside in zip(light, region, strict=True):
        assert one[inside].sum() >= share * one.sum() * (1 - 1e-6)
        assert one[inside].min() >= one[~inside].max(initial=0)
        assert one[inside].sum() - one[inside].min() <= share * one.sum() * (1 + 1e-6)


def test_nothing_has_no_region_and_dust_has_one():
    light = np.zeros((2, 4, 4), np.float32)
    light[1, 2, 2] = -1
    assert region_of(light).sum(axis=(1, 2)).tolist() == [0, 1]


def test_relevance_is_all_or_nothing_where_the_map_is(images):
    maps, region = patch_map(images), patch_map(images) > 0
    for number in (relevance_mass, relevance_rank, pointing):
        assert_array_equal(number(maps, region), np.ones(5))
        assert_array_equal(number(-maps, region), np.zeros(5))
    for number in (relevance_mass, pointing):
        assert_array_equal(number(maps, ~region), np.zeros(5))
    elsewhere = SIDE**2 - 9
    assert_allclose(relevance_rank(maps, ~region), (elsewhere - 9) / elsewhere)
    assert_allclose(relevance_mass(np.ones_like(maps), region), 9 / SIDE**2)


def test_a_map_without_structure_gets_no_credit(images):
    flat, region = np.zeros(images.shape[:3], np.float32), patch_map(images) > 0
    assert_array_equal(relevance_rank(flat, region), np.zeros(5))
    assert_array_equal(pointing(flat, region), np.zeros(5))
    assert_array_equal(relevance_mass(flat, region), np.zeros(5))
    assert np.isnan(relevance_rank(flat, region & ~region)).all()


def test_random_maps_find_a_region_by_its_size():
    maps, region = (
        BASELINE_MAPS["random"](np.zeros((300, 20, 20, 1)), np.random.default_rng(0)),
        np.zeros((300, 20, 20), np.bool_),
    )
    region[:, :5] = True
    for number in (relevance_mass, relevance_rank, pointing):
        assert number(maps, region).mean() == pytest.approx(0.25, abs=0.06)


def test_a_pixel_is_divided_as_its_light_is():
    light = np.zeros((1, 2, 2, 2), np.float32)
    light[0, 0, 0] = [3, 1]
    light[0, 1, 1] = [0, -2]
    maps = np.float32([[[4, 100], [0, -5]]])
    assert_allclose(of_components(maps, light), [[3, 1 - 5]])


def test_the_gaussian_is_in_the_middle_and_the_light_is_the_image(images):
    centre = BASELINE_MAPS["gaussian"](images, np.random.default_rng(0))
    assert_array_equal(centre, centre[:, ::-1, ::-1])
    assert (order_of(centre)[:, SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1] < 4).all()
    assert pointing(BASELINE_MAPS["light"](images, np.random.default_rng(0)), patch_map(images) > 0).all()


def test_shares_keep_their_sign_and_sensitivities_do_not():
    values = drawn(2, 3, 3, 4)
    assert_allclose(importance(values, contributes=True), values.sum(axis=-1), rtol=1e-5)
    assert_allclose(importance(values, contributes=False), np.abs(values).sum(axis=-1), rtol=1e-5)
    assert_array_equal(importance(values[..., 0], contributes=True), values[..., 0])


def test_each_image_is_explained_for_its_own_class():
    probe, images = LinearProbe(drawn(4, 4, 2, 3)), drawn(3, 4, 4, 2, seed=1)
    found = Explainer(METHODS["gradient"]).explain(probe, images, np.array([2, 0, 2]))
    for values, which in zip(found.values, (2, 0, 2), strict=True):
        assert_allclose(values, probe.weights[..., which], rtol=1e-6)


def test_a_bootstrap_knows_the_error_of_a_mean():
    values = np.random.default_rng(3).normal(5, 2, size=400)
    found = bootstrap_mean(values, np.random.default_rng(0))
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.15)
    assert bootstrap_mean(np.array([np.nan, 4.0, np.nan]), np.random.default_rng(0)).value == 4
    assert bootstrap_mean(np.array([np.nan]), np.random.default_rng(0)).value is None
    assert bootstrap_ratio(np.array([1.0, 2]), np.array([2.0, 4]), np.random.default_rng(0)).value == 0.5


def test_a_gain_over_chance_must_be_sure_and_a_limit_is_a_limit():
    sure, unsure = (
        bootstrap_mean(np.array([0.2, 0.3] * 20), np.random.default_rng(0)),
        bootstrap_mean(np.array([-1, 1.1]), np.random.default_rng(0)),
    )
    assert finding("deletion", "gradient", sure).passed is True
    assert finding("deletion", "gradient", unsure).passed is False
    assert finding("noise", "gradient", sure).passed is False
    assert finding("model_randomisation", "gradient", sure).passed is True
    assert finding("model_randomisation", "gradient", sure, "the top layer").passed is None
    assert finding_against("pointing", "gradient", sure, unsure, sure).passed is True
    assert finding_against("pointing", "gradient", sure, unsure, unsure).passed is False
    assert all(limit.question.endswith("?") for limit in LIMITS.values())
