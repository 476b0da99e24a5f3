"""Scores are values, written as on paper."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from gz2interp.errors import InputError
from gz2interp.network import scores
from gz2interp.network.scores import logit, probability

PROBABILITIES = np.array([[0.2, 0.8], [0.5, 0.5]])
LOGITS = np.array([[-1.0, 1.0], [3.0, 2.0]])


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (logit(1), [1, 2]),
        (probability(0), [0.2, 0.5]),
        (logit(1) - logit(0), [2, -1]),
        (2 * logit(0) + logit(1), [-1, 8]),
        (logit(0) * logit(1), [-1, 6]),
        (1 - probability(1), [0.2, 0.5]),
        (-logit(0), [1, -3]),
        (np.float32(0.5) * logit(0), [-0.5, 1.5]),
    ],
)
def test_scores_are_arithmetic(score, expected):
    np.testing.assert_allclose(score(PROBABILITIES, LOGITS), expected)


def test_operations_make_new_scores_and_leave_the_old():
    spiral = logit("spiral")
    assert 2 * spiral != spiral
    assert spiral == logit("spiral")


def test_scores_are_equal_and_hash_by_what_they_say():
    def written():
        return 2 * logit("a") - probability("b")

    assert written() == written()
    assert hash(written()) == hash(written())
    assert written() != 2 * logit("a") - probability("c")
    assert len({logit(0), probability(0), logit(0)}) == 2


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (logit("spiral") - logit("smooth"), "logit(spiral) - logit(smooth)"),
        (2 * (logit("a") + logit("b")), "2 * (logit(a) + logit(b))"),
        (logit("a") - (logit("b") - logit("c")), "logit(a) - (logit(b) - logit(c))"),
        ((logit("a") - logit("b")) - logit("c"), "logit(a) - logit(b) - logit(c)"),
        (probability(1) + -0.5, "probability(1) + (-0.5)"),
        (-logit("a"), "-1 * logit(a)"),
    ],
)
def test_names_read_as_written(score, name):
    assert score.name == str(score) == name


def test_names_become_positions():
    score = (logit("spiral") - 2 * probability("smooth")).resolve(("smooth", "spiral"))
    assert score == logit(1) - 2 * probability(0)


@pytest.mark.parametrize("unknown", ["bar", 2, -1])
def test_an_unknown_class_is_told_with_those_there_are(unknown):
    with pytest.raises(InputError, match=r"no class .* classes are smooth, spiral"):
        logit(unknown).resolve(("smooth", "spiral"))


def test_only_scores_and_numbers_combine():
    with pytest.raises(TypeError):
        logit(0) + "spiral"


def test_the_examples_hold():
    assert doctest.testmod(scores).failed == 0
