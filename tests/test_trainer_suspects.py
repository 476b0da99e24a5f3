"""Confident learning against answers worked out by hand, and the whole way with planted errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainer_surveys import ring_survey

from gz2interp.errors import InputError
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.folds import find_suspects, out_of_fold
from trainer.suspects import (
    NOBODY,
    confident_class,
    confident_joint,
    normalised_margin,
    self_confidence,
    suspects,
    thresholds,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

# Thresholds by hand: class 0 (0.9 + 0.7 + 0.2) / 3 = 0.6, class 1 (0.8 + 0.4) / 2 = 0.6.
SAID = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.2, 0.8], [0.6, 0.4]])
LABELS = np.array([0, 0, 0, 1, 1])
CONFIG = Config(epochs=3, batch_size=32, learning_rate=5e-3, warm_up=0.5)


def test_thresholds_and_confident_joint_by_hand():
    np.testing.assert_allclose(thresholds(SAID, LABELS), [0.6, 0.6])
    np.testing.assert_array_equal(confident_class(SAID, LABELS), [0, 0, 1, 1, 0])
    np.testing.assert_array_equal(confident_joint(SAID, LABELS), [[2, 1], [1, 1]])
    np.testing.assert_allclose(self_confidence(SAID, LABELS), [0.9, 0.7, 0.2, 0.8, 0.4])
    np.testing.assert_allclose(normalised_margin(SAID, LABELS), [0.8, 0.4, -0.6, 0.6, -0.2])


def test_who_meets_no_threshold_counts_for_none_and_an_absent_class_for_nobody():
    said = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.4, 0.35, 0.25], [0.1, 0.0, 0.9]])
    labels = np.array([0, 1, 0, 1])
    assert thresholds(said, labels)[2] == np.inf
    assert confident_class(said, labels)[2] == NOBODY
    assert confident_joint(said, labels).sum() == 2


def test_of_two_thresholds_met_the_more_probable_class_counts():
    said = np.array([[0.5, 0.5], [0.45, 0.55], [0.6, 0.4], [0.9, 0.1]])
    labels = np.array([0, 1, 1, 1])  # thresholds 0.5 and 0.35
    np.testing.assert_array_equal(confident_class(said, labels), [0, 1, 0, 0])


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_the_order_of_classes_does_not_matter(seed, classes):
    generator = np.random.default_rng(seed)
    said, labels = generator.dirichlet(np.ones(classes), 60), generator.integers(classes, size=60)
    order = generator.permutation(classes)
    named = np.append(np.argsort(order), NOBODY)  # old class -> new place
    found = confident_class(said, labels)
    np.testing.assert_array_equal(confident_class(said[:, order], named[labels]), named[found])
    np.testing.assert_array_equal(
        confident_joint(said[:, order], named[labels]), confident_joint(said, labels)[np.ix_(order, order)]
    )


def test_the_list_holds_every_galaxy_once_the_most_suspect_first():
    table = pd.DataFrame({"row": range(5), "galaxy_id": range(10, 15), "label": np.array(["a", "b"])[LABELS]})
    ranked = suspects(table.assign(p_a=SAID[:, 0], p_b=SAID[:, 1]), ("a", "b"))
    assert list(ranked["galaxy_id"]) == [12, 14, 11, 13, 10]
    assert list(ranked["rank"]) == [1, 2, 3, 4, 5]
    assert list(ranked["suspect"]) == [True, True, False, False, False]
    assert list(ranked["suggestion"][:2]) == ["b", "a"]
    with pytest.raises(InputError, match="lack labels"):
        suspects(table.assign(p_a=1.0, p_c=0.0), ("a", "c"))


@pytest.fixture(scope="module")
def flipped(tmp_path_factory):
    """Rings and blobs of which eight bear the other's name, and their ids."""
    folder = tmp_path_factory.mktemp("surveys")
    rings = ring_survey(folder / "rings", count=180)
    catalog = rings.catalog.copy()
    rows = np.random.default_rng(0).choice(180, 8, replace=False)
    catalog.loc[rows, "label"] = np.where(catalog.loc[rows, "label"] == "ring", "blob", "ring")
    survey = Survey.create(folder / "flipped", catalog, bands=rings.bands, shape=rings.shape)
    with survey.writer() as writer:
        for row in range(len(rings)):
            writer.append(rings.cutout(row))
    return survey.refreshed(), set(catalog["galaxy_id"].iloc[rows])


def test_planted_errors_head_the_list_and_a_second_start_keeps_the_networks(flipped):
    survey, wrong = flipped
    table = find_suspects(survey, "cnn", replace(CONFIG, epochs=4), 2)
    assert sorted(table["row"]) == list(range(180))  # each galaxy was tested in exactly one fold
    assert len(wrong & set(table["galaxy_id"].head(12))) >= 7
    made = survey.path / "models" / "cnn-fold0" / "model.keras"
    written = made.stat().st_mtime_ns
    again = find_suspects(survey, "cnn", replace(CONFIG, epochs=4), 2)
    assert made.stat().st_mtime_ns == written
    pd.testing.assert_frame_equal(again, table)
    assert "cnn" not in survey.models()  # the list alone is no network
    stored = survey.model("cnn-fold0").path.with_name("cnn") / "suspects.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(stored), table)
    with pytest.raises(InputError, match="other settings or other data"):
        out_of_fold(survey, "cnn", CONFIG, 2)


def test_one_fold_is_none(flipped):
    with pytest.raises(InputError, match="At least 2"):
        out_of_fold(flipped[0], "cnn", CONFIG, 1)
