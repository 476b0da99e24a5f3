"""Methods that look at an image many times: laws, and answers that one can work out by hand."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from gz2interp.attribution import (
    METHODS,
    band_shapley,
    expected_gradients,
    gradient,
    gradient_x_input,
    guided_backprop,
    hires_cam,
    integrated_gradients,
    occlusion,
    occlusion_by_band,
    rise,
    score_cam,
    smooth_grad,
    symmetry_averaged,
    var_grad,
)
from gz2interp.attribution.baselines import sky_like
from gz2interp.attribution.samples import sample_batches
from gz2interp.attribution.symmetry import VIEWS, apply_view, undo_view
from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.scores import logit, probability
from gz2interp.testing import networks
from gz2interp.testing.fakes import LinearProbe

RNG = np.random.default_rng(11)
WEIGHTS = RNG.normal(size=(16, 16, 5, 3)).astype(np.float32)
IMAGES = RNG.normal(size=(4, 16, 16, 5)).astype(np.float32)
OTHERS = RNG.normal(size=(6, 16, 16, 5)).astype(np.float32)
LINEAR = LinearProbe(WEIGHTS)


@pytest.fixture(scope="module")
def probe():
    return Probe(networks.plain_network(), batch_size=6)


class TestALinearNetwork:
    def test_noise_does_not_change_a_gradient_that_is_everywhere_the_same(self):
        expected = gradient(LINEAR, IMAGES, logit(1)).values
        np.testing.assert_allclose(smooth_grad(LINEAR, IMAGES, logit(1), samples=4).values, expected, atol=1e-6)
        assert np.abs(var_grad(LINEAR, IMAGES, logit(1), samples=4).values).max() < 1e-6

    def test_integrated_gradients_from_the_sky_are_gradient_times_input(self):
        expected = gradient_x_input(LINEAR, IMAGES, logit(1)).values
        found = integrated_gradients(LINEAR, IMAGES, logit(1), steps=3)
        np.testing.assert_allclose(found.values, expected, atol=1e-5)
        np.testing.assert_allclose(found.total, found.scores, atol=1e-4)

    def test_expected_gradients_are_those_from_the_mean_of_what_was_drawn(self):
        found = expected_gradients(LINEAR, IMAGES, logit(1), references=OTHERS, samples=12)  # each of six twice
        expected = WEIGHTS[..., 1] * (IMAGES - OTHERS.mean(axis=0))
        np.testing.assert_allclose(found.values, expected, atol=1e-4)
        np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), found.total, rtol=1e-3, atol=1e-2)

    def test_a_patch_counts_what_it_weighs(self):
        sky = sky_like(IMAGES, np.random.default_rng(0))
        lost = (WEIGHTS[..., 2] * (IMAGES - sky)).reshape(4, 4, 4, 4, 4, 5)
        together = occlusion(LINEAR, IMAGES, logit(2), patch=4, stride=4).values[:, ::4, ::4]
        np.testing.assert_allclose(together, lost.sum(axis=(2, 4, 5)), atol=1e-3)
        apart = occlusion_by_band(LINEAR, IMAGES, logit(2), patch=4, stride=4).values[:, ::4, ::4]
        np.testing.assert_allclose(apart, lost.sum(axis=(2, 4)), atol=1e-3)

    def test_a_pixel_under_several_patches_has_their_mean(self):
        lost = WEIGHTS[..., 0] * (IMAGES - sky_like(IMAGES, np.random.default_rng(0)))
        falls = {(y, x): lost[:, y : y + 8, x : x + 8].sum(axis=(1, 2, 3)) for y in (0, 4, 8) for x in (0, 4, 8)}
        found = occlusion(LINEAR, IMAGES, logit(0), patch=8, stride=4).values
        for pixel, over in {
            (0, 0): [(0, 0)],
            (5, 0): [(0, 0), (4, 0)],
            (7, 9): [(y, x) for y in (0, 4) for x in (4, 8)],
        }.items():
            expected = np.mean([falls[square] for square in over], axis=0)
            np.testing.assert_allclose(found[:, *pixel], expected, atol=2e-3)

    def test_random_masks_find_the_one_region_that_counts(self):
        weights = np.zeros((32, 32, 5, 2), np.float32)
        weights[8:16, 16:24, :, 1] = 1
        images = np.ones((1, 32, 32, 5), np.float32) + RNG.normal(size=(1, 32, 32, 5)).astype(np.float32) * 0.01
        images[:, 2:-2, 2:-2] += 3
        found = rise(LinearProbe(weights), images, logit(1), samples=600, cells=4).values[0]
        inside = np.zeros((32, 32), np.bool_)
        inside[8:16, 16:24] = True
        assert found[inside].mean() > 5 * np.abs(found[~inside]).mean()

    def test_a_band_carries_its_own_sum(self):
        found = band_shapley(LINEAR, IMAGES, logit(1))
        sky = sky_like(IMAGES, np.random.default_rng(0))
        expected = (WEIGHTS[..., 1] * (IMAGES - sky)).sum(axis=(1, 2))
        np.testing.assert_allclose(found.values, expected, atol=2e-3)


class TestCompleteness:
    @pytest.mark.parametrize("score", [logit(1), logit(2) - logit(0), probability(1)])
    @pytest.mark.parametrize("baseline", ["sky", "blurred", OTHERS[0]])
    def test_integrated_gradients_sum_to_the_rise(self, probe, score, baseline):
        found = integrated_gradients(probe, IMAGES, score, baseline=baseline, steps=256)
        spread = float(np.abs(found.total).max())
        np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), found.total, atol=0.02 * spread)

    @pytest.mark.parametrize("score", [logit(1), logit(2) - logit(0), probability(1)])
    def test_as_many_steps_are_taken_as_the_gap_needs(self, probe, score):
        sharp = 30 * IMAGES  # many ReLUs switch on the way
        found = integrated_gradients(probe, sharp, score)
        sums = found.values.sum(axis=(1, 2, 3), dtype=np.float64)
        np.testing.assert_allclose(found.gap, np.abs(sums - found.total), rtol=1e-6)
        reached = found.gap <= np.maximum(0.01 * np.abs(found.total), 1e-3)
        assert (reached | (found.steps == 2048)).all()
        assert reached.mean() > 0.5
        coarse = integrated_gradients(probe, sharp, score, steps=4)
        assert (coarse.steps == 4).all()
        assert coarse.parameters["steps"] == 4
        assert coarse.gap.mean() > found.gap.mean()

    def test_steps_depend_on_the_image_alone(self, probe):
        together = integrated_gradients(probe, 30 * IMAGES, logit(1))
        alone = integrated_gradients(probe, 30 * IMAGES[:1], logit(1))
        assert together.steps[0] == alone.steps[0]
        np.testing.assert_allclose(together.values[0], alone.values[0], rtol=0, atol=1e-4 * np.abs(alone.values).max())

    def test_an_image_that_is_its_own_baseline_needs_no_steps(self, probe):
        found = integrated_gradients(probe, IMAGES[:1], logit(1), baseline=IMAGES[0])
        assert (found.total[0], found.gap[0], found.steps[0]) == (0, 0, 32)

    def test_a_score_that_jumps_on_the_way_says_by_how_much_it_misses(self):
        class Jumping(LinearProbe):
            def scores(self, images, score):
                return np.where(images.sum(axis=(1, 2, 3)) > 3, 5, 0).astype(np.float32)

        found = integrated_gradients(Jumping(0 * WEIGHTS), np.ones_like(IMAGES), logit(1))
        np.testing.assert_allclose(found.gap, 5)

    def test_expected_gradients_tell_their_gap(self, probe):
        found = expected_gradients(probe, IMAGES, logit(1), references=OTHERS, samples=20)
        np.testing.assert_allclose(found.gap, np.abs(found.values.sum(axis=(1, 2, 3)) - found.total), rtol=1e-3)
        assert np.isnan(gradient(probe, IMAGES, logit(1)).gap).all()

    def test_more_steps_come_nearer(self, probe):
        gaps = []
        for steps in (4, 16, 256):
            found = integrated_gradients(probe, IMAGES, logit(1), steps=steps)
            gaps.append(float(np.abs(found.values.sum(axis=(1, 2, 3)) - found.total).mean()))
        assert gaps[0] > gaps[2]
        assert gaps[1] > gaps[2]

    def test_expected_gradients_sum_to_the_difference_from_the_others_on_average(self, probe):
        found = expected_gradients(probe, IMAGES, logit(1), references=OTHERS, samples=1200)
        gap = found.values.sum(axis=(1, 2, 3)) - found.total
        assert np.abs(gap).max() < 0.1 * np.abs(found.total).max()

    def test_bands_sum_to_the_rise_exactly(self, probe):
        found = band_shapley(probe, IMAGES, probability(2))
        np.testing.assert_allclose(found.values.sum(axis=1), found.total, atol=1e-6)

    def test_hires_cam_cells_sum_to_the_logit_of_a_linear_head(self):
        weights = RNG.normal(size=(16, 16, 5, 2)).astype(np.float32)
        probe = LinearProbe(weights)
        found = hires_cam(probe, IMAGES, logit(1))
        np.testing.assert_allclose(found.values.sum(axis=(1, 2)), found.scores, atol=1e-3)


class TestBands:
    def test_the_value_is_the_mean_over_all_orders(self, probe):
        image, absent = IMAGES[:1], OTHERS[0]
        found = band_shapley(probe, image, logit(1), replacement=absent).values[0]
        present = np.array(list(product((False, True), repeat=5)))
        seen = np.where(present[:, None, None, :], image, absent)
        score = dict(zip(map(tuple, present.tolist()), probe.scores(seen, logit(1)), strict=True))
        expected, orders = np.zeros(5), list(permutations(range(5)))
        for order in orders:
            there = [False] * 5
            for band in order:
                before = score[tuple(there)]
                there[band] = True
                expected[band] += score[tuple(there)] - before
        np.testing.assert_allclose(found, expected / len(orders), atol=1e-5)

    def test_a_band_that_nobody_looks_at_carries_nothing(self):
        probe = Probe(networks.one_filter_network(), ["plain", "barred"])
        found = band_shapley(probe, IMAGES, logit("barred")).values
        assert np.abs(found[:, [0, 1, 3, 4]]).max() < 1e-6
        assert np.abs(found[:, 2]).min() > 1e-4

    def test_too_many_bands_are_refused(self):
        with pytest.raises(InputError, match="At most 10"):
            band_shapley(LINEAR, np.zeros((1, 4, 4, 11), np.float32), logit(0))


class TestSymmetry:
    @pytest.mark.parametrize("view", range(VIEWS))
    def test_a_view_turned_back_is_the_image(self, view):
        np.testing.assert_array_equal(undo_view(apply_view(IMAGES, view), view), IMAGES)

    def test_the_views_are_eight_different_ones(self):
        assert len({apply_view(IMAGES[:1], view).tobytes() for view in range(VIEWS)}) == VIEWS

    @pytest.mark.parametrize("method", ["gradient", "grad_cam", "occlusion"])
    def test_the_mean_map_turns_with_the_galaxy(self, probe, method):
        function = METHODS[method].function
        options = {"patch": 4} if method == "occlusion" else {}
        flat = IMAGES[:2].copy()
        flat[:, [0, -1]] = flat[:, :, [0, -1]] = 0  # no noise: what replaces a patch would not turn with the galaxy
        whole = symmetry_averaged(function, probe, flat, logit(1), **options)
        for view in (1, 6):
            seen = symmetry_averaged(function, probe, apply_view(flat, view), logit(1), **options)
            largest = float(np.abs(whole.values).max())
            np.testing.assert_allclose(undo_view(seen.values, view), whole.values, atol=1e-5 * largest)
            np.testing.assert_allclose(undo_view(seen.variance, view), whole.variance, atol=1e-4 * largest**2)

    def test_the_variance_is_that_of_the_views(self):
        found = symmetry_averaged(gradient, LINEAR, IMAGES, logit(1))
        views = np.stack([undo_view(np.repeat(WEIGHTS[None, ..., 1], 4, axis=0), view) for view in range(VIEWS)])
        np.testing.assert_allclose(found.values, views.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found.variance, views.var(axis=0), atol=1e-5)

    def test_images_that_are_not_square_are_refused(self):
        with pytest.raises(InputError, match="Square"):
            symmetry_averaged(gradient, LINEAR, np.zeros((1, 4, 6, 5), np.float32), logit(0))


class TestLooks:
    @pytest.mark.parametrize(("images", "looks", "size"), [(1, 50, 8), (3, 7, 8), (20, 4, 8), (8, 8, 1), (5, 1, 64)])
    def test_every_pair_is_looked_at_once_in_blocks_of_bounded_size(self, images, looks, size):
        seen = np.zeros((images, looks), np.int64)
        for some, portions in sample_batches(images, looks, size):
            for numbers in portions:
                seen[some, numbers.start : numbers.stop] += 1
                assert (some.stop - some.start) * len(numbers) <= max(size, some.stop - some.start)
        assert (seen == 1).all()

    def test_the_same_generator_gives_the_same_map_and_another_one_another(self, probe):
        for name, method in METHODS.items():
            if not method.draws:
                continue
            options = {"patch": 4} if "occlusion" in name else {"samples": 8}
            first, again, other = (
                method.function(probe, IMAGES[:2], logit(1), generator=np.random.default_rng(seed), **options).values
                for seed in (3, 3, 4)
            )
            np.testing.assert_array_equal(first, again, err_msg=name)
            assert not np.array_equal(first, other), name

    def test_variance_and_mean_are_those_of_the_looks(self, probe):
        few = {"samples": 6, "noise": 0.3}
        mean = smooth_grad(probe, IMAGES, logit(1), **few).values
        variance = var_grad(probe, IMAGES, logit(1), **few).values
        keys = np.random.default_rng(0).integers(2**63, size=6)
        widths = 0.3 * np.ptp(probe.values_at(IMAGES), axis=(1, 2, 3))[:, None, None, None]
        looks = [np.random.default_rng(key).standard_normal(IMAGES.shape[1:], dtype=np.float32) for key in keys]
        slopes = [probe.gradients_at(probe.values_at(IMAGES) + widths * look, logit(1)).gradients for look in looks]
        np.testing.assert_allclose(mean, np.mean(slopes, axis=0), atol=1e-5)
        np.testing.assert_allclose(variance, np.var(slopes, axis=0), atol=1e-4 * float(variance.max()))

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda p: smooth_grad(p, IMAGES, logit(0), samples=1), "samples = 1"),
            (lambda p: smooth_grad(p, IMAGES, logit(0), noise=0), "More than 0"),
            (lambda p: integrated_gradients(p, IMAGES, logit(0), baseline="black"), "One of sky, blurred, or an image"),
            (lambda p: integrated_gradients(p, IMAGES, logit(0), baseline=np.zeros((3, 3, 5))), "One as the others"),
            (lambda p: occlusion(p, IMAGES, logit(0), patch=17), "At most the image's side"),
            (lambda p: rise(p, IMAGES, logit(0), share=1.0), "less than 1"),
            (lambda p: expected_gradients(p, IMAGES, logit(0), references=IMAGES[:0]), "No galaxy to compare"),
            (lambda p: score_cam(p, IMAGES, logit(0), "mean"), "one number per channel"),
        ],
    )
    def test_what_cannot_be_done_is_told(self, probe, call, words):
        with pytest.raises(InputError, match=words):
            call(probe)


class TestSky:
    def test_it_has_the_level_and_scatter_of_the_rim_whatever_the_galaxy(self):
        images = RNG.normal(0.2, 0.05, size=(3, 64, 64, 5)).astype(np.float32)
        images[:, 20:44, 20:44] += 100
        sky = sky_like(images, np.random.default_rng(1))
        np.testing.assert_allclose(sky.mean(axis=(1, 2)), 0.2, atol=0.02)
        np.testing.assert_allclose(sky.std(axis=(1, 2)), 0.05, rtol=0.15)


def test_guided_backpropagation_says_what_it_is_worth(probe):
    with pytest.warns(UserWarning, match="no evidence for what the network responds to"):
        guided_backprop(probe, IMAGES, logit(1))


def test_guided_backpropagation_needs_a_relu():
    with pytest.raises(InputError, match="no ReLU"):
        guided_backprop(Probe(networks.linear_network(WEIGHTS)), IMAGES, logit(1), warn=False)
