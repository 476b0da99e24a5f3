"""Feature images: what they show of planted filters, what they keep to, and networks that say nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gz2interp as gz
from gz2interp.errors import InputError
from gz2interp.features.believable import agreement, random_images, share_of_colours, share_of_spectrum
from gz2interp.features.forms import form_of
from gz2interp.features.image_prior import ImagePrior, colours_of, frequencies, image_prior, signal_of
from gz2interp.features.limits import SHARPNESS, above_sky, fluxes_within
from gz2interp.features.transformations import NONE, Transformations
from gz2interp.network.probe import Probe
from gz2interp.painting import draw_recipe, paint
from gz2interp.testing.networks import plain_network
from gz2interp.testing.planted import (
    bar_network,
    blind_network,
    blue_minus_red_network,
    filter_correlation,
    ring_network,
)

BANDS = tuple("ugriz")


@pytest.fixture(scope="module")
def galaxies() -> np.ndarray:
    rng = np.random.default_rng(3)
    kinds = ("round", "in_between", "spiral", "edge_on")
    return np.stack([paint(draw_recipe(rng, kinds[k % 4])).cutout.image for k in range(48)])


@pytest.fixture(scope="module")
def light(galaxies: np.ndarray) -> ImagePrior:
    return image_prior([galaxies[:20], galaxies[20:]], BANDS)


@pytest.fixture(scope="module")
def small() -> ImagePrior:
    """Of noise with a blob in the middle, in the shape that the toy networks take."""
    y, x = np.mgrid[:16, :16] - 7.5
    blob = 30 * np.exp(-(y**2 + x**2) / 8)[..., None]
    rng = np.random.default_rng(0)
    return image_prior([rng.uniform(0.2, 1, (64, 1, 1, 5)) * blob + rng.normal(size=(64, 16, 16, 5))])


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe(plain_network())


def make(probe: Probe, objectives: Any, small: ImagePrior, **options: Any) -> gz.FeatureImages:
    return gz.visualise(probe, objectives, small, **({"steps": 12} | options))


def test_light_is_that_of_the_images_however_they_come(galaxies: np.ndarray, light: ImagePrior) -> None:
    stretched = light.stretched(galaxies)
    np.testing.assert_allclose(light.mean, stretched.mean(axis=(0, 1, 2), dtype=float), rtol=1e-3)
    np.testing.assert_allclose(light.covariance, np.cov(stretched.reshape(-1, 5).T, bias=True), rtol=1e-3, atol=1e-4)
    waves = np.abs(np.fft.rfft2(np.moveaxis(stretched, -1, 1)))
    np.testing.assert_allclose(light.spectrum, waves.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(light.fluxes(stretched), galaxies, rtol=1e-3, atol=1e-5)
    assert 0.85 < share_of_spectrum(galaxies, light, None).mean() <= 1
    one = image_prior([galaxies[:20, ..., 2:3], galaxies[20:, ..., 2:3]])
    np.testing.assert_allclose(one.spectrum[0], light.spectrum[2], rtol=1e-4)


def test_light_does_not_depend_on_the_batches_nor_on_what_was_not_observed(
    galaxies: np.ndarray, light: ImagePrior
) -> None:
    single = image_prior((image[None] for image in galaxies), BANDS)
    for name in ("sky", "reach", "profile", "colours"):
        np.testing.assert_allclose(getattr(single, name), getattr(light, name), rtol=1e-5, err_msg=name)
    half = galaxies.copy()
    half[::2, :40] = 0  # most of every second galaxy's rim
    np.testing.assert_allclose(image_prior([half]).sky, light.sky, rtol=0.1)


def test_the_signal_is_the_spectrum_less_its_noise() -> None:
    notes = frequencies(64, 64)
    truth = 4000.0 / np.maximum(notes, 1) ** 2.5
    found = signal_of(np.hypot(truth, 40.0), notes)
    assert np.abs(np.log(found / truth))[(notes > 0) & (notes < 30)].max() < 0.7


def test_images_without_light_are_no_light() -> None:
    with pytest.raises(InputError, match="No images"):
        image_prior([])
    dark = image_prior([np.zeros((2, 16, 16, 3), np.float32)])
    assert all(np.isfinite(value).all() for name, value in vars(dark).items() if name not in ("bands", "galaxies"))


@pytest.mark.long
@pytest.mark.parametrize("plant", [bar_network, ring_network, blue_minus_red_network])
def test_an_image_shows_what_a_planted_filter_seeks(plant: Any, light: ImagePrior) -> None:
    planted = plant(light.sky)
    own = plant is not blue_minus_red_network  # no galaxy has one band only
    made = gz.visualise(Probe(planted.model), gz.logit(1), light, steps=128, transformations=NONE, own_colours=own)
    assert filter_correlation(made.images[0], planted, light.sky) >= 0.9
    assert filter_correlation(random_images(light, 1, 0)[0], planted, light.sky) < 0.5


@pytest.mark.parametrize(
    "parametrisation", ["fourier", *(pytest.param(name, marks=pytest.mark.long) for name in ("pixels", "maco"))]
)
def test_images_are_excited_and_could_be_cutouts(parametrisation: str, probe: Probe, small: ImagePrior) -> None:
    objectives = [gz.channel("conv2", k) for k in range(8)]
    made = make(probe, objectives, small, parametrisation=parametrisation, steps=48, transformations=NONE)
    assert (made.images >= 0).all()
    assert (made.images <= small.highest * 1.001).all()
    began = make(probe, objectives, small, parametrisation=parametrisation, steps=1, transformations=NONE)
    assert (made.reached >= began.reached).mean() > 0.85
    assert made.reached.sum() > 1.2 * began.reached.sum()
    again = [float(probe.scores(image[None], of)[0]) for image, of in zip(made.images, objectives, strict=True)]
    np.testing.assert_allclose(again, made.reached, rtol=1e-3, atol=1e-4)


def test_one_seed_gives_one_image_and_company_does_not_matter(probe: Probe, small: ImagePrior) -> None:
    objectives = [gz.channel("conv2", k) for k in range(5)]
    first, second = (make(probe, objectives, small, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)
    parted = make(probe, objectives, small, seed=4, batch=2)
    np.testing.assert_allclose(parted.images, first.images, rtol=0.05, atol=0.05 * first.images.max())
    assert not np.array_equal(make(probe, objectives, small, seed=5).images, first.images)


def test_weights_count_once_and_every_score_is_evaluated_as_the_probe_does(probe: Probe, small: ImagePrior) -> None:
    images = random_images(small, 3, 1)
    said = probe.activations(images, "conv2")
    a, b, target = gz.channel("conv2", 1), gz.neuron("conv2", 2, 3, 4), said[0]
    np.testing.assert_allclose(probe.scores(images, b), said[:, 3, 4, 2], rtol=1e-5)
    joined = 2 * (3 * a + 0.5 * b) - a
    expected = 5 * probe.scores(images, a) + probe.scores(images, b)
    np.testing.assert_allclose(probe.scores(images, joined), expected, rtol=1e-4)
    assert probe.scores(images, gz.inversion("conv2", target))[0] == pytest.approx(0, abs=1e-5)
    assert probe.scores(images, gz.caricature("conv2", target))[0] == pytest.approx(1, rel=1e-4)
    assert probe.scores(images, gz.deep_dream("conv2")) == pytest.approx((said**2).mean(axis=(1, 2, 3)), rel=1e-4)
    objectives = [joined, gz.logit(1), gz.cosine_direction("conv2", np.ones(8)), gz.caricature("conv2", target)]
    made = make(probe, objectives, small, steps=3)
    alone = [float(probe.scores(image[None], of)[0]) for image, of in zip(made.images, objectives, strict=True)]
    np.testing.assert_allclose(made.reached, alone, rtol=1e-3, atol=1e-4)


def test_channels_have_one_form_and_ends_of_a_way_are_the_objectives(probe: Probe) -> None:
    first, second = gz.channel("conv2", 0), gz.channel("conv2", 1)
    assert form_of(first, probe).key == form_of(second, probe).key != form_of(gz.channel("conv1", 0), probe).key
    way = gz.interpolation(first, second, 3)
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 5)).astype(np.float32)
    np.testing.assert_allclose(probe.scores(images, way[0]), probe.scores(images, first), rtol=1e-5)
    np.testing.assert_allclose(probe.scores(images, way[2]), probe.scores(images, second), rtol=1e-5)


def test_company_is_that_of_the_same_objective_whatever_it_is_called(probe: Probe, small: ImagePrior) -> None:
    one, other = (gz.direction("conv2", row) + 20.0 * gz.diversity("conv2") for row in np.eye(8)[:2])
    assert one.name == other.name
    apart = make(probe, [one, other], small)
    alone = make(probe, [one], small)
    np.testing.assert_allclose(apart.images[0], alone.images[0], rtol=1e-4, atol=1e-4)
    together = make(probe, [one, one], small)
    assert np.abs(together.images[0] - alone.images[0]).max() > 1e-3


@pytest.mark.long
def test_diversity_makes_images_of_one_channel_differ(probe: Probe, small: ImagePrior) -> None:
    alike = make(probe, [gz.channel("conv2", 1)] * 3, small, aligned=False, steps=32)
    apart = make(probe, [gz.channel("conv2", 1) + 20.0 * gz.diversity("conv2")] * 3, small, steps=32)

    def closeness(made: gz.FeatureImages) -> float:
        said = probe.activations(made.images, "conv2").reshape(3, -1, 8)
        grams = np.einsum("npa,npb->nab", said, said).reshape(3, -1)
        grams /= np.linalg.norm(grams, axis=1, keepdims=True)
        return float((grams @ grams.T)[np.triu_indices(3, 1)].mean())

    assert closeness(apart) < closeness(alike)
    with pytest.raises(InputError, match="of one batch"):
        probe.scores(alike.images, gz.diversity("conv2"))


def test_a_network_that_says_nothing_is_told_and_fails_nobody(small: ImagePrior) -> None:
    made = make(Probe(blind_network(small.sky, 16).model), [gz.channel("dead", 0), gz.channel("detector", 0)], small)
    assert made.silent.tolist() == [True, False]
    assert np.isfinite(made.images).all()


def test_numbers_that_are_not_finite_stay_where_they_are(small: ImagePrior) -> None:
    probe, of = Probe(plain_network()), gz.channel("conv2", 2)
    made = make(probe, [1.0 * (1.0 * of), 3e38 * (3e38 * of)], small)
    assert made.failed.tolist() == [0, 12]
    assert np.isfinite(made.images).all()
    alone = make(probe, 1.0 * (1.0 * of), small)
    np.testing.assert_allclose(made.images[0], alone.images[0], rtol=1e-3, atol=1e-3)


def test_it_stops_with_what_it_has(probe: Probe, small: ImagePrior) -> None:
    told: list[int] = []

    def interrupting(stage: str, done: int, total: int) -> None:
        told.append(done)
        if len(told) == 15:
            raise KeyboardInterrupt

    objectives = [gz.channel("conv2", k) for k in range(4)]
    made = make(probe, objectives, small, batch=2, progress=interrupting)
    assert (made.finished, len(made), made.steps.tolist()) == (False, 4, [12, 12, 3, 3])
    assert told == sorted(told)
    nothing = make(probe, objectives, small, stop=lambda: True)
    assert (nothing.finished, nothing.images.shape) == (False, (0, 16, 16, 5))


def test_transformations_move_and_none_do_not(light: ImagePrior, galaxies: np.ndarray) -> None:
    tf = pytest.importorskip("tensorflow")
    seed = tf.constant([0, 1])
    planes = tf.transpose(tf.constant(galaxies[:2]), (0, 3, 1, 2))
    np.testing.assert_array_equal(NONE(planes, light, seed), galaxies[:2])
    steady = Transformations(0, 0, 0, 0, 1.5)(planes, light, seed).numpy()
    np.testing.assert_allclose(steady.sum(axis=(1, 2)), galaxies[:2].sum(axis=(1, 2)), rtol=0.05)
    moved = Transformations(noise=0, blur=0)(planes, light, seed).numpy()
    assert np.corrcoef(moved.ravel(), galaxies[:2].ravel())[0, 1] > 0.5
    with pytest.raises(InputError, match="rotation"):
        Transformations(rotation=-1)


def test_light_bent_at_no_light_is_a_softplus_with_its_slope() -> None:
    tf = pytest.importorskip("tensorflow")
    raw = tf.constant(np.linspace(-40, 40, 801), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(raw)
        expected = tf.nn.softplus(SHARPNESS * raw) / SHARPNESS
    lit, slope = above_sky(raw)
    np.testing.assert_allclose(lit, expected, atol=1e-6)
    np.testing.assert_allclose(slope, tape.gradient(expected, raw), atol=1e-6)


def test_faint_light_stays_as_it_is_and_bright_light_within_the_range(light: ImagePrior) -> None:
    tf = pytest.importorskip("tensorflow")
    faint = tf.constant(np.full((1, 5, *light.shape[:2]), 0.01), tf.float32)
    planes = fluxes_within(faint, light, own_colours=False).numpy()
    np.testing.assert_allclose(planes, np.broadcast_to(0.01 * light.sky[:, None, None], planes.shape), rtol=0.05)
    for own_colours in (True, False):
        bright = fluxes_within(1000 * faint, light, own_colours).numpy()
        assert np.isfinite(bright).all()
        assert (bright >= 0).all()
        assert (bright <= light.highest[:, None, None]).all()


def test_colours_stay_within_the_survey_s_whatever_light_is_given(light: ImagePrior) -> None:
    tf = pytest.importorskip("tensorflow")
    lit = 3 * np.random.default_rng(0).exponential(size=(8, 5, *light.shape[:2]))
    images = np.moveaxis(fluxes_within(tf.constant(lit, tf.float32), light).numpy(), 1, -1)
    low, high = light.colours
    colours = colours_of(images, light.sky)
    assert (colours >= low - 0.01).all()
    assert (colours <= high + 0.01).all()
    assert (colours_of(np.moveaxis(lit, 1, -1) * light.sky, light.sky) > high).any()


def test_what_is_believable_is_told_from_what_is_not(galaxies: np.ndarray, light: ImagePrior) -> None:
    assert share_of_colours(galaxies, light).mean() > 0.85
    assert share_of_colours(galaxies[..., ::-1], light).mean() < 0.5
    turned = galaxies[:, ::-1]
    assert (agreement(galaxies, galaxies, light) > 0.999).all()
    assert agreement(galaxies, np.roll(galaxies, 5, axis=1), light).min() > 0.999
    assert agreement(galaxies, turned[::-1], light).mean() < 0.9


def test_mistakes_are_told(probe: Probe, small: ImagePrior, light: ImagePrior) -> None:
    for objectives, options in (
        ([gz.channel("conv2", 99)], {}),
        ([gz.neuron("conv2", 0, 99, 0)], {}),
        ([gz.logit("nothing")], {}),
        ([gz.channel("conv2", 0)], {"parametrisation": "magic"}),
        ([gz.channel("conv2", 0)], {"steps": 0}),
        ([gz.channel("conv2", 0)], {"weight_decay": 1.0}),
        ([gz.caricature("conv2", np.ones((3, 3, 8)))], {}),
    ):
        with pytest.raises(InputError):
            make(probe, objectives, small, **options)
    with pytest.raises(InputError, match="Both, or neither"):
        gz.neuron("conv2", 0, 1)
    with pytest.raises(InputError, match="takes images"):
        make(probe, gz.channel("conv2", 0), light)


def test_places_want_a_network_of_one_size_and_channels_do_not(small: ImagePrior) -> None:
    keras = pytest.importorskip("keras")
    inputs = keras.Input((None, None, 5))
    said = keras.layers.Conv2D(3, 3, activation="relu", name="conv")(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.GlobalAveragePooling2D()(said))
    probe = Probe(keras.Model(inputs, outputs))
    assert make(probe, gz.channel("conv", 0), small).images.shape == (1, 16, 16, 5)
    for objective in (gz.neuron("conv", 0), gz.caricature("conv", np.ones((14, 14, 3)))):
        with pytest.raises(InputError, match="any size"):
            make(probe, objective, small)


def test_a_call_that_was_interrupted_does_not_repeat_finished_batches(probe: Probe, small: ImagePrior) -> None:
    class Kept(dict[int, Any]):
        def read(self, number: int) -> Any:
            return self.get(number)

        def write(self, number: int, arrays: Any) -> None:
            self[number] = arrays

    objectives = [gz.channel(probe.default_layer, number) for number in range(3)]
    alone = make(probe, objectives, small, batch=1)
    kept, steps = Kept(), iter(range(100))
    first = make(probe, objectives, small, batch=1, batches=kept, stop=lambda: next(steps) > 17)
    assert not first.finished
    assert list(kept) == [0]
    told: list[int] = []
    second = make(probe, objectives, small, batch=1, batches=kept, progress=lambda stage, done, of: told.append(done))
    assert min(told) == 13  # the first batch of twelve steps is not made again
    assert list(kept) == [0, 1, 2]
    for name in ("images", "reached", "transformed", "steps", "silent", "failed"):
        np.testing.assert_array_equal(getattr(second, name), getattr(alone, name), err_msg=name)
