"""The donor test, on toy networks that are known to go by one thing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError
from gz2interp.measure.outskirts import measure, planes
from gz2interp.trust.donors import draw_pairs, shortcut_effects, transplanted_predictions
from gz2interp.trust.nuisances import NUISANCES, outside
from gz2interp.trust.shortcuts import LIMIT, named_shortcut, shortcuts

SIDE, BANDS, COUNT = 40, 3, 160
NAMES = ("plain", "barred")
PIXEL = (3, 36, 1)


class Toy:
    """A network that is one function of the image: how sure it is of the second class."""

    class_names = NAMES

    def __init__(self, evidence):
        self.evidence = evidence

    def probabilities(self, images):
        sure = 1 / (1 + np.exp(-np.clip(self.evidence(np.asarray(images)), -30, 30)))
        return np.stack([1 - sure, sure], axis=1).astype(np.float32)


def galaxies(rng, count=COUNT, noise=1.0, width=3.0, slope=0.0):
    """Round galaxies of various brightness in a noisy sky: float32 (n, y, x, band)."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    noise, width, slope = (np.broadcast_to(each, count)[:, None, None] for each in (noise, width, slope))
    flux = rng.uniform(20, 60, (count, 1, 1))
    light = flux * np.exp(-(y**2 + x**2) / (2 * width**2)) + slope * x / (SIDE / 2)
    sky = noise[..., None] * rng.standard_normal((count, SIDE, SIDE, BANDS))
    return (light[..., None] * [0.5, 1.0, 1.5] + sky).astype(np.float32)


def labels():
    return [NAMES[row % 2] for row in range(COUNT)]


def barred():
    return np.arange(COUNT) % 2 == 1


def noisy(images):
    return 12 * (np.std(np.diff(images[:, :8], axis=2), axis=(1, 2, 3)) / np.sqrt(2) - 1.3)


def sloping(images):
    return 4 * (images[:, :, -8:].mean(axis=(1, 2, 3)) - images[:, :, :8].mean(axis=(1, 2, 3)) - 1.0)


def lit(images):
    return images[(slice(None), *PIXEL)] - 10


def starry(images):
    sky = images.copy()
    sky[:, 10:-10, 10:-10] = 0
    return (sky[..., 2] - sky[..., 0]).max(axis=(1, 2)) - 14


def blurry(images):
    middle = images[:, 19:21, 19:21].mean(axis=(1, 2, 3))
    return 30 * (1.55 - middle / images[:, 16:24, 16:24].mean(axis=(1, 2, 3)))


def bright(images):
    return 0.3 * (images[:, 15:25, 15:25].mean(axis=(1, 2, 3)) - 22)


def with_noise(rng):
    return galaxies(rng, noise=np.where(barred(), 1.6, 1.0)), {}


def with_slope(rng):
    return galaxies(rng, slope=np.where(barred(), 1.5, 0.0)), {}


def with_pixel(rng):
    images = galaxies(rng)
    images[(barred(), *PIXEL)] += 20
    return images, {}


def with_stars(rng):
    images = galaxies(rng)
    y, x = np.mgrid[:SIDE, :SIDE]
    for row in np.flatnonzero(barred()):
        angle = rng.uniform(0, 2 * np.pi)
        far = np.hypot(y - 19.5 - 16 * np.sin(angle), x - 19.5 - 16 * np.cos(angle))
        images[row, ..., 2] += 40 * np.exp(-(far**2) / (2 * 1.2**2))
    return images, {}


def with_seeing(rng):
    poor = barred()
    fwhm = 2.3548 * np.where(poor, np.sqrt(1 + 3.0**2), 1.0)[:, None] * np.ones(BANDS)
    return galaxies(rng, width=np.where(poor, np.sqrt(3.0**2 + 3.0**2), 3.0)), {"fwhm": fwhm}


PLANTED = {
    "noise": (with_noise, noisy),
    "background": (with_slope, sloping),
    "pixel": (with_pixel, lit),
    "star": (with_stars, starry),
    "seeing": (with_seeing, blurry),
}
FAMILY = {"pixel": "surroundings", "star": "surroundings"}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_shortcut_is_named(kind):
    plant, network = PLANTED[kind]
    images, known = plant(np.random.default_rng(1))
    found = shortcuts(Toy(network), images, labels(), np.random.default_rng(2), **known)
    strongest = named_shortcut(found)
    assert strongest is found[0]
    assert strongest.family == FAMILY.get(kind, kind)
    assert strongest.class_name in NAMES
    assert strongest.estimate.value > 0.2 > LIMIT
    assert strongest.words.startswith(f"The network takes galaxies for {strongest.class_name} because of")


@pytest.mark.parametrize("kind", PLANTED)
def test_what_the_network_does_not_use_is_no_shortcut(kind):
    images, known = PLANTED[kind][0](np.random.default_rng(3))
    found = shortcuts(Toy(bright), images, labels(), np.random.default_rng(4), **known)
    allowed = {"seeing"} if kind == "seeing" else set()  # blurred light is fainter in the middle: that is used
    assert {each.family for each in found if each.alarm} <= allowed


@pytest.mark.parametrize("kind", PLANTED)
def test_what_has_nothing_to_do_with_the_class_is_no_shortcut(kind):
    plant, network = PLANTED[kind]
    images, known = plant(np.random.default_rng(5))
    shuffled = list(np.random.default_rng(6).permutation(labels()))
    found = shortcuts(Toy(network), images, shuffled, np.random.default_rng(7), **known)
    assert not [each.family for each in found if each.alarm]


def test_a_pixel_is_found_at_its_place_and_stars_at_none():
    images, _ = with_pixel(np.random.default_rng(8))
    place = named_shortcut(shortcuts(Toy(lit), images, labels(), np.random.default_rng(9))).place
    assert (place.y, place.x, place.band) == PIXEL
    assert "y 3, x 36 in r" in place.words("gri")
    images, _ = with_stars(np.random.default_rng(8))
    place = named_shortcut(shortcuts(Toy(starry), images, labels(), np.random.default_rng(9))).place
    assert (place.y, place.x, place.band) == (None, None, 2)


def test_two_runs_with_one_seed_agree():
    images, _ = with_noise(np.random.default_rng(10))
    one, two = (shortcuts(Toy(noisy), images, labels(), np.random.default_rng(11)) for _ in range(2))
    assert one == two


def test_an_artefact_in_all_other_classes_is_found_too():
    images = galaxies(np.random.default_rng(12), noise=np.where(barred(), 1.0, 1.6))
    found = named_shortcut(shortcuts(Toy(lambda seen: -noisy(seen)), images, labels(), np.random.default_rng(13)))
    assert found.family == "noise"


def test_too_few_galaxies_are_not_judged():
    images = galaxies(np.random.default_rng(14), 20)
    found = shortcuts(Toy(noisy), images, ["plain"] * 10 + ["barred"] * 10, np.random.default_rng(15))
    assert [each.alarm for each in found] == [None] * len(NUISANCES)
    assert all("at least 12 galaxies of two classes" in each.words for each in found)
    few = shortcuts(Toy(noisy), galaxies(np.random.default_rng(14), 24), labels()[:24], np.random.default_rng(15))
    assert not any(each.alarm for each in few)


def test_what_is_not_known_is_said():
    found = shortcuts(Toy(bright), galaxies(np.random.default_rng(16)), labels(), np.random.default_rng(17))
    words = {each.family: each.words for each in found if each.alarm is None}
    assert words["seeing"] == "Not known: the width of the PSF is not known"
    assert words["missing pixels"].startswith("Not known: no pixel is missing")


def test_missing_pixels_and_centring():
    images = galaxies(np.random.default_rng(18))
    valid = np.ones(images.shape[:3], np.bool_)
    valid[barred(), :6] = False
    masked = images * valid[..., None]
    edge = Toy(lambda seen: 20 * (0.5 - np.abs(seen[:, :6]).mean(axis=(1, 2, 3))))
    assert (
        named_shortcut(shortcuts(edge, masked, labels(), np.random.default_rng(19), valid=valid)).family
        == "missing pixels"
    )
    moved = images.copy()
    moved[barred()] = np.roll(moved[barred()], 4, axis=2)
    right = Toy(
        lambda seen: 0.5 * (seen[:, 15:25, 24:28].mean(axis=(1, 2, 3)) - seen[:, 15:25, 12:16].mean(axis=(1, 2, 3))) - 3
    )
    assert named_shortcut(shortcuts(right, moved, labels(), np.random.default_rng(20))).family == "centring"


def test_bad_input_is_refused():
    images = galaxies(np.random.default_rng(21), 4)
    with pytest.raises(InputError, match="3 classes were given with 4 images"):
        shortcuts(Toy(bright), images, ["plain"] * 3, np.random.default_rng(0))
    with pytest.raises(InputError, match="at least 8 pixels"):
        measure(images[:, :4])
    with pytest.raises(InputError, match=r"valid \(n, y, x\)"):
        measure(images, np.ones((4, 3, 3), np.bool_))


def test_what_is_measured_is_what_was_put_in():
    rng = np.random.default_rng(22)
    noise, slope = rng.uniform(0.5, 2, 60), rng.uniform(-2, 2, 60)
    found = measure(galaxies(rng, 60, noise=noise, slope=slope))
    assert_allclose(found.sigma.mean(axis=1) / noise, 1, atol=0.12)
    assert_allclose(found.plane[:, 1].mean(axis=1), slope, atol=0.35)
    assert np.abs(found.centre).max() < 1.5
    assert np.abs(found.correlation).max() < 0.2
    assert found.galaxy[:, 18:22, 18:22].all()
    assert found.galaxy.mean() < 0.6


def test_a_galaxys_own_nuisance_changes_nothing():
    found = measure(galaxies(np.random.default_rng(23), 6), fwhm=np.full((6, BANDS), 3.0))
    for family in NUISANCES.values():
        (same,) = family.transplant(found, [found], np.random.default_rng(0))
        assert_allclose(same, found.images, atol=1e-4, err_msg=family.name)


def test_each_transplant_gives_the_donors_nuisance_and_leaves_the_galaxy():
    rng = np.random.default_rng(24)
    poor, good = np.full((40, BANDS), 6.0), np.full((40, BANDS), 2.3548)
    donors = measure(galaxies(rng, 40, noise=1.8, slope=2.0), fwhm=poor)
    own = measure(galaxies(rng, 40), fwhm=good)
    given = {name: family.transplant(own, [donors], rng)[0] for name, family in NUISANCES.items()}
    louder = measure(given["noise"])
    assert_allclose(np.median(louder.sigma / donors.sigma), 1, atol=0.05)
    assert_allclose(given["noise"].mean(axis=(0, 1, 2)), own.images.mean(axis=(0, 1, 2)), atol=0.05)
    assert_allclose(measure(given["background"]).plane[:, 1].mean(), 2.0, atol=0.15)
    assert_allclose(given["background"] - own.images, planes(donors.plane - own.plane, (SIDE, SIDE)), atol=1e-4)
    wider = measure(given["seeing"])
    assert_allclose(np.median(wider.sigma / own.sigma), 1, atol=0.05)
    assert np.abs(np.median(wider.correlation)) < 0.1
    assert given["seeing"][:, 19:21, 19:21].mean() < 0.8 * own.images[:, 19:21, 19:21].mean()
    there = outside(own, donors)
    assert_array_equal(given["surroundings"][~there], own.images[~there])
    assert_allclose(np.std(given["surroundings"][there]), 1.0, atol=0.1)


def test_donors_are_alike_and_none_gives_to_itself():
    rng = np.random.default_rng(25)
    classes = np.arange(300) % 3
    looks = rng.normal(0, 1, (300, 2)) + 0.5 * classes[:, None]
    pairs = draw_pairs(classes, looks, 90, rng)
    assert np.bincount(classes[pairs.recipients]).tolist() == [30, 30, 30]
    assert (classes[pairs.donors] == [0, 1, 2]).all()
    assert (pairs.donors != pairs.recipients[:, None]).all()
    apart = looks[pairs.donors].mean(axis=0).max(axis=0) - looks[pairs.donors].mean(axis=0).min(axis=0)
    assert (apart < 0.3).all()  # a whole unit between the classes' means


def test_the_pull_of_a_network_that_says_always_the_same_is_zero():
    rng = np.random.default_rng(26)
    classes = np.arange(COUNT) % 2
    found = measure(galaxies(rng))
    pairs = draw_pairs(classes, rng.normal(size=(COUNT, 1)), 60, rng)
    said = transplanted_predictions(Toy(lambda seen: np.zeros(len(seen))), NUISANCES["noise"], found, pairs, rng)
    assert said.shape == (60, 2, 2)
    assert {(each.value, each.error) for each in shortcut_effects(said, [0, 1], classes, pairs, rng)} == {(0.0, 0.0)}
