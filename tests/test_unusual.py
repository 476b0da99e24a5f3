"""Laws of what is unusual: far points come first, the same galaxy from elsewhere scores the same, ranks are all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gz2interp.embedding.unusual.anomaly_model import (
    IMAGE_SCORES,
    SCORES,
    TITLES,
    AnomalyModel,
    combine_scores,
    fit_space,
    normal_scores,
    normal_scores_among,
)
from gz2interp.embedding.unusual.morphology import Morphology
from gz2interp.embedding.unusual.places import cells_of
from gz2interp.embedding.unusual.preference import (
    BOTTOM,
    EARLY,
    EXPLORE,
    TOP,
    PreferenceModel,
    covariance,
    next_to_rate,
    preference_vectors,
)
from gz2interp.embedding.unusual.reasons import (
    deviations_in_words,
    ordinal,
    ranked_scores,
    reason_of,
    strongest_features,
)
from gz2interp.embedding.unusual.scores import ClassDistance, ReferenceSample, disagreement, vote_shares
from gz2interp.errors import InputError
from gz2interp.schema import CLASS_VOTES, vote_column
from gz2interp.workflows.unusual import EXCESSES, PixelMeasurements, reason_details, strongest_measurements
from gz2interp.workflows.unusual_results import fit_statistics, statistics_arrays, statistics_from_arrays

N = 300


def population(seed: int = 0, n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, probabilities and cells of galaxies of two classes."""
    rng = np.random.default_rng(seed)
    group = rng.integers(2, size=n)
    features = rng.normal(size=(n, 6)) @ rng.normal(size=(6, 10)) + 4 * group[:, None]
    share = np.where(group == 1, 0.9, 0.1)
    bright = rng.uniform(1, 3, (n, 1, 1, 1)) * np.exp(-np.hypot(*np.mgrid[-3.5:4, -3.5:4]) / 3)[None, ..., None]
    cells = bright * np.array([0.5, 1.0, 1.5]) + rng.normal(0, 0.02, (n, 8, 8, 3))
    probabilities = np.stack([share, 1 - share], axis=1)
    return features.astype(np.float32), probabilities.astype(np.float32), cells.astype(np.float32)


def judged(features: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    space = fit_space(features)
    vectors = space(features)
    judge = AnomalyModel.fit(space, vectors, probabilities.argmax(axis=1))
    return judge.score_samples(vectors, probabilities, np.arange(len(features)))


@pytest.mark.parametrize("name", list(SCORES))
def test_a_far_galaxy_comes_first(name: str) -> None:
    features, probabilities, _ = population()
    features[17] += 60 * np.random.default_rng(3).normal(size=10)
    assert judged(features, probabilities)[name].argmax() == 17


@pytest.mark.parametrize("name", list(IMAGE_SCORES))
def test_an_image_with_something_odd_at_one_side_comes_first(name: str) -> None:
    _, _, cells = population()
    cells[40, 1, 2:5] += [0.0, 0.6, 0.0]
    cells[40, 2, 2:5] += [0.0, 0.6, 0.0]
    scores = IMAGE_SCORES[name].fit(cells).score_samples(cells)
    assert scores.argmax() == 40


def test_a_galaxy_of_another_class_is_far_from_the_class_it_was_given() -> None:
    features, probabilities, _ = population()
    wrong = int(np.flatnonzero(probabilities[:, 0] > 0.5)[0])
    probabilities[wrong] = probabilities[wrong][::-1]
    assert judged(features, probabilities)["class_distance"].argmax() == wrong


@pytest.mark.parametrize("others", [1, 9])
def test_those_of_a_class_of_a_few_are_compared_with_all(others: int) -> None:
    features, probabilities, _ = population()
    alone = np.zeros((N, 3), np.float32)
    alone[:, :2] = probabilities
    alone[:others] = [0.0, 0.0, 1.0]
    features[:others] += 30 * np.random.default_rng(3).normal(size=10)  # far from all, and near one another
    assert set(np.argsort(-judged(features, alone)["class_distance"])[:others]) == set(range(others))


def test_where_no_class_has_enough_all_are_compared_with_all() -> None:
    features, _, _ = population(n=8)
    ground = ReferenceSample(features, np.arange(8))
    scores = ClassDistance.fit(ground).score_samples(ground.query_all())
    assert np.isfinite(scores).all()
    assert scores.min() > 0


def test_a_copy_from_elsewhere_scores_as_the_galaxy_does_once_it_is_not_its_own_neighbour() -> None:
    features, probabilities, cells = population()
    space = fit_space(features)
    vectors = space(features)
    judge = AnomalyModel.fit(space, vectors, probabilities.argmax(axis=1))
    own = judge.score_samples(vectors, probabilities, np.arange(N))
    copies = judge.score_samples(space(features[:50].copy()), probabilities[:50], np.arange(50))
    for name in SCORES:
        np.testing.assert_allclose(copies[name], own[name][:50], rtol=1e-5)
    # Not said to be in the survey, it finds itself there, at no distance: that can only make it less unusual.
    alone = judge.score_samples(vectors[:50], probabilities[:50])
    assert (alone["neighbour_distance"] <= own["neighbour_distance"][:50] + 1e-5).all()
    np.testing.assert_allclose(alone["forest"], own["forest"][:50], rtol=1e-6)
    statistics = fit_statistics(features, cells)
    one_by_one = [statistics.cell_scores(cells[i : i + 1]) for i in range(5)]
    together = statistics.cell_scores(cells)
    for name in IMAGE_SCORES:
        np.testing.assert_allclose([float(each[name][0]) for each in one_by_one], together[name][:5], rtol=1e-5)


def test_what_is_frozen_judges_as_what_was_fitted() -> None:
    features, _, cells = population()
    statistics = fit_statistics(features, cells)
    again = statistics_from_arrays(statistics_arrays(statistics))
    np.testing.assert_array_equal(again.space(features), statistics.space(features))
    for name, values in statistics.cell_scores(cells).items():
        np.testing.assert_array_equal(again.cell_scores(cells)[name], values)
    assert statistics_from_arrays(statistics_arrays(fit_statistics(features, None))).cell_scores(None) == {}


def test_one_seed_one_result() -> None:
    features, probabilities, _ = population()
    one, two = judged(features, probabilities), judged(features, probabilities)
    for name in SCORES:
        np.testing.assert_array_equal(one[name], two[name])


def test_the_combination_knows_ranks_alone() -> None:
    rng = np.random.default_rng(1)
    values = {name: rng.normal(size=80) for name in "abc"}
    bent = {"a": np.exp(values["a"]), "b": values["b"] ** 3, "c": 7 * values["c"] - 5}
    straight = combine_scores({name: normal_scores(each) for name, each in values.items()}, ["a", "b"])
    np.testing.assert_allclose(combine_scores({n: normal_scores(v) for n, v in bent.items()}, ["a", "b"]), straight)


def test_a_galaxy_is_about_as_unusual_as_its_most_unusual_side_and_a_second_one_adds() -> None:
    one, two, none = (combine_scores({"a": np.array([a]), "b": np.array([b])})[0] for a, b in ((3, 0), (3, 3), (0, 0)))
    assert none == pytest.approx(0)
    assert 2.5 < one < two == pytest.approx(3)
    assert combine_scores({"a": np.array([1.7, 1.7]), "b": np.array([1.7, 0.2])})[0] > 1.69


def test_what_is_not_known_counts_neither_for_nor_against() -> None:
    values = {"a": np.array([3.0, 1.0, 2.0]), "b": np.array([np.nan, 1.0, 2.0])}
    normal = {name: normal_scores(each) for name, each in values.items()}
    assert np.isnan(normal["b"][0])
    assert combine_scores(normal)[0] == pytest.approx(normal["a"][0])
    assert np.isnan(combine_scores({"b": normal["b"]})[0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=20))
def test_a_value_that_the_survey_has_gets_its_place(values: list[int]) -> None:
    known = np.array(values, float)
    np.testing.assert_allclose(normal_scores_among(known, known), normal_scores(known), atol=1e-12)
    beyond = normal_scores_among(np.array([99.0, -99.0]), known)
    assert beyond[0] >= normal_scores(known).max()
    assert beyond[1] <= normal_scores(known).min()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 25))
def test_a_twin_of_a_top_galaxy_is_never_below_a_twin_of_a_bottom_one(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = preference_vectors(rng.normal(size=(count, 5)).astype(np.float32), rng.normal(size=(count, 3)))
    scores, ratings = rng.normal(size=count), rng.integers(2, size=count).astype(float)
    learnt = PreferenceModel.fit(vectors, scores, ratings).score_samples(vectors.copy(), scores)
    tops, bottoms = learnt[ratings == 1], learnt[ratings == 0]
    if len(tops) and len(bottoms):
        assert tops.min() > bottoms.max()


def test_where_nothing_was_rated_the_score_stays() -> None:
    rng = np.random.default_rng(0)
    vectors = np.zeros((20, 6), np.float32)
    vectors[:10, :3], vectors[10:, 3:] = rng.normal(size=(2, 10, 3))  # unusual in ways that have nothing in common
    vectors[19] = 0
    scores = rng.normal(size=20)
    none = PreferenceModel.fit(vectors[:0], scores[:0], np.empty(0)).score_samples(vectors, scores)
    np.testing.assert_array_equal(none, scores)
    for ratings in (np.zeros(10), np.ones(10), rng.integers(2, size=10)):
        learnt = PreferenceModel.fit(vectors[:10], scores[:10], ratings).score_samples(vectors, scores)
        np.testing.assert_allclose(learnt[10:], scores[10:], atol=1e-12)
        assert np.abs(learnt[:10] - scores[:10]).min() > 0.01


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 25))
def test_what_was_rated_gets_its_rating(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = preference_vectors(rng.normal(size=(count, 5)).astype(np.float32), rng.normal(size=(count, 3)))
    scores, ratings = rng.normal(size=count), rng.uniform(size=count)
    learnt = PreferenceModel.fit(vectors, scores, ratings).score_samples(vectors.copy(), scores)
    np.testing.assert_allclose(learnt, BOTTOM + (TOP - BOTTOM) * ratings, atol=1e-3)
    between = covariance(vectors, vectors)
    np.testing.assert_allclose(between, between.T)
    assert np.linalg.eigvalsh(between).min() > 0


def kinds_of(rng: np.random.Generator, each: int = 40, numbers: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of four kinds that are unusual each in its own number, and of as many that are in none; scores of 3."""
    numbers_off = rng.normal(size=(5 * each, numbers))
    for kind in range(4):
        numbers_off[kind * each : (kind + 1) * each, kind] += 12
    normal = np.full((5 * each, 4), 2.0) + rng.normal(0, 0.3, (5 * each, 4))
    return preference_vectors(numbers_off.astype(np.float32), normal), np.full(5 * each, 3.0)


def test_two_liked_kinds_rise_and_what_nobody_rated_stays_between_them_and_the_disliked() -> None:
    vectors, scores = kinds_of(np.random.default_rng(0))
    rated = np.array([0, 1, 40, 41, 80, 81])
    learnt = PreferenceModel.fit(vectors[rated], scores[rated], np.array([1.0, 1, 1, 1, 0, 0])).score_samples(
        vectors, scores
    )
    liked, other, disliked, unknown = learnt[2:40], learnt[42:80], learnt[82:120], learnt[120:160]
    assert min(liked.min(), other.min()) > 4
    assert disliked.max() < 2
    np.testing.assert_allclose(unknown, 3, atol=0.3)


def test_a_low_rating_pulls_down_what_is_shown_as_far_as_a_high_one_lifts_it() -> None:
    vectors, scores = kinds_of(np.random.default_rng(1))
    up, down = (
        PreferenceModel.fit(vectors[:1], scores[:1], np.array([rating])).score_samples(vectors, scores)
        for rating in (1.0, 0.0)
    )
    np.testing.assert_allclose(up - 3, 3 - down, atol=1e-6)


def test_the_length_says_how_unusual_and_the_direction_in_which_way() -> None:
    rng = np.random.default_rng(2)
    looks, normal = rng.normal(size=(9, 6)).astype(np.float32), rng.normal(size=(9, 4))
    vectors, farther = preference_vectors(looks, normal), preference_vectors(7 * looks, 3 * normal)
    lengths, longer = np.linalg.norm(vectors, axis=1), np.linalg.norm(farther, axis=1)
    assert ((lengths < longer) & (longer < 2)).all()
    np.testing.assert_allclose(vectors / lengths[:, None], farther / longer[:, None], atol=1e-6)
    measured = preference_vectors(looks, normal, rng.normal(size=(9, 5)).astype(np.float32))
    assert measured.shape == (9, 9)
    normal[3] = np.nan  # nothing is known of it
    assert np.linalg.norm(preference_vectors(looks, normal)[3]) == 0


@pytest.mark.parametrize("seed", range(4))
def test_kinds_are_met_one_after_another_and_before_the_solitary(seed: int) -> None:
    vectors, scores = kinds_of(np.random.default_rng(seed), each=10)
    scores[40:] += 0.1  # those that are unusual each in its own way
    rated: list[int] = [45]
    for _ in range(4):
        position = next_to_rate(scores, vectors, np.array(rated))
        assert position is not None
        rated.append(position)
    assert {position // 10 for position in rated[1:]} == set(range(4))


def test_later_the_first_is_asked_for_and_every_fifth_time_what_tells_most() -> None:
    vectors, scores = kinds_of(np.random.default_rng(4))
    scores = scores - np.arange(200) / 1000
    assert next_to_rate(scores, vectors, np.empty(0, np.int64)) == 0
    later = [next_to_rate(scores, vectors, np.arange(count)) for count in range(EARLY, EARLY + EXPLORE - 1)]
    assert later == list(range(EARLY, EARLY + EXPLORE - 1))
    known = np.arange(EARLY + EXPLORE - 1)
    assert next_to_rate(scores, vectors, known) not in (EARLY + EXPLORE - 1, None)
    assert next_to_rate(scores, vectors, np.arange(200)) is None


def test_votes_that_are_not_there_are_not_known() -> None:
    names = ("E", "S")
    columns = [vote_column(*CLASS_VOTES[name][0]) for name in names]
    catalog = pd.DataFrame([[0.9, 0.1], [0.1, 0.9], [np.nan, np.nan], [0.0, 0.0]], columns=columns)
    shares = vote_shares(catalog, names)
    said = np.array([[0.9, 0.1]] * 4)
    found = disagreement(shares, said)
    assert found[0] == pytest.approx(0)
    assert found[1] > 1
    assert np.isnan(found[2:]).all()
    assert np.isnan(vote_shares(catalog, ("E", "a class of my own"))).all()
    assert np.isnan(vote_shares(catalog[[columns[0]]], names)).all()


def test_a_question_that_nobody_reached_is_not_missed() -> None:
    names = ("round", "edge_on")
    steps = {step for name in names for step in CLASS_VOTES[name]}
    row = {vote_column(*step): np.nan for step in steps}
    row |= {vote_column(*CLASS_VOTES["E"][0]): 0.0, vote_column(*CLASS_VOTES["S"][0]): 1.0}
    row[vote_column("t02_edgeon", "a04_yes")] = 0.8
    np.testing.assert_allclose(vote_shares(pd.DataFrame([row]), names), [[0.0, 1.0]])


@pytest.mark.parametrize(("height", "width"), [(64, 64), (8, 8), (9, 5), (30, 17)])
def test_cells_keep_the_mean(height: int, width: int) -> None:
    values = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype(np.float32)
    cells = cells_of(values)
    assert cells.shape == (2, min(height, 8), min(width, 8), 3)
    if height % 8 == width % 8 == 0:
        np.testing.assert_allclose(cells.mean(axis=(1, 2)), values.mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(cells_of(np.ones_like(values)), 1)


def test_a_space_says_what_it_was_not_made_for() -> None:
    features, _, _ = population()
    space = fit_space(features)
    np.testing.assert_allclose(space(features).std(axis=0), 1, rtol=0.01)
    with pytest.raises(InputError, match="shape"):
        space(features[:, :3])
    features[0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        space(features)


def test_channels_that_never_vary_do_no_harm() -> None:
    features, probabilities, cells = population()
    features[:, 2] = 5
    cells[..., 1] = 0
    assert all(np.isfinite(judged(features, probabilities)[name]).all() for name in SCORES)
    assert all(np.isfinite(values).all() for values in fit_statistics(features, cells).cell_scores(cells).values())


def test_the_reason_names_the_score_and_the_features() -> None:
    detail = deviations_in_words([("mean of channel 3 of layer block1", -4.2), ("its size", 0.3)])
    normal = {"forest": 1.0, "places": 2.5, "votes": np.nan}
    words = reason_of(normal, {"places": detail}, {"places": 1000})
    assert words.startswith("Part of the image looks unlike equally bright parts of other images: 7th highest of 1,000")
    assert words.endswith("mean of channel 3 of layer block1, 4.2 standard deviations below the expected")
    assert reason_of({"votes": np.nan}) == "This galaxy has no anomaly score"
    assert reason_of({"places": 0.5}, ordinary=True).startswith("Not unusual")
    assert strongest_features(np.array([[0.1, -5.0, 2.0]])).tolist() == [[1, 2]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(30, 300))
def test_reasons_agree_with_the_rank(seed: int, count: int) -> None:
    """The first reason is a score in which the galaxy stands at least as high as in the ranking of all together."""
    rng = np.random.default_rng(seed)
    values = {name: rng.standard_t(2, count) for name in TITLES}
    values["votes"][rng.uniform(size=count) < 0.5] = np.nan
    normal = {name: normal_scores(each) for name, each in values.items()}
    together = combine_scores(normal, SCORES)
    for galaxy in np.argsort(-together):
        mine = {name: float(each[galaxy]) for name, each in normal.items()}
        order = ranked_scores(mine)
        assert mine[order[0]] >= together[galaxy] - 1e-9
        assert len(set(order) & set(SCORES)) == 1  # they count as one
        assert "votes" in order or np.isnan(mine["votes"])
        words = reason_of(mine, {}, {name: int(np.isfinite(each).sum()) for name, each in values.items()})
        title = TITLES[order[0]]
        assert words.startswith(title[0].upper() + title[1:])
        place = int((values[order[0]] > values[order[0]][galaxy]).sum()) + 1
        known = int(np.isfinite(values[order[0]]).sum())
        assert f"{'highest' if place == 1 else f'{ordinal(place)} highest'} of {known} galaxies" in words


def test_a_family_that_is_far_off_names_a_number_that_deviates() -> None:
    rng = np.random.default_rng(3)
    names = PixelMeasurements(("u", "g", "r", "i", "z"), (64, 64)).names
    mixed = rng.normal(size=(2000, len(names))) @ (np.eye(len(names)) + 0.2 * rng.normal(size=(len(names),) * 2))
    numbers = np.concatenate([mixed, np.ones((2000, 1))], axis=1).astype(np.float32)
    numbers[:5, 6] += 12
    usual = Morphology.fit(numbers[:, :-1], names)
    scores = usual.score_samples(numbers[:, :-1])
    assert set(np.argsort(-scores["morphology"])[:5]) == set(range(5))
    for told in strongest_measurements(usual, ("u", "g", "r", "i", "z"), numbers[:5]):
        assert "standard deviations" in deviations_in_words(told["morphology"])
    for told in strongest_measurements(usual, ("u", "g", "r", "i", "z"), numbers[5:300]):
        for family in EXCESSES:  # what is less than expected does not show that something is there
            assert all(value > 0 for _, value in told[family])
            assert "below" not in deviations_in_words(told[family])
        assert all(reason_details([], {}, (8, 8), told, "")[family] for family in scores)
