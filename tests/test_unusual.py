"""Laws of what is unusual: far points come first, the same galaxy from elsewhere scores the same, ranks are all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gz2interp.embedding.unusual.asking import EARLY, EXPLORE, EXPLORE_LATER, next_to_rate
from gz2interp.embedding.unusual.combining import combined, normal_scores, placed_among
from gz2interp.embedding.unusual.ground import Ground
from gz2interp.embedding.unusual.judge import IMAGE_SCORES, SCORES, Judge
from gz2interp.embedding.unusual.learning import learn, taste_vectors
from gz2interp.embedding.unusual.own_class import ClassDistance
from gz2interp.embedding.unusual.places import cells_of
from gz2interp.embedding.unusual.reasons import reason_of, strongest_features
from gz2interp.embedding.unusual.space import fit_space
from gz2interp.embedding.unusual.votes import disagreement, vote_shares
from gz2interp.errors import InputError
from gz2interp.schema import CLASS_VOTES, vote_column
from gz2interp.workflows.unusual.usual import frozen_arrays, read_usual, usual_of

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
    judge = Judge.fit(space, vectors, probabilities.argmax(axis=1))
    return judge(vectors, probabilities, np.arange(len(features)))


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
    scores = IMAGE_SCORES[name].fit(cells)(cells)
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
    ground = Ground(features, np.arange(8))
    scores = ClassDistance.fit(ground)(ground.all())
    assert np.isfinite(scores).all()
    assert scores.min() > 0


def test_a_copy_from_elsewhere_scores_as_the_galaxy_does_once_it_is_not_its_own_neighbour() -> None:
    features, probabilities, cells = population()
    space = fit_space(features)
    vectors = space(features)
    judge = Judge.fit(space, vectors, probabilities.argmax(axis=1))
    own = judge(vectors, probabilities, np.arange(N))
    copies = judge(space(features[:50].copy()), probabilities[:50], np.arange(50))
    for name in SCORES:
        np.testing.assert_allclose(copies[name], own[name][:50], rtol=1e-5)
    # Not said to be in the survey, it finds itself there, at no distance: that can only make it less unusual.
    alone = judge(vectors[:50], probabilities[:50])
    assert (alone["neighbour_distance"] <= own["neighbour_distance"][:50] + 1e-5).all()
    np.testing.assert_allclose(alone["forest"], own["forest"][:50], rtol=1e-6)
    usual = usual_of(features, cells)
    one_by_one = [usual.judged(cells[i : i + 1]) for i in range(5)]
    together = usual.judged(cells)
    for name in IMAGE_SCORES:
        np.testing.assert_allclose([float(each[name][0]) for each in one_by_one], together[name][:5], rtol=1e-5)


def test_what_is_frozen_judges_as_what_was_fitted() -> None:
    features, _, cells = population()
    usual = usual_of(features, cells)
    again = read_usual(frozen_arrays(usual))
    np.testing.assert_array_equal(again.space(features), usual.space(features))
    for name, values in usual.judged(cells).items():
        np.testing.assert_array_equal(again.judged(cells)[name], values)
    assert read_usual(frozen_arrays(usual_of(features, None))).judged(None) == {}


def test_one_seed_one_result() -> None:
    features, probabilities, _ = population()
    one, two = judged(features, probabilities), judged(features, probabilities)
    for name in SCORES:
        np.testing.assert_array_equal(one[name], two[name])


def test_the_combination_knows_ranks_alone() -> None:
    rng = np.random.default_rng(1)
    values = {name: rng.normal(size=80) for name in "abc"}
    bent = {"a": np.exp(values["a"]), "b": values["b"] ** 3, "c": 7 * values["c"] - 5}
    straight = combined({name: normal_scores(each) for name, each in values.items()}, ["a", "b"])
    np.testing.assert_allclose(combined({n: normal_scores(v) for n, v in bent.items()}, ["a", "b"]), straight)


def test_a_galaxy_is_about_as_unusual_as_its_most_unusual_side_and_a_second_one_adds() -> None:
    one, two, none = (combined({"a": np.array([a]), "b": np.array([b])})[0] for a, b in ((3, 0), (3, 3), (0, 0)))
    assert none == pytest.approx(0)
    assert 2.5 < one < two == pytest.approx(3)
    assert combined({"a": np.array([1.7, 1.7]), "b": np.array([1.7, 0.2])})[0] > 1.69


def test_what_is_not_known_counts_neither_for_nor_against() -> None:
    values = {"a": np.array([3.0, 1.0, 2.0]), "b": np.array([np.nan, 1.0, 2.0])}
    normal = {name: normal_scores(each) for name, each in values.items()}
    assert np.isnan(normal["b"][0])
    assert combined(normal)[0] == pytest.approx(normal["a"][0])
    assert np.isnan(combined({"b": normal["b"]})[0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=20))
def test_a_value_that_the_survey_has_gets_its_place(values: list[int]) -> None:
    known = np.array(values, float)
    np.testing.assert_allclose(placed_among(known, known), normal_scores(known), atol=1e-12)
    beyond = placed_among(np.array([99.0, -99.0]), known)
    assert beyond[0] >= normal_scores(known).max()
    assert beyond[1] <= normal_scores(known).min()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 25))
def test_a_twin_of_a_top_galaxy_is_never_below_a_twin_of_a_bottom_one(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = taste_vectors(rng.normal(size=(count, 5)).astype(np.float32), rng.normal(size=(count, 3)))
    scores, ratings = rng.normal(size=count), rng.integers(2, size=count).astype(float)
    learnt = learn(vectors, scores, ratings)(vectors.copy(), scores)
    tops, bottoms = learnt[ratings == 1], learnt[ratings == 0]
    if len(tops) and len(bottoms):
        assert tops.min() > bottoms.max()


def test_where_nothing_was_rated_the_score_stays() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 4)).astype(np.float32)
    vectors[10:] *= 0
    vectors[10:, 3] = 30  # far from all
    scores = rng.normal(size=20)
    none = learn(vectors[:0], scores[:0], np.empty(0))(vectors, scores)
    np.testing.assert_array_equal(none, scores)
    far = np.zeros((1, 4), np.float32)
    learnt = learn(vectors[:10], scores[:10], np.ones(10))(far, np.array([0.3]))
    assert np.isfinite(learnt).all()


def test_some_questions_are_about_something_new() -> None:
    vectors = np.zeros((100, 2), np.float32)
    vectors[30], vectors[80] = 9, (0, 9)
    scores = -np.arange(100.0)
    assert next_to_rate(scores, vectors, np.empty(0, np.int64)) == 0
    assert next_to_rate(scores, vectors, np.arange(EXPLORE)) == EXPLORE
    assert next_to_rate(scores, vectors, np.arange(EXPLORE - 1)) == 30
    seldom = EARLY + EXPLORE_LATER - 1
    assert next_to_rate(scores, vectors, np.arange(seldom)) == 80
    assert [next_to_rate(scores, vectors, np.arange(n)) for n in range(EARLY, seldom)] == list(range(EARLY, seldom))
    assert next_to_rate(scores, vectors, np.arange(100)) is None


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
    assert all(np.isfinite(values).all() for values in usual_of(features, cells).judged(cells).values())


def test_the_reason_names_the_score_and_the_features() -> None:
    words = reason_of({"forest": 1.0, "places": 2.5, "votes": np.nan}, [("channel 3 of block1 on average", -4.2)])
    assert words.startswith("Some places of the image are like no others as bright: more so than 99.4 %")
    assert words.endswith("channel 3 of block1 on average -4.2 scatters")
    assert reason_of({"votes": np.nan}) == "Nothing is known of it"
    assert strongest_features(np.array([[0.1, -5.0, 2.0]])).tolist() == [[1, 2]]
