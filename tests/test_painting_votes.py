"""Volunteers say what they can see: less of what is fainter, washed out or lost in noise; and as real ones say it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from gz2interp.painting import (
    PAINTED_KIND,
    Alteration,
    ComponentPart,
    Noise,
    Recipe,
    altered,
    catalog_of,
    draw_recipe,
    draw_recipes,
)
from gz2interp.painting.votes import cast_votes, debiased, draw_votes, probabilities, visibility
from gz2interp.schema import QUESTIONS, vote_column
from trainer.catalog import labels_by

SPIRALS = [draw_recipe(np.random.default_rng([4, row]), "spiral") for row in range(60)]
SEEN_IN = {
    "arms": "spiral",
    "bar": "spiral",
    "outer_ring": "ring",
    "dust": "dust_lane",
    "companion": "merger",
    "tail": "disturbed",
    "arc": "lens",
    "clumps": "irregular",
}
HARDER = {
    "fainter": lambda recipe: altered(recipe, Alteration(dimmed=1.0)),
    "farther": lambda recipe: altered(recipe, Alteration(redshift=1.6 * recipe.redshift)),
    "in worse seeing": lambda recipe: altered(recipe, Alteration(blurred=1.7)),
    "in more noise": lambda recipe: noisier(recipe, 3.0),
}


def noisier(recipe: Recipe, factor: float) -> Recipe:
    return replace(recipe, noise=Noise(tuple(factor * sigma for sigma in recipe.noise.sky_sigma)))


def asked_and_said(recipes: list[Recipe], *answers: str) -> float:
    """Share of all volunteers who give these answers one after the other, over all galaxies."""
    chance = cast_votes(recipes).chances
    share = {answer: chance[name][:, index] for name, q in QUESTIONS.items() for index, answer in enumerate(q.answers)}
    return float(np.prod([share[answer] for answer in answers], axis=0).mean())


@pytest.mark.parametrize("harder", HARDER)
@pytest.mark.parametrize("component", SEEN_IN)
def test_a_component_is_seen_worse(component: str, harder: str) -> None:
    recipes = [draw_recipe(np.random.default_rng([8, row]), SEEN_IN[component]) for row in range(60)]
    with_it = [recipe for recipe in recipes if recipe.part(component)]
    before = np.array([visibility(recipe, component) for recipe in with_it])
    after = np.array([visibility(HARDER[harder](recipe), component) for recipe in with_it])
    assert with_it
    assert (after <= before + 1e-12).all()
    assert after.mean() < before.mean()
    assert (before >= 0).all()
    assert (before <= 1).all()


@pytest.mark.parametrize("harder", HARDER)
def test_fewer_say_so_of_what_is_seen_worse(harder: str) -> None:
    votes = {
        "features": [("a02_features_or_disk",)],
        "arms": [("a02_features_or_disk", "a05_no", "a08_spiral")],
        "a bar": [("a02_features_or_disk", "a05_no", "a06_bar")],
    }
    barred = [recipe for recipe in SPIRALS if recipe.part("bar")]
    for what, (answers,) in votes.items():
        some = barred if what == "a bar" else SPIRALS
        before = asked_and_said(some, *answers)
        after = asked_and_said([HARDER[harder](recipe) for recipe in some], *answers)
        assert after < before - 0.01, what


def test_arms_are_lost_step_by_step_in_noise() -> None:
    seen = []
    for factor in (1, 3, 10, 100):
        chances = cast_votes([noisier(recipe, factor) for recipe in SPIRALS]).chances
        seen.append(chances["t01_smooth_or_features"][:, 1].mean())
    assert seen == sorted(seen, reverse=True)
    assert seen[0] - seen[-1] > 0.2


@pytest.mark.parametrize(
    ("component", "kind", "answer", "index"),
    [
        ("arms", "spiral", "t04_spiral", 0),
        ("bar", "spiral", "t03_bar", 0),
        ("outer_ring", "ring", "t08_odd_feature", 0),
        ("arc", "lens", "t08_odd_feature", 1),
        ("tail", "disturbed", "t06_odd", 0),
        ("companion", "merger", "t08_odd_feature", 5),
        ("dust", "dust_lane", "t08_odd_feature", 6),
        ("bulge", "dust_lane", "t09_bulge_shape", 0),
    ],
)
def test_without_a_component_fewer_say_that_it_is_there(component: str, kind: str, answer: str, index: int) -> None:
    recipes = [draw_recipe(np.random.default_rng([5, row]), kind) for row in range(60)]
    with_it = [recipe for recipe in recipes if recipe.part(component)]
    without = [altered(recipe, Alteration(without=(component,))) for recipe in with_it]
    before, after = (cast_votes(some).chances[answer][:, index].mean() for some in (with_it, without))
    assert after < before - 0.05


def test_a_boxy_bulge_is_called_boxy() -> None:
    edge_on = next(recipe for recipe in draw_recipes(50, 0, {"edge_on": 1}) if recipe.part("bulge"))
    bulge = edge_on.part("bulge")
    share = []
    for boxiness in (2.0, 2.4, 2.8, 3.2):
        boxy = ComponentPart("bulge", bulge.flux, dict(bulge.shape) | {"boxiness": boxiness})
        shaped = altered(edge_on, Alteration(without=("bulge",), with_parts=(boxy,)))
        share.append(probabilities(shaped)["t09_bulge_shape"][1])
    assert share == sorted(share)
    assert share[-1] > share[0] + 0.1


def test_more_arms_of_a_wider_pitch_are_counted_and_called_so() -> None:
    spiral = next(r for r in SPIRALS if visibility(r, "arms") > 0.7)
    arms = spiral.part("arms")

    def chances(**changed: float) -> dict[str, np.ndarray]:
        other = ComponentPart("arms", arms.flux, dict(arms.shape) | changed)
        return probabilities(altered(spiral, Alteration(without=("arms",), with_parts=(other,))))

    for number in (1, 2, 3, 4):
        counted = chances(number=number, pitch=20.0)["t11_arms_number"]
        assert counted[number - 1] > chances(number=number % 4 + 1, pitch=20.0)["t11_arms_number"][number - 1]
    tight, loose = (chances(number=2, pitch=pitch)["t10_arms_winding"] for pitch in (9.0, 32.0))
    assert tight[0] > loose[0]
    assert tight[2] < loose[2]


def test_a_star_before_a_galaxy_is_odd_and_no_artefact() -> None:
    plain = [replace(recipe, parts=recipe.subject) for recipe in draw_recipes(40, 3, {"round": 1})]

    def starred(brightness: float) -> list[Recipe]:
        return [
            replace(
                r, parts=(*r.parts, ComponentPart("star", tuple(brightness * r.subject_flux), {"x": 3.0, "y": 1.0}))
            )
            for r in plain
        ]

    before, after, drowned = (cast_votes(some).chances for some in (plain, starred(0.3), starred(1000.0)))
    assert after["t06_odd"][:, 0].mean() > before["t06_odd"][:, 0].mean() + 0.1
    assert after["t08_odd_feature"][:, 4].mean() > before["t08_odd_feature"][:, 4].mean()
    assert after["t01_smooth_or_features"][:, 2].max() < 0.25
    assert drowned["t01_smooth_or_features"][:, 2].mean() > 0.5
    stars = cast_votes(draw_recipes(40, 3, {"star": 1})).chances
    assert stars["t01_smooth_or_features"][:, 2].mean() > 0.5


def test_the_same_recipe_has_the_same_voters() -> None:
    together = cast_votes(SPIRALS[:9])
    for row, recipe in enumerate(SPIRALS[:9]):
        for name, count in draw_votes(Recipe.from_json(recipe.to_json())).items():
            assert_array_equal(count, together.counts[name][row])


def test_a_recipe_by_hand_is_voted_on() -> None:
    """Neither its radius nor its redshift is known."""
    shape = {"radius": 2.0, "index": 4.0, "axis_ratio": 1.0, "angle": 0.0}
    recipe = Recipe("mine", 1, (ComponentPart("bulge", (50.0,) * 5, shape),), redshift=float("nan"))
    chance = probabilities(recipe)
    assert chance["t01_smooth_or_features"].argmax() == 0
    assert chance["t07_rounded"].argmax() == 0


def test_probabilities_sum_to_one_and_votes_to_the_voters() -> None:
    recipes = draw_recipes(300, seed=2)
    votes = cast_votes(recipes)
    for name, chance in votes.chances.items():
        assert chance.shape == (300, len(QUESTIONS[name].answers))
        assert chance.min() > 0
        np.testing.assert_allclose(chance.sum(axis=1), 1)
    voters = votes.counts["t01_smooth_or_features"].sum(axis=1)
    assert voters.min() >= 22
    assert voters.max() <= 66
    assert voters.mean() == pytest.approx(41.9, abs=1.2)
    assert voters.std() == pytest.approx(6.3, abs=1)


def test_votes_scatter_about_their_chances() -> None:
    """Counts of the first question: no bias, and the variance of independent volunteers."""
    votes = cast_votes(draw_recipes(3000, seed=2))
    name = "t01_smooth_or_features"
    asked = votes.counts[name].sum(axis=1, keepdims=True)
    chance = votes.chances[name]
    off = (votes.counts[name] / asked - chance) / np.sqrt(chance * (1 - chance) / asked)
    assert np.abs((votes.counts[name] / asked - chance).mean(axis=0)).max() < 0.015
    assert off[:, :2].std(axis=0) == pytest.approx([1, 1], abs=0.1)


def test_debiased_votes_are_those_of_a_nearer_galaxy() -> None:
    far = [altered(recipe, Alteration(redshift=0.14)) for recipe in SPIRALS]
    votes = cast_votes(far)
    name = "t01_smooth_or_features"
    plain = votes.weights[name] / votes.weights[name].sum(axis=1, keepdims=True)
    shifted = debiased(votes)[name]
    assert shifted[:, 1].mean() > plain[:, 1].mean() + 0.2
    # They are what is voted when it is there.
    there = cast_votes([altered(recipe, Alteration(redshift=0.03)) for recipe in far]).chances[name]
    assert shifted[:, 1].mean() == pytest.approx(there[:, 1].mean(), abs=0.08)
    near = cast_votes([altered(recipe, Alteration(redshift=0.02)) for recipe in SPIRALS])
    np.testing.assert_allclose(near.nearby[name], near.chances[name])


# -- beside the real votes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def painted() -> pd.DataFrame:
    return labelled(catalog_of(draw_recipes(5000, seed=6)))


@pytest.fixture(scope="module")
def stripe_82(real_data) -> pd.DataFrame:
    return labelled(pd.read_csv(real_data / "gz2_stripe82.csv.gz").drop_duplicates("dr7objid"))


def labelled(catalog: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([catalog, labels_by("five_class", catalog).labels.fillna("none").rename("label")], axis=1)


def test_kinds_get_their_class_mostly_and_not_always(painted: pd.DataFrame) -> None:
    """Thresholds on votes do not find what was painted every time: real volunteers disagree."""
    for kind, least in {"round": 0.8, "in_between": 0.8, "cigar": 0.65, "edge_on": 0.75, "spiral": 0.6}.items():
        assert least < (painted["label"][painted[PAINTED_KIND] == kind] == kind).mean() < 0.97


@pytest.mark.realdata
def test_classes_are_as_frequent_as_in_the_sky(painted: pd.DataFrame, stripe_82: pd.DataFrame) -> None:
    """Each of the five within 6 % of all galaxies, the plurality of the first question too."""
    ours, theirs = (table["label"].value_counts(normalize=True) for table in (painted, stripe_82))
    for label in ("round", "in_between", "cigar", "edge_on", "spiral"):
        assert ours[label] == pytest.approx(theirs[label], abs=0.06), label
    assert ours["none"] > 0.1
    first = [vote_column("t01_smooth_or_features", answer) for answer in QUESTIONS["t01_smooth_or_features"].answers]
    ours, theirs = (table[first].to_numpy().argmax(axis=1) for table in (painted, stripe_82))
    for answer, tolerance in enumerate((0.06, 0.06, 0.01)):
        assert (ours == answer).mean() == pytest.approx((theirs == answer).mean(), abs=tolerance)


@pytest.mark.realdata
def test_what_is_found_in_discs_is_as_frequent_as_in_the_sky(painted: pd.DataFrame, stripe_82: pd.DataFrame) -> None:
    """Among those with a visible disc: bars, bulges, arms within the stated shares; odd ones among all."""

    def share(table: pd.DataFrame, question: str, answer: str, of: pd.Series) -> float:
        columns = [vote_column(question, name) for name in QUESTIONS[question].answers]
        winner = table.loc[of, columns].to_numpy().argmax(axis=1)
        return float((winner == QUESTIONS[question].answers.index(answer)).mean())

    spirals = [table["label"] == "spiral" for table in (painted, stripe_82)]
    edges = [table["label"] == "edge_on" for table in (painted, stripe_82)]
    everything = [table["label"].notna() for table in (painted, stripe_82)]
    for question, answer, which, tolerance in (
        ("t03_bar", "a06_bar", spirals, 0.08),
        ("t05_bulge_prominence", "a11_just_noticeable", spirals, 0.12),
        ("t05_bulge_prominence", "a12_obvious", spirals, 0.12),
        ("t10_arms_winding", "a28_tight", spirals, 0.10),
        ("t11_arms_number", "a32_2", spirals, 0.12),
        ("t11_arms_number", "a37_cant_tell", spirals, 0.10),
        ("t09_bulge_shape", "a25_rounded", edges, 0.15),
        ("t06_odd", "a14_yes", everything, 0.04),
    ):
        ours, theirs = (
            share(table, question, answer, of) for table, of in zip((painted, stripe_82), which, strict=True)
        )
        assert ours == pytest.approx(theirs, abs=tolerance), (question, answer)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("label", "question", "answer", "tolerance"),
    [
        ("round", "t01_smooth_or_features", "a01_smooth", 0.08),
        ("in_between", "t01_smooth_or_features", "a01_smooth", 0.08),
        ("cigar", "t01_smooth_or_features", "a01_smooth", 0.08),
        ("spiral", "t01_smooth_or_features", "a02_features_or_disk", 0.10),
        ("edge_on", "t02_edgeon", "a04_yes", 0.10),
        ("spiral", "t04_spiral", "a08_spiral", 0.10),
        ("spiral", "t03_bar", "a06_bar", 0.15),
        ("round", "t07_rounded", "a16_completely_round", 0.08),
        ("in_between", "t07_rounded", "a17_in_between", 0.08),
        ("cigar", "t07_rounded", "a18_cigar_shaped", 0.08),
        ("round", "t06_odd", "a14_yes", 0.08),
        ("spiral", "t06_odd", "a14_yes", 0.15),
    ],
)
def test_votes_are_spread_as_real_ones(
    painted: pd.DataFrame, stripe_82: pd.DataFrame, label: str, question: str, answer: str, tolerance: float
) -> None:
    """Quartiles of the debiased fractions within a class."""
    column = vote_column(question, answer)
    quartiles = [0.25, 0.5, 0.75]
    ours, theirs = (table.loc[table["label"] == label, column].quantile(quartiles) for table in (painted, stripe_82))
    np.testing.assert_allclose(ours, theirs, atol=tolerance)


@pytest.mark.realdata
def test_weighting_changes_as_little_as_in_the_real_table(painted: pd.DataFrame, real_data) -> None:
    real = pd.read_csv(real_data / "gz2_main_sample.csv.gz")
    for answer in ("a01_smooth", "a03_star_or_artifact"):
        ours, theirs = (
            (
                table[vote_column("t01_smooth_or_features", answer, "weighted_fraction")]
                - table[vote_column("t01_smooth_or_features", answer, "fraction")]
            )
            for table in (painted, real)
        )
        assert ours.mean() == pytest.approx(theirs.mean(), abs=0.006)
        assert ours.std() == pytest.approx(theirs.std(), rel=0.5)
