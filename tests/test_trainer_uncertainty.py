"""How unsure a network is, and how the best way of asking is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trainer_surveys import ring_survey, tiny_network

from gz2interp.errors import InputError
from gz2interp.network.quiet import keras
from gz2interp.stores.exporting import joined_table
from trainer.answers import PASSES, prediction_samplers
from trainer.config import Config
from trainer.fit import fit
from trainer.networks import build_network
from trainer.networks.committee import ensemble
from trainer.uncertainty import (
    entropy,
    error_auroc,
    least_confidence,
    measure_uncertainty,
    mutual_information,
    risk_coverage,
)

# Keras itself reads its variables in a way that NumPy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    with tiny_network():
        yield


def _network(name="tiny", dropout=0.0, seed=1):
    keras.utils.set_random_seed(seed)
    shape = {"shape": (16, 16), "class_count": 3, "scaling": "asinh", "softening": (0.1, 0.2)}
    return build_network(name, **shape, dropout=dropout)


def _images():
    return np.random.default_rng(2).normal(size=(4, 16, 16, 2)).astype(np.float32)


def test_sure_answers_leave_nothing_open_and_even_ones_everything():
    sure, even = np.eye(3)[None, 0], np.full((1, 3), 1 / 3)
    assert least_confidence(sure)[0] == entropy(sure)[0] == 0
    assert least_confidence(even)[0] == pytest.approx(2 / 3)
    assert entropy(even)[0] == pytest.approx(np.log(3))


def test_answers_disagree_only_where_they_differ():
    one = np.random.default_rng(1).dirichlet(np.ones(3), 5)
    np.testing.assert_allclose(mutual_information(np.stack([one, one])), 0, atol=1e-12)
    np.testing.assert_allclose(mutual_information(np.eye(2)[:, None]), np.log(2))


def test_a_perfect_ranking_of_mistakes_and_a_useless_one():
    right = np.array([True] * 90 + [False] * 10)
    assert error_auroc(np.arange(100.0), right) == 1
    assert error_auroc(np.zeros(100), right) == 0.5
    assert error_auroc(np.zeros(3), np.ones(3, bool)) is None
    best, worst = risk_coverage(np.arange(100.0), right), risk_coverage(-np.arange(100.0), right)
    assert best < 0.01 < 0.1 < worst
    assert risk_coverage(np.arange(4.0), np.array([True, True, False, True])) == pytest.approx((1 / 3 + 1 / 4) / 4)


def test_a_network_is_asked_in_every_way_it_can_be():
    plain, forgetful = _network(), _network(dropout=0.3)
    assert set(prediction_samplers(plain)) == {"views"}
    ways = prediction_samplers(forgetful)
    assert set(ways) == {"views", "dropout"}
    assert ways["views"](_images()).shape == (8, 4, 3)
    passes = ways["dropout"](_images())
    assert passes.shape == (PASSES, 4, 3)
    assert np.ptp(passes, axis=0).max() > 0
    np.testing.assert_allclose(passes.sum(axis=2), 1, atol=1e-5)


@pytest.mark.long
def test_a_symmetric_network_says_the_same_in_all_views():
    answers = prediction_samplers(_network("d4"))["views"](_images())
    np.testing.assert_allclose(answers, np.broadcast_to(answers[:1], answers.shape), atol=1e-6)


def test_the_members_of_a_committee_say_what_they_say_alone():
    members = [_network(seed=1), _network(seed=2)]
    answers = prediction_samplers(ensemble(members, views=1))["members"](_images())
    for said, member in zip(answers, members, strict=True):
        np.testing.assert_allclose(said, member(_images()).numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """Rings and blobs, of which a quarter bear the wrong label, so that there are mistakes to tell."""
    survey = ring_survey(tmp_path_factory.mktemp("unsure") / "rings", count=300)
    survey.catalog["label"] = survey.catalog["label"].where(np.arange(300) % 4 > 0, "ring")
    return survey


@pytest.fixture(scope="module")
def model(survey):
    config = Config(network="tiny", epochs=2, batch_size=32, learning_rate=5e-3, dropout=0.2, validation_fraction=0.3)
    return fit(survey, "unsure", config)


def test_the_best_way_on_the_validation_side_is_kept_for_every_galaxy(survey, model):
    assert model.uncertainty is None
    ways = measure_uncertainty(survey, "unsure")
    assert {way.name for way in ways} == {"doubt", "entropy", "views", "dropout"}
    assert [way.chosen for way in ways] == [True, False, False, False]
    assert ways[0].choosing == min(way.choosing for way in ways)
    kept = model.uncertainty
    assert kept["galaxy_id"].tolist() == model.predictions["galaxy_id"].tolist()
    assert np.isfinite(kept["uncertainty"]).all()
    np.testing.assert_array_equal(joined_table(survey, "unsure")["uncertainty"], kept["uncertainty"])


def test_a_network_without_mistakes_has_nothing_to_choose_by_and_is_not_asked(survey, model, monkeypatch):
    monkeypatch.setattr("trainer.uncertainty.prediction_samplers", lambda *_: pytest.fail("called in vain"))
    said, made = model.predictions, model.predictions_provenance
    model.write_predictions(said.assign(label=said["prediction"]), made)
    try:
        with pytest.raises(InputError, match="made 0 errors on the validation sample"):
            measure_uncertainty(survey, "unsure")
    finally:
        model.write_predictions(said, made)


def test_uncertainty_of_other_predictions_is_not_shown(model):
    made = model.predictions_provenance
    assert model.uncertainty is not None
    model.write_predictions(model.predictions, replace(made, data="another"))
    assert model.uncertainty is None
