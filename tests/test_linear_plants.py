"""Linear filters: the best image that the survey's light allows, and how near feature images come to it."""

from __future__ import annotations

import numpy as np
import pytest

import gz2interp as gz
from gz2interp.features.believable import random_images
from gz2interp.features.image_prior import ImagePrior, image_prior, ring_weights
from gz2interp.network.probe import Probe
from gz2interp.painting import draw_recipe, paint
from gz2interp.testing.linear_plants import POOLS, SHAPES, best_correlation, best_image, linear_plant


@pytest.fixture(scope="module")
def light() -> ImagePrior:
    rng = np.random.default_rng(3)
    kinds = ("round", "in_between", "spiral", "edge_on")
    return image_prior([np.stack([paint(draw_recipe(rng, kinds[k % 4])).cutout.image for k in range(32)])])


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_network_says_what_the_formula_does(shape: str, pool: str, light: ImagePrior) -> None:
    plant, images = linear_plant(shape, pool, light.sky), random_images(light, 2, 0)
    expected = [plant.value(image.astype(np.float64)) for image in light.stretched(images)]
    np.testing.assert_allclose(Probe(plant.model).scores(images, gz.logit(1)), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("own", [True, False])
def test_the_best_image_is_allowed_and_better_than_others_that_are(own: bool, light: ImagePrior) -> None:
    weights = ring_weights(*light.shape[:2])
    for shape in SHAPES:
        plant = linear_plant(shape, "max", light.sky)
        best = best_image(plant, light, own)
        assert best.min() >= 0
        assert (np.sinh(best) * light.sky <= light.highest * 1.001).all()
        grey = np.arcsinh(np.sinh(best).mean(axis=-1))
        planes, reach, profile = best, light.reach[..., :-1], light.profile[:, :-1]
        if own:  # to first order: bands above what they may have change the mean a little
            planes, reach, profile = (
                grey[..., None],
                1.1 * light.reach[..., -1:] + 0.7,
                1.2 * light.profile[:, -1:] + 0.7,
            )
        assert (planes <= reach * 1.001).all()
        assert (weights.T @ planes.reshape(len(weights), -1) <= profile * weights.sum(axis=0)[:, None] * 1.001).all()
        at = plant.at(32, 32, 64, 64)
        bare = np.maximum(at, 0) / at.max() * light.profile[:, :-1].min()  # faint enough for every ring
        others = [bare, *light.stretched(random_images(light, 4, 0)).astype(np.float64)]
        assert all(plant.value(other) < plant.value(best) for other in others)


def test_the_best_mean_is_a_summit(light: ImagePrior) -> None:
    plant = linear_plant("ring", "mean", light.sky)
    best = best_image(plant, light, own_colours=False)
    rng = np.random.default_rng(1)
    for _ in range(5):
        less = best * rng.uniform(0.7, 1, best.shape)
        assert plant.value(less) < plant.value(best)
    slope = plant.gradient(best)
    change = 1e-4 * rng.normal(size=best.shape)
    assert plant.value(best + change) - plant.value(best) == pytest.approx(
        float((slope * change).sum()) / 256, rel=0.05
    )


def test_likeness_knows_no_place(light: ImagePrior) -> None:
    plant = linear_plant("bar", "max", light.sky)
    best = best_image(plant, light)
    assert best_correlation(np.roll(best, (5, -9), axis=(0, 1)), best, plant) == pytest.approx(1)
    noise = np.random.default_rng(2).normal(size=best.shape)
    assert best_correlation(noise, best, plant) < 0.2


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_feature_images_come_near_the_best(shape: str, light: ImagePrior) -> None:
    own = shape != "blue minus red"  # no galaxy has one band only
    plant = linear_plant(shape, "max", light.sky)
    best, probe = best_image(plant, light, own), Probe(plant.model)
    made = gz.visualise(probe, gz.logit(1), light, steps=256, own_colours=own)
    image = light.stretched(made.images[0]).astype(np.float64)
    assert best_correlation(image, best, plant) >= 0.7
    assert plant.value(image) <= 1.05 * plant.value(best)
    random = light.stretched(random_images(light, 1, 0))[0]
    assert best_correlation(random, best, plant) < 0.5
