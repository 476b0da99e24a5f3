"""What is asked of the network: labels, shares of votes, and words for what cannot be asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gz2interp.errors import InputError
from gz2interp.schema import vote_column
from trainer.targets import strongest_votes, targets_by


def _labels(*labels):
    return pd.DataFrame({"label": pd.array(labels, dtype="str")})


def test_labels_become_distributions_and_missing_ones_stay_missing():
    targets = targets_by("label", _labels("spiral", None, "round"))
    assert targets.class_names == ("round", "spiral")
    assert list(targets.labels) == ["spiral", None, "round"]
    np.testing.assert_array_equal(targets.distributions, [[0, 1], [np.nan, np.nan], [1, 0]])
    np.testing.assert_array_equal(targets.labelled, [True, False, True])


def test_shares_of_votes_are_soft_targets():
    catalog = _labels("a", "b", None).assign(target_a=[3.0, 0.2, 0.5], target_b=[1.0, 0.8, 0.5])
    targets = targets_by("label", catalog)
    np.testing.assert_allclose(targets.distributions[:2], [[0.75, 0.25], [0.2, 0.8]])
    assert not targets.labelled[2]


def test_the_votes_themselves_are_soft_targets():
    question = "t04_spiral"
    catalog = pd.DataFrame(
        {vote_column(question, "a08_spiral"): [0.9, 0.2], vote_column(question, "a09_no_spiral"): [0.3, 0.6]}
    )
    targets = targets_by("votes:t04_spiral", catalog)
    np.testing.assert_allclose(targets.distributions[:, targets.class_names.index("spiral")], [0.75, 0.25])


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        (pd.DataFrame({"ra": [1.0]}), "has no labels"),
        (_labels(None, None), "has no labels"),
        (_labels("round", "round"), "of one class, 'round'"),
    ],
)
def test_nothing_to_tell_apart_is_said_in_words(catalog, words):
    with pytest.raises(InputError, match=words):
        targets_by("label", catalog)


def test_the_strongest_vote_follows_the_decision_tree():
    smooth, features = (vote_column("t01_smooth_or_features", a) for a in ("a01_smooth", "a02_features_or_disk"))
    round_, cigar = (vote_column("t07_rounded", a) for a in ("a16_completely_round", "a18_cigar_shaped"))
    edge_on = vote_column("t02_edgeon", "a04_yes")
    catalog = pd.DataFrame(
        {
            smooth: [0.6, 0.4, 0.0, np.nan],
            features: [0.4, 0.6, 0.0, np.nan],
            round_: [0.8, 0.3, 0.0, np.nan],
            cigar: [0.1, 0.3, 0.0, np.nan],
            edge_on: [0.9, 0.9, 0.0, np.nan],
        }
    )
    votes = strongest_votes(catalog, ["round", "cigar", "edge_on"])
    assert list(votes) == ["round", "edge_on", None, None]
    assert strongest_votes(catalog, ["round", "barred"]) is None
