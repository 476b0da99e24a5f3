"""Labels that networks which never saw them do not believe."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from trainer_surveys import ring_survey, tiny_network

from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.folds import fold_name
from trainer.label_errors import class_thresholds, confident_class, label_margin, rank_label_errors

# Keras itself reads its variables in a way that NumPy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SAID = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.15, 0.85]])
LABELS = np.array([0, 0, 0, 1, 1])


def test_a_threshold_is_the_mean_over_those_labelled_so():
    np.testing.assert_allclose(class_thresholds(SAID, LABELS), [0.6, 0.875])
    np.testing.assert_allclose(class_thresholds(SAID, np.zeros(5, int))[1], 1.0)


def test_confident_is_who_reaches_the_threshold():
    """The fifth galaxy reaches none: 0.85 is less than one is used to of the second class."""
    assert confident_class(SAID, LABELS).tolist() == [0, 0, -1, 1, -1]


def test_the_margin_is_measured_from_both_thresholds():
    np.testing.assert_allclose(label_margin(SAID, LABELS)[[0, 2]], [0.3 + 0.775, -0.4 + 0.075])
    assert label_margin(SAID, LABELS).argmin() == 2


def test_changed_labels_come_first_however_the_classes_are_named():
    """Noisy but honest probabilities of three classes; 5 % of the labels are changed."""
    rng = np.random.default_rng(8)
    truth = rng.integers(3, size=2000)
    said = np.array([rng.dirichlet(1 + 8 * np.eye(3)[kind]) for kind in truth])
    changed = rng.random(2000) < 0.05
    labels = np.where(changed, (truth + rng.integers(1, 3, size=2000)) % 3, truth)
    margin = label_margin(said, labels)
    first = np.argsort(margin)[:200]
    assert changed[first].sum() > 0.8 * changed.sum()
    order = np.array([2, 0, 1])
    np.testing.assert_allclose(label_margin(said[:, order], np.argsort(order)[labels]), margin)


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    with tiny_network():
        yield


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suspects")
    honest = ring_survey(folder / "honest", count=240, unlabelled=10)
    labels = honest.catalog["label"].copy()
    for row in CHANGED:
        labels.iloc[row] = "blob" if labels.iloc[row] == "ring" else "ring"
    survey = Survey.create(
        folder / "changed", honest.catalog.assign(label=labels), bands=honest.bands, shape=honest.shape
    )
    with survey.writer() as writer:
        for row in range(len(honest)):
            writer.append(honest.cutout(row))
    return survey.refreshed()


CONFIG = Config(network="tiny", epochs=5, batch_size=32, learning_rate=1e-2, warm_up=0.5, folds=2)
CHANGED = (63, 40, 77, 120, 161, 200)


@pytest.fixture(scope="module")
def ranked(survey):
    return rank_label_errors(survey, "s", CONFIG)


def test_every_label_is_ranked_by_a_network_that_never_saw_it(survey, ranked):
    assert len(ranked) == survey.catalog["label"].notna().sum()
    assert ranked["rank"].tolist() == list(range(1, len(ranked) + 1))
    assert ranked["margin"].is_monotonic_increasing
    for fold in range(2):
        said = survey.model(fold_name("s", fold, 2)).predictions.query("split == 'test' and label == label")
        mine = ranked.set_index("row").loc[said["row"]]
        np.testing.assert_array_equal(mine["p_ring"], said["p_ring"])


def test_labels_changed_on_purpose_are_found(ranked):
    assert set(CHANGED) <= set(ranked["row"].head(24))
    assert ranked.set_index("row").loc[list(CHANGED), "suspect"].sum() >= len(CHANGED) - 1


def test_it_is_kept_and_not_trained_twice(survey, ranked, monkeypatch):
    monkeypatch.setattr("trainer.folds.fit", lambda *_: pytest.fail("trained again"))
    again = rank_label_errors(survey, "s", CONFIG)
    pd.testing.assert_frame_equal(again, ranked)
    pd.testing.assert_frame_equal(ModelFolder(survey.path / "models" / "s").label_errors(survey.digest), ranked)
