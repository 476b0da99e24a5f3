"""Votes along the decision tree: shares of its ends, counts from any table, and the surprise at them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import dirichlet_multinomial
from trainer_surveys import tiny_network

from gz2interp.errors import InputError
from gz2interp.painting import draw_recipes
from gz2interp.painting.catalogue import catalog_of
from gz2interp.schema import QUESTIONS
from trainer.catalog.labels import labels_by
from trainer.catalog.tree import LEAVES, TREE, VOTERS, leaf_shares, vote_counts
from trainer.config import Config
from trainer.fit import fit
from trainer.paint import paint_survey
from trainer.step import VoteLikelihood
from trainer.targets import targets_by

ANSWERS = sum(len(step.behind) for step in TREE)


@pytest.fixture(scope="module")
def catalog():
    return catalog_of(draw_recipes(60, seed=4), seed=4)


def _only(catalog, *kinds):
    return catalog[[name for name in catalog if name.endswith(kinds) or name == "total_classifications"]]


def _surprise(outputs, votes, loss=None):
    shares = np.full((len(votes), len(LEAVES)), 1 / len(LEAVES))
    targets = np.concatenate([shares, votes], axis=1).astype(np.float32)
    return (loss or VoteLikelihood())(targets, np.asarray(outputs, np.float32)).numpy()


def test_every_question_divides_the_classes_that_reach_it():
    for step in TREE:
        assert len(step.behind) == len(QUESTIONS[step.question].answers)
        assert step.membership().max(axis=1).sum() == step.membership().sum()


def test_shares_of_the_ends_are_one_distribution(catalog):
    shares = leaf_shares(catalog)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    smooth = shares[:, :3].sum(axis=1)
    first = catalog[
        [f"t01_smooth_or_features_{a}_weighted_fraction" for a in QUESTIONS["t01_smooth_or_features"].answers]
    ]
    np.testing.assert_allclose(smooth, first.iloc[:, 0] / first.sum(axis=1), atol=1e-6)


def test_nobody_asked_is_no_label(catalog):
    silent = catalog.copy()
    silent.loc[3, [name for name in catalog if name.endswith(("debiased", "fraction"))]] = 0.0
    answer = labels_by("tree", silent)
    assert answer.labels.isna().to_numpy().nonzero()[0].tolist() == [3]
    assert answer.why_not == {"no votes": 1}


def test_classes_stay_that_are_no_galaxys_label(catalog):
    targets = targets_by("tree", catalog[catalog["painted_kind"] == "round"])
    assert targets.class_names == LEAVES


def test_votes_are_taken_as_counted_where_the_table_has_counts(catalog):
    votes = vote_counts(catalog)
    assert votes.counted
    assert votes.words == "votes as counted"
    np.testing.assert_array_equal(votes.counts[:, 0], catalog["t01_smooth_or_features_a01_smooth_count"])


def test_votes_follow_from_fractions_where_it_has_none(catalog):
    """Of plain fractions, which are counts over those who were asked, the counts themselves come back."""
    plain = vote_counts(_only(catalog, "_fraction").drop(columns=[n for n in catalog if "weighted" in n]))
    assert not plain.counted
    assert str(VOTERS) in plain.words
    counted = vote_counts(catalog).counts
    np.testing.assert_allclose(plain.counts[:, :3], counted[:, :3], atol=0.1)
    np.testing.assert_allclose(plain.counts[:, 3:6].sum(axis=1), counted[:, 0], atol=0.1)


def test_a_table_without_votes_is_told():
    with pytest.raises(InputError, match="decision tree"):
        vote_counts(pd.DataFrame({"galaxy_id": [1]}))


def test_the_surprise_is_that_of_a_dirichlet_multinomial():
    """By scipy, for one question's votes; the coefficient that no network changes is put back."""
    outputs = np.array([[0.2, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1]])
    votes = np.zeros((1, ANSWERS))
    votes[0, :3] = 20, 12, 4
    loss = VoteLikelihood()
    precision = loss.parameters()["precision_t01_smooth_or_features"]
    known = dirichlet_multinomial(precision * np.array([0.5, 0.4, 0.1]), 36)
    coefficient = np.log(np.arange(1, 37)).sum() - sum(np.log(np.arange(1, n + 1)).sum() for n in (20, 12, 4))
    expected = -(known.logpmf([20, 12, 4]) - coefficient) / 36
    np.testing.assert_allclose(_surprise(outputs, votes, loss), expected, rtol=1e-3)


def test_the_answer_of_the_volunteers_surprises_least():
    generator = np.random.default_rng(6)
    truth = generator.dirichlet(np.ones(len(LEAVES)), 1)
    reached = [truth @ step.membership() for step in TREE]
    votes = np.concatenate([400 * part for part in reached], axis=1)
    others = generator.dirichlet(np.ones(len(LEAVES)), 50)
    least = _surprise(truth, votes)[0]
    assert (_surprise(others, np.repeat(votes, 50, axis=0)) > least).all()


def test_questions_that_nobody_reached_say_nothing():
    votes = np.zeros((2, ANSWERS))
    np.testing.assert_allclose(_surprise(np.random.default_rng(1).dirichlet(np.ones(7), 2), votes), 0, atol=1e-5)


def test_every_vote_needs_the_tree():
    with pytest.raises(InputError, match="tree"):
        Config(loss="votes")


@pytest.mark.long
def test_a_training_on_votes_learns_how_far_people_follow_the_network(tmp_path):
    survey = paint_survey(tmp_path / "votes", 160, seed=5)
    with tiny_network() as network:
        config = Config(network=network, scheme="tree", loss="votes", epochs=3, batch_size=16, learning_rate=1e-2)
        model = fit(survey, "votes", config)
    assert model.class_names == LEAVES
    assert model.run["votes"] == "votes as counted"
    history = model.history
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert (history[f"precision_{TREE[0].question}"].diff().dropna() != 0).all()
