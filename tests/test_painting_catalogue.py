"""The catalogue of painted galaxies: colours of the sky's, votes of the tree's, ids of SDSS'."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError
from gz2interp.painting import PAINTED_KIND, catalog_of, draw_recipe, draw_recipes
from gz2interp.painting.votes import draw_votes, probabilities
from gz2interp.schema import QUESTIONS, VOTE_KINDS, vote_column
from trainer.catalog import labels_by, parse_gz2class

SMOOTH, DISCS = ("round", "in_between", "cigar"), ("edge_on", "spiral", "disc")
MEASURED = {
    SMOOTH: {"u-g": 1.81, "g-r": 0.98, "r-i": 0.45, "i-z": 0.34, "r": 17.5, "petro_radius": 4.3},
    DISCS: {"u-g": 1.49, "g-r": 0.75, "r-i": 0.41, "i-z": 0.29, "r": 16.7, "petro_radius": 7.1},
}
"""Medians of Galaxy Zoo 2's smooth and disc galaxies in Stripe 82."""


@pytest.fixture(scope="module")
def recipes():
    return draw_recipes(3000, seed=11)


@pytest.fixture(scope="module")
def catalog(recipes):
    return catalog_of(recipes, seed=11)


@pytest.mark.parametrize("kinds", MEASURED, ids=["smooth", "disc"])
def test_colours_magnitudes_and_sizes_follow_the_sky(catalog, kinds):
    painted = catalog[catalog[PAINTED_KIND].isin(kinds)]
    for name, wanted in MEASURED[kinds].items():
        if "-" in name:
            blue, red = name.split("-")
            assert (painted[blue] - painted[red]).median() == pytest.approx(wanted, abs=0.05)
        else:
            assert painted[name].median() == pytest.approx(wanted, rel=0.1 if name == "petro_radius" else 0.015)


def test_brighter_galaxies_are_larger(catalog):
    galaxies = catalog[catalog[PAINTED_KIND] != "star"]
    assert np.corrcoef(galaxies["r"], np.log(galaxies["petro_radius"]))[0, 1] < -0.5


def test_ids_exceed_what_a_float_can_hold_and_are_unique(catalog):
    ids = catalog["galaxy_id"]
    assert ids.dtype == np.int64
    assert ids.is_unique
    assert (ids > 2**53).all()
    assert ids.astype(str).str.len().eq(18).all()
    assert (ids.astype(float).astype(np.int64) != ids).any()


def test_the_catalogue_follows_from_the_seed(recipes, catalog):
    assert catalog_of(recipes[:50], seed=11)["galaxy_id"].equals(catalog["galaxy_id"].head(50))
    assert catalog_of(recipes, seed=11).equals(catalog)
    assert not np.isin(catalog_of(recipes[:50], seed=12)["galaxy_id"], catalog["galaxy_id"]).any()


def test_no_two_galaxies_are_within_five_arcsec(catalog):
    sky = SkyCoord(catalog["ra"].to_numpy(), catalog["dec"].to_numpy(), unit="deg")
    _, separation, _ = sky.match_to_catalog_sky(sky, nthneighbor=2)
    assert (separation > 5 * units.arcsec).all()


def test_fractions_are_counts_over_those_who_were_asked(catalog):
    for name, question in QUESTIONS.items():
        asked = sum(catalog[vote_column(name, answer, "count")] for answer in question.answers)
        if question.asked_after:
            led_here = sum(
                catalog[vote_column(earlier.name, answer, "count")]
                for earlier in QUESTIONS.values()
                for answer in earlier.answers
                if answer in question.asked_after
            )
            assert_array_equal(asked, led_here)
        for answer in question.answers:
            column = {kind: vote_column(name, answer, kind) for kind in VOTE_KINDS if kind != "weight"}
            wanted = catalog[column["count"]] / asked.clip(lower=1)
            assert_allclose(catalog[column["debiased"]], wanted, atol=6e-4)
            assert catalog[column["weighted_fraction"]].equals(catalog[column["debiased"]])
            flagged = catalog[catalog[column["flag"]] == 1]
            assert (flagged[column["debiased"]] >= 0.8).all()


def test_the_published_thresholds_give_mostly_the_painted_kind(catalog):
    labels = labels_by("five_class", catalog).labels
    for kind in ("round", "in_between", "cigar", "edge_on", "spiral"):
        assert (labels[catalog[PAINTED_KIND] == kind] == kind).mean() > 0.85
    assert labels[catalog[PAINTED_KIND] == "star"].isna().mean() > 0.9


def test_classes_are_of_the_kind(catalog):
    read = {text: parse_gz2class(text) for text in catalog["gz2class"].unique()}
    assert all(known is not None and str(known) == text for text, known in read.items())
    kinds = catalog.groupby(PAINTED_KIND)["gz2class"].unique()
    assert {*kinds["round"]} == {"Er"}
    assert {*kinds["in_between"]} == {"Ei"}
    assert {*kinds["cigar"]} == {"Ec"}
    assert {*kinds["star"]} == {"A"}
    assert {text[:2] for text in kinds["edge_on"]} == {"Se"}
    assert all(read[text].arms for text in kinds["spiral"])
    assert any(read[text].bar for text in kinds["spiral"])
    # A disc without arms is called smooth, unless it has a bar.
    assert all(read[text].kind == "smooth" or read[text].bar for text in kinds["disc"])


def test_arms_are_seen_worse_through_more_noise():
    spiral = draw_recipe(np.random.default_rng(4), "spiral")
    seen = []
    for factor in (1, 10, 100):
        sigma = tuple(factor * value for value in spiral.noise.sky_sigma)
        noisy = type(spiral)(**vars(spiral) | {"noise": type(spiral.noise)(sigma)})
        seen.append(probabilities(noisy)["t01_smooth_or_features"][1])
    assert seen == sorted(seen, reverse=True)
    assert seen[0] - seen[2] > 0.2


def test_probabilities_sum_to_one_and_votes_to_the_voters(recipes):
    for recipe in recipes[:50]:
        for name, chance in probabilities(recipe).items():
            assert chance.shape == (len(QUESTIONS[name].answers),)
            assert chance.min() > 0
            assert chance.sum() == pytest.approx(1)
        assert 25 <= draw_votes(recipe)["t01_smooth_or_features"].sum() <= 66


def test_a_longer_survey_begins_as_a_shorter_one(recipes):
    assert draw_recipes(20, seed=11) == recipes[:20]


def test_kinds_can_be_chosen():
    assert {recipe.kind for recipe in draw_recipes(40, 0, {"star": 1, "spiral": 1})} == {"star", "spiral"}
    with pytest.raises(InputError, match="of the kind ring"):
        draw_recipe(np.random.default_rng(0), "ring")
    with pytest.raises(InputError, match="shares"):
        draw_recipes(1, 0, {"star": -1.0})


def test_a_catalogue_of_nothing_has_its_columns(catalog):
    assert list(catalog_of([]).columns) == list(catalog.columns)
