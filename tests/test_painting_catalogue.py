"""The catalogue of painted galaxies: colours of the sky's, columns of Galaxy Zoo 2's, rows that need no other rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError
from gz2interp.painting import PAINTED_KIND, Recipe, catalog_of, draw_recipe, draw_recipes
from gz2interp.painting.catalogue import ROWS_PER_SEED, catalog_rows, ids_of, positions_of
from gz2interp.painting.votes import gz2classes
from gz2interp.schema import QUESTIONS, VOTE_KINDS, vote_column
from trainer.catalog import parse_gz2class

SMOOTH, DISCS = ("round", "in_between", "cigar"), ("edge_on", "spiral", "disc")
MEASURED = {
    SMOOTH: {"u-g": 1.81, "g-r": 0.98, "r-i": 0.45, "i-z": 0.34, "r": 17.5, "petro_radius": 4.3},
    DISCS: {"u-g": 1.49, "g-r": 0.75, "r-i": 0.41, "i-z": 0.29, "r": 16.7, "petro_radius": 7.1},
}
"""Medians of Galaxy Zoo 2's smooth and disc galaxies in Stripe 82, those with a debiased fraction above 0.8."""


@pytest.fixture(scope="module")
def recipes() -> list[Recipe]:
    return draw_recipes(3000, seed=11)


@pytest.fixture(scope="module")
def catalog(recipes: list[Recipe]) -> pd.DataFrame:
    return catalog_of(recipes, seed=11)


@pytest.mark.parametrize("kinds", MEASURED, ids=["smooth", "disc"])
def test_colours_magnitudes_and_sizes_follow_the_sky(catalog: pd.DataFrame, kinds: tuple[str, ...]) -> None:
    painted = catalog[catalog[PAINTED_KIND].isin(kinds)]
    # What its volunteers agree on, as what was measured is.
    answer = "a01_smooth" if kinds == SMOOTH else "a02_features_or_disk"
    painted = painted[painted[vote_column("t01_smooth_or_features", answer)] > 0.8]
    for name, wanted in MEASURED[kinds].items():
        if "-" in name:
            blue, red = name.split("-")
            assert (painted[blue] - painted[red]).median() == pytest.approx(wanted, abs=0.08)
        else:
            assert painted[name].median() == pytest.approx(wanted, rel=0.15 if name == "petro_radius" else 0.015)


def test_brighter_galaxies_are_larger(catalog: pd.DataFrame) -> None:
    galaxies = catalog[catalog[PAINTED_KIND].isin(SMOOTH + DISCS)]
    assert np.corrcoef(galaxies["r"], np.log(galaxies["petro_radius"]))[0, 1] < -0.5


def test_ids_exceed_what_a_float_can_hold_and_are_unique(catalog: pd.DataFrame) -> None:
    ids = catalog["galaxy_id"]
    assert ids.dtype == np.int64
    assert ids.is_unique
    assert (ids > 2**53).all()
    assert ids.astype(str).str.len().eq(18).all()
    assert (ids.astype(float).astype(np.int64) != ids).any()


def test_the_catalogue_follows_from_the_seed(recipes: list[Recipe], catalog: pd.DataFrame) -> None:
    assert catalog_of(recipes[:50], seed=11).equals(catalog.head(50))
    assert not np.isin(catalog_of(recipes[:50], seed=12)["galaxy_id"], catalog["galaxy_id"]).any()


def test_pieces_make_the_whole(recipes: list[Recipe], catalog: pd.DataFrame) -> None:
    ends = [0, 1, 64, 600, 1800, len(recipes)]
    pieces = [catalog_rows(recipes[first:last], first, seed=11) for first, last in pairwise(ends)]
    assert pd.concat(pieces, ignore_index=True).equals(catalog)


@pytest.mark.parametrize("seed", [0, 3, 11])
def test_no_two_galaxies_are_within_five_arcsec(seed: int) -> None:
    rows = np.arange(50_000)
    ra, dec = positions_of(rows, seed)
    assert separations(ra, dec).min() > 5
    # Rows that are far apart in the survey are not closer in the sky either.
    ra, dec = positions_of(rows * 199 + 7, seed)
    assert separations(ra, dec).min() > 5


def test_cells_that_touch_keep_their_distance_everywhere() -> None:
    """As many rows as one strip of the footprint has cells: those that are neighbours are far apart as rows."""
    ra, dec = positions_of(np.arange(2_000_000), seed=5)
    for south, north in ((0.0, 0.3), (59.7, 60.0)):
        strip = (dec >= south) & (dec < north) & (ra < 150)
        assert separations(ra[strip], dec[strip]).min() > 5


def test_galaxies_are_spread_evenly_over_the_footprint() -> None:
    ra, dec = positions_of(np.arange(40_000), seed=2)
    assert ((ra >= 120) & (ra <= 240) & (dec >= 0) & (dec <= 60)).all()
    counts, _, _ = np.histogram2d(ra, np.sin(np.deg2rad(dec)), bins=10)
    assert counts.min() > 400 - 6 * 20
    assert counts.max() < 400 + 6 * 20


def test_a_survey_cannot_have_more_rows_than_ids() -> None:
    assert ids_of(np.array([ROWS_PER_SEED - 1]), 0)[0] < ids_of(np.array([0]), 0)[0] + ROWS_PER_SEED
    for row in (-1, ROWS_PER_SEED):
        with pytest.raises(InputError, match="From 0 up to 9999999"):
            ids_of(np.array([row]), 0)


def test_the_columns_are_counted_from_the_same_votes(catalog: pd.DataFrame) -> None:
    for name, question in QUESTIONS.items():
        of = {kind: catalog[[vote_column(name, answer, kind) for answer in question.answers]] for kind in VOTE_KINDS}
        of = {kind: columns.to_numpy() for kind, columns in of.items()}
        asked = of["count"].sum(axis=1)
        assert_allclose(of["fraction"], of["count"] / asked.clip(min=1)[:, None], atol=6e-4)
        assert (of["weight"] <= of["count"]).all()
        weight = of["weight"].sum(axis=1)
        assert_allclose(of["weighted_fraction"], of["weight"] / weight.clip(min=1e-9)[:, None], atol=3e-3)
        assert_array_equal(of["flag"], of["debiased"] >= 0.8)
        for kind in ("fraction", "debiased"):
            assert_allclose(of[kind][asked > 0].sum(axis=1), 1, atol=4e-3)
            assert (of[kind][of["count"] == 0] == 0).all()


def test_only_those_are_asked_whom_their_last_answer_leads_here(catalog: pd.DataFrame) -> None:
    count = {
        answer: catalog[vote_column(question.name, answer, "count")]
        for question in QUESTIONS.values()
        for answer in question.answers
    }
    for question in QUESTIONS.values():
        asked = sum(count[answer] for answer in question.answers)
        led_here = sum(count[answer] for answer in question.asked_after)
        assert_array_equal(asked, led_here if question.asked_after else catalog["total_classifications"])
    assert_array_equal(sum(count.values()), catalog["total_votes"])


def test_the_class_is_what_the_debiased_votes_spell(catalog: pd.DataFrame) -> None:
    read = [parse_gz2class(text) for text in catalog["gz2class"]]
    assert [str(known) for known in read] == list(catalog["gz2class"])
    share = {
        answer: catalog[vote_column(question.name, answer)].to_numpy()
        for question in QUESTIONS.values()
        for answer in question.answers
    }
    for row, known in enumerate(read):
        assert known is not None
        if known.kind == "artifact":
            assert share["a03_star_or_artifact"][row] >= share["a01_smooth"][row]
            continue
        assert (known.kind == "smooth") == (share["a01_smooth"][row] >= share["a02_features_or_disk"][row])
        assert (known.odd is not None) == (share["a14_yes"][row] > share["a15_no"][row])
        if known.kind == "features":
            assert known.edge_on == (share["a04_yes"][row] > share["a05_no"][row])
        if known.kind == "features" and not known.edge_on:
            assert known.bar == (share["a06_bar"][row] > share["a07_no_bar"][row])
            assert (known.arms is not None) == (share["a08_spiral"][row] > share["a09_no_spiral"][row])


@pytest.mark.realdata
def test_real_debiased_votes_spell_the_real_classes(real_data) -> None:
    """The rule by which painted galaxies get their class gives each of 1,550 real galaxies its own."""
    real = pd.read_csv(real_data / "gz2_main_sample.csv.gz")
    fractions = {
        name: real[[vote_column(name, answer) for answer in question.answers]].to_numpy()
        for name, question in QUESTIONS.items()
    }
    assert gz2classes(fractions) == list(real["gz2_class"])


@pytest.mark.realdata
def test_flags_are_set_as_in_the_real_table(real_data) -> None:
    real = pd.read_csv(real_data / "gz2_main_sample.csv.gz")
    for name, question in QUESTIONS.items():
        for answer in question.answers:
            assert_array_equal(
                real[vote_column(name, answer, "flag")], (real[vote_column(name, answer)] >= 0.8).astype(int)
            )


def test_a_longer_survey_begins_as_a_shorter_one(recipes: list[Recipe]) -> None:
    assert draw_recipes(20, seed=11) == recipes[:20]


def test_kinds_can_be_chosen() -> None:
    assert {recipe.kind for recipe in draw_recipes(40, 0, {"star": 1, "spiral": 1})} == {"star", "spiral"}
    with pytest.raises(InputError, match="of the kind quasar"):
        draw_recipe(np.random.default_rng(0), "quasar")
    with pytest.raises(InputError, match="shares"):
        draw_recipes(1, 0, {"star": -1.0})


def test_a_catalogue_of_nothing_has_its_columns(catalog: pd.DataFrame) -> None:
    empty = catalog_of([])
    assert list(empty.columns) == list(catalog.columns)
    assert empty.dtypes.equals(catalog.dtypes)


def separations(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """From each place to the next nearest [arcsec]."""
    sky = SkyCoord(ra, dec, unit="deg")
    return sky.match_to_catalog_sky(sky, nthneighbor=2)[1].to_value(units.arcsec)
