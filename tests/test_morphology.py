"""Laws of what is measured on pixels: no unit and no turn matters, and each thing is seen by what is meant for it."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.embedding.unusual.morphology import CONTROLS, FAMILIES, Morphology
from gz2interp.errors import InputError
from gz2interp.measure.morphology import morphology, morphology_words
from gz2interp.workflows.unusual import PixelMeasurements, strongest_measurements

BANDS = "ugriz"
SIDE = 64
LIGHT = np.array([0.3, 0.8, 1.0, 1.0, 0.9])


def galaxies(n: int = 6, seed: int = 0, added: np.ndarray | float = 0.0) -> np.ndarray:
    """Round and inclined exponentials in noise, with something added to each before it (y, x, band)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    ratio, angle, scale = rng.uniform(0.5, 1, n), rng.uniform(0, np.pi, n), rng.uniform(3, 5, n)
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along, across = x * cosine + y * sine, (y * cosine - x * sine) / ratio[:, None, None]
    light = rng.uniform(30, 60, n)[:, None, None] * np.exp(-np.hypot(along, across) / scale[:, None, None])
    noise = rng.normal(size=(n, SIDE, SIDE, 5))
    return (light[..., None] * LIGHT + added + noise).astype(np.float32)


def far() -> np.ndarray:
    return np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2))


def raised(name: str, added: np.ndarray) -> np.ndarray:
    return morphology(galaxies(added=added), BANDS)[name] - morphology(galaxies(), BANDS)[name]


def test_every_number_has_its_words_and_is_finite() -> None:
    found = morphology(galaxies(), BANDS)
    assert list(found) == [*morphology_words(BANDS), "bump_at"]
    assert tuple(found)[: len(CONTROLS)] == CONTROLS
    assert all(each.shape == (6,) and each.dtype == np.float32 and np.isfinite(each).all() for each in found.values())


def test_neither_unit_nor_level_matters() -> None:
    images = galaxies()
    plain, other = morphology(images, BANDS), morphology(images * np.float32(1e-3) + np.float32(0.25), BANDS)
    for name, each in plain.items():
        np.testing.assert_allclose(other[name], each, rtol=0.02, atol=0.03, err_msg=name)


@pytest.mark.parametrize("turn", [lambda images: images[:, ::-1], lambda images: images.transpose(0, 2, 1, 3)])
def test_a_mirror_changes_little(turn: object) -> None:
    images = galaxies(24)
    plain, other = morphology(images, BANDS), morphology(np.ascontiguousarray(turn(images)), BANDS)  # type: ignore[operator]
    for name in (
        "signal",
        "petrosian",
        "axis_ratio",
        "concentration",
        "bump",
        "spot_rim",
        "line_in_a_band",
        "colour_r",
    ):
        assert np.median(np.abs(other[name] - plain[name])) < 0.1 * (1 + plain[name].std()), name


def test_a_ring_is_a_bump_at_its_radius() -> None:
    ring = 3 * np.exp(-0.5 * ((far() - 18) / 1.2) ** 2)[..., None] * LIGHT
    round_one = np.full((1, SIDE, SIDE), 40) * np.exp(-far() / 4)
    rng = np.random.default_rng(1)
    images = (round_one[..., None] * LIGHT + rng.normal(size=(1, SIDE, SIDE, 5))).astype(np.float32)
    plain, other = morphology(images, BANDS), morphology(images + ring.astype(np.float32), BANDS)
    assert other["bump"][0] > plain["bump"][0] + 5
    assert other["bump_at"][0] * np.exp(other["petrosian"][0]) == pytest.approx(18.5, abs=1.5)


def test_a_companion_is_on_one_side_and_lopsided() -> None:
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    companion = 8 * np.exp(-0.5 * ((y - 7) ** 2 + (x - 7) ** 2) / 2**2)[..., None] * LIGHT
    one_sided = np.max([raised(f"one_sided_{zone}", companion) for zone in ("inside", "rim", "outside")], axis=0)
    assert (one_sided > 10).all()
    assert np.median(raised("arms_1", companion)) > 1


def test_a_faint_line_in_one_band_is_more_of_a_line_than_a_bright_star() -> None:
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    line = 2.4 * np.exp(-0.5 * ((0.6 * x + 0.8 * y - 9) / 1.5) ** 2)[..., None] * np.eye(5)[1]
    star = 300 * np.exp(-0.5 * ((x - 20) ** 2 + (y + 20) ** 2) / 1.5**2)[..., None] * np.eye(5)[1]
    assert (raised("line_in_a_band", line) > 10).all()
    assert (raised("line_in_a_band", star) < raised("line_in_a_band", line)).all()  # 125 times as bright


def test_light_in_one_band_is_a_colour() -> None:
    images = galaxies()
    redder = images.copy()
    redder[..., 3] *= 1.2
    shift = morphology(redder, BANDS)["colour_i"] - morphology(images, BANDS)["colour_i"]
    np.testing.assert_allclose(shift, 0.8 * np.log(1.2), atol=0.03)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 64, 64, 5)),
        np.ones((1, 16, 16, 5)),
        np.full((1, 20, 33, 5), np.nan),
        np.random.default_rng(0).normal(size=(3, 17, 40, 5)),
        -np.ones((1, 64, 64, 5)) * far()[None, ..., None],
        np.empty((0, 64, 64, 5)),
    ],
)
def test_images_of_nothing_are_measured_too(images: np.ndarray) -> None:
    assert all(np.isfinite(each).all() and len(each) == len(images) for each in morphology(images, BANDS).values())


def test_a_single_band_has_no_colour_and_no_band_alone() -> None:
    found = morphology(galaxies()[..., 2:3], "r")
    assert "line" in found
    assert not [name for name in found if name.startswith(("one_band", "line_in"))]
    assert all(np.isfinite(each).all() for each in found.values())


@pytest.mark.parametrize("shape", [(2, 64, 64, 4), (2, 64, 64), (2, 15, 64, 5)])
def test_what_is_no_image_of_these_bands_is_said(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="were given"):
        morphology(np.zeros(shape), BANDS)


def test_each_family_finds_what_is_off_in_it_and_the_reason_names_it() -> None:
    measuring = PixelMeasurements(BANDS, (SIDE, SIDE))
    rng, names = np.random.default_rng(0), measuring.names
    numbers = rng.normal(size=(800, len(names) + 1)).astype(np.float32)
    numbers[:, names.index("bump")] += 2 * numbers[:, 0]  # brighter galaxies have larger bumps
    off = {"profile": "bump", "residuals": "asymmetry", "one_band": "one_band_rim", "colours": "inner_g"}
    for row, name in enumerate(off.values()):
        numbers[row, names.index(name)] += 15
    usual = Morphology.fit(numbers[:, :-1], names)
    scores = usual.score_samples(numbers[:, :-1])
    assert list(scores) == list(FAMILIES)
    assert set(np.argsort(-scores["morphology"])[:4]) == set(range(4))
    words, told = morphology_words(BANDS), strongest_measurements(usual, BANDS, numbers[:4])
    for row, (family, name) in enumerate(off.items()):
        assert scores[family].argmax() == row
        assert told[row][family][0][0].startswith(words[name])
        assert told[row]["morphology"][0][1] > 4
    assert "sigma at" in told[0]["profile"][0][0]
    np.testing.assert_array_equal(usual.score_samples(numbers[5:6, :-1])["morphology"], scores["morphology"][5:6])


def test_a_constant_number_does_no_harm() -> None:
    numbers = np.random.default_rng(0).normal(size=(100, 40)).astype(np.float32)
    numbers[:, 7] = 3
    names = list(morphology_words(BANDS))[:40]
    assert all(np.isfinite(each).all() for each in Morphology.fit(numbers, names).score_samples(numbers).values())
