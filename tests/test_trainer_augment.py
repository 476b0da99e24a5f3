"""What augmentation does to pixels, and that it does the same to a galaxy whoever else is in the batch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from gz2interp.errors import InputError
from trainer.augment import POLICIES, AugmentationDraws, Policy, _uniforms, augment, draw, policy_named

SHAPE, SKY = (16, 16), np.array([0.1, 0.2, 0.3])


def _galaxies(count=6, valid_share=1.0):
    generator = np.random.default_rng(5)
    images = generator.normal(size=(count, *SHAPE, 3)).astype(np.float32)
    valid = generator.random((count, *SHAPE)) < valid_share
    return np.where(valid[..., None], images, 0).astype(np.float32), valid


def _augmented(policy, images, valid, *, seed=1, epoch=0, rows=None, sky=SKY):
    rows = np.arange(len(images)) if rows is None else rows
    draws = draw(policy, seed, epoch, rows, shape=images.shape[1:3], sky_sigma=sky)
    return tuple(values.numpy() for values in augment(policy, images, valid, draws))


def _rng_free(policy, **even):
    """The policy's transforms of a galaxy whose numbers are given by hand."""
    from trainer.augment import _shifts, _transforms

    numbers = np.full((1, 13), 0.5)
    for column, value in even.items():
        numbers[0, int(column.removeprefix("n"))] = value
    transforms = _transforms(policy, numbers, SHAPE).astype(np.float32)
    ones, zeros = np.ones((1, 3), np.float32), np.zeros((1, 3), np.float32)
    shifts = _shifts(policy, numbers).astype(np.int32)
    return AugmentationDraws(transforms, ones, zeros[:, 0], zeros, np.zeros((1, 2), np.int32), shifts)


def test_none_changes_nothing():
    images, valid = _galaxies(valid_share=0.9)
    seen, mask = _augmented(POLICIES["none"], images, valid)
    np.testing.assert_array_equal(seen, images)
    np.testing.assert_array_equal(mask, valid)


@pytest.mark.parametrize(("across", "along"), [(True, False), (False, True), (True, True)])
def test_mirroring_is_exact(across, along):
    images, valid = _galaxies(1, valid_share=0.9)
    draws = _rng_free(Policy(flip=0.5), n0=0.0 if across else 0.9, n1=0.0 if along else 0.9)
    seen, mask = augment(Policy(flip=0.5), images, valid, draws)
    turned = np.s_[:, :: -1 if along else 1, :: -1 if across else 1]
    np.testing.assert_array_equal(seen, images[turned])
    np.testing.assert_array_equal(mask, valid[turned])


def test_a_whole_shift_is_exact_and_repeats_the_edge():
    images, valid = _galaxies(1, valid_share=0.9)
    policy = Policy(shift=4.0, whole_pixels=True)
    seen, mask = augment(policy, images, valid, _rng_free(policy, n3=0.8, n4=0.5, n5=0.0))  # 3 pixels to larger x
    np.testing.assert_array_equal(seen[:, :, 3:], images[:, :, :-3])
    np.testing.assert_array_equal(seen[:, :, :3], np.repeat(images[:, :, :1], 3, axis=2))
    np.testing.assert_array_equal(mask[:, :, :3], np.repeat(valid[:, :, :1], 3, axis=2))


def test_a_whole_shift_is_scipys_shift_with_nearest():
    images, valid = _galaxies(1)
    policy = Policy(shift=4.0, whole_pixels=True)
    numbers = {"n3": 0.1, "n4": 0.95, "n5": 0.0}  # 4 pixels to smaller x, 4 to larger y
    seen, _ = augment(policy, images, valid, _rng_free(policy, **numbers))
    expected = ndimage.shift(images[0], (4, -4, 0), order=0, mode="nearest")
    np.testing.assert_array_equal(seen[0], expected)


def test_a_shift_in_parts_of_a_pixel_reflects_at_the_edge():
    images, valid = _galaxies(1)
    policy = Policy(shift=4.0)
    seen, _ = augment(policy, images, valid, _rng_free(policy, n3=0.875, n4=0.5, n5=0.0))  # 3 pixels to larger x
    np.testing.assert_allclose(seen[:, :, 3:], images[:, :, :-3], atol=1e-5)
    np.testing.assert_allclose(seen[:, :, :3], images[:, :, 2::-1], atol=1e-5)


def test_a_quarter_turn_is_exact_within_rounding():
    images, valid = _galaxies(1)
    seen, _ = augment(Policy(rotation=360), images, valid, _rng_free(Policy(rotation=360), n2=0.25))
    np.testing.assert_allclose(seen[0], np.rot90(images[0], -1), atol=1e-4)


def test_zoom_keeps_surface_brightness():
    y, x = np.mgrid[:16, :16] - 7.5
    disc = np.exp(-(x**2 + y**2) / 8)[None, :, :, None] * np.ones(3)
    policy = Policy(zoom=(1.25, 1.25))
    seen, _ = augment(policy, disc.astype(np.float32), np.ones((1, *SHAPE), np.bool_), _rng_free(policy))
    assert seen.numpy().max() == pytest.approx(disc.max(), rel=0.03)
    assert seen.numpy().sum() == pytest.approx(1.25**2 * disc.sum(), rel=0.03)


@pytest.mark.parametrize("name", POLICIES)
def test_a_galaxy_is_changed_alike_in_any_company(name):
    images, valid = _galaxies(valid_share=0.9)
    order = np.array([4, 1, 5])
    together, mask = _augmented(POLICIES[name], images, valid)
    apart, mask_apart = _augmented(POLICIES[name], images[order], valid[order], rows=order)
    np.testing.assert_array_equal(apart, together[order])
    np.testing.assert_array_equal(mask_apart, mask[order])


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "none"])
def test_seed_and_epoch_and_galaxy_each_matter(name):
    images = np.repeat(_galaxies(1)[0], 2, axis=0)
    valid = np.ones(images.shape[:3], np.bool_)
    first, _ = _augmented(POLICIES[name], images, valid)
    assert not np.array_equal(first[0], first[1])
    for change in ({"seed": 2}, {"epoch": 1}):
        other, _ = _augmented(POLICIES[name], images, valid, **change)
        assert not np.array_equal(first, other)


def test_pixels_not_valid_are_zero_and_stay_few():
    images, valid = _galaxies(40, valid_share=0.9)
    seen, mask = _augmented(POLICIES["standard"], images, valid)
    assert not seen[~mask].any()
    assert 0.9**4 - 0.03 < mask.mean() < 0.9  # most pixels are made of four


def test_a_valid_pixel_is_made_of_valid_pixels():
    _, valid = _galaxies(40, valid_share=0.9)
    policy = dataclasses.replace(POLICIES["standard"], noise=0.0, flux=0.0, band_flux=0.0)
    seen, mask = _augmented(policy, valid[..., None] * np.ones(3, np.float32), valid)
    np.testing.assert_allclose(seen[mask], 1.0, atol=2e-3)


def test_the_original_does_each_thing_a_quarter_of_the_time():
    count = 4000
    transforms = draw(POLICIES["original"], 3, 0, np.arange(count), shape=SHAPE, sky_sigma=SKY).transforms
    linear = transforms[:, [0, 1, 3, 4]].reshape(-1, 2, 2)
    determinant = np.linalg.det(linear)
    zoomed = ~np.isclose(np.abs(determinant), 1, atol=1e-6)
    zoom = np.abs(determinant[zoomed]) ** -0.5
    mirrored_once = determinant < 0
    assert zoomed.mean() == pytest.approx(0.25, abs=0.03)
    assert mirrored_once.mean() == pytest.approx(2 * 0.25 * 0.75, abs=0.03)
    assert 0.75 <= zoom.min() < 0.77
    assert 1.28 < zoom.max() <= 1.3001


def test_noise_is_of_the_sky_s_size_in_each_band():
    policy = dataclasses.replace(Policy(), noise=0.5)
    images, valid = np.zeros((3000, *SHAPE, 3), np.float32), np.ones((3000, *SHAPE), np.bool_)
    noise, _ = _augmented(policy, images, valid)
    expected = 0.5 / np.sqrt(3) * SKY  # the root mean square of an even draw
    np.testing.assert_allclose(noise.std(axis=(0, 1, 2)), expected, rtol=0.05)


def test_seeing_spreads_light_as_a_gaussian_and_loses_none():
    images = np.zeros((1, 33, 33, 2), np.float32)
    images[0, 16, 16] = images[0, 14, 19] = 1
    policy = Policy(blur=1.5)
    seen, mask = _augmented(policy, images, np.ones((1, 33, 33), np.bool_), seed=2, sky=np.zeros(2))
    width = float(draw(policy, 2, 0, np.arange(1), shape=(33, 33), sky_sigma=np.zeros(2)).widths[0])
    assert 0.3 < width < 1.5
    expected = ndimage.gaussian_filter(images[0], (width, width, 0), truncate=8)
    np.testing.assert_allclose(seen[0], expected, atol=1e-6)
    assert seen.sum() == pytest.approx(4, rel=1e-5)
    assert mask.all()


def test_seeing_leaves_the_noise_of_the_sky_as_strong_as_it_was():
    sky = np.array([0.1, 0.2, 0.3])
    images = np.random.default_rng(8).normal(size=(64, 48, 48, 3)).astype(np.float32) * sky
    seen, _ = _augmented(Policy(blur=1.5), images.astype(np.float32), np.ones((64, 48, 48), np.bool_))
    inner = seen[:, 6:-6, 6:-6]  # near the edge a Gaussian is cut, and keeps more
    np.testing.assert_allclose(inner.std(axis=(1, 2)), np.broadcast_to(sky, (64, 3)), rtol=0.12)
    np.testing.assert_allclose(inner.std(axis=(0, 1, 2)), sky, rtol=0.01)


def test_seeing_gives_up_pixels_that_light_of_unknown_ones_would_reach():
    images, valid = np.ones((1, 33, 33, 1), np.float32), np.ones((1, 33, 33), np.bool_)
    images[0, :, :8], valid[0, :, :8] = 0, False
    seen, mask = _augmented(Policy(blur=1.5), images, valid, sky=np.zeros(1))
    assert not mask[0, :, :8].any()
    assert mask[0, :, 16:].all()
    np.testing.assert_allclose(seen[mask], 1, atol=2e-3)


def test_a_galaxy_s_numbers_are_those_of_one_table_of_all():
    rows = np.array([7, 3, 3, 199, 0])
    table = np.random.default_rng([5, 2]).random((200, 4))
    np.testing.assert_array_equal(_uniforms((5, 2), rows, columns=4), table[rows])


def test_an_unknown_policy_lists_the_known_ones():
    with pytest.raises(InputError, match=r"none, flips, original, original-notebook, seeing, standard, wide"):
        policy_named("heavy")
