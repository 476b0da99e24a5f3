"""A whole training on a small survey: what it leaves behind, what it says, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from trainer_surveys import FIRST_ID, ring_survey, tiny_network

from gz2interp.errors import InputError, SurveyLocked
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras, tf
from gz2interp.result_tables import TableOutput
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.evaluate import evaluate, evaluation_table, score_predictions
from trainer.fit import fit
from trainer.process import configure_process
from trainer.step import learning_rate
from trainer.training import TrainingStopped

# Keras itself reads its variables in a way that NumPy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

CONFIG = Config(epochs=4, batch_size=32, learning_rate=5e-3, warm_up=0.5)
TINY = replace(CONFIG, network="tiny")
"""Where nothing depends on what is learnt: a deep network takes longer to compile than to train here."""


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    with tiny_network():
        yield


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return ring_survey(tmp_path_factory.mktemp("surveys") / "rings", count=300, unlabelled=30)


@pytest.fixture(scope="module")
def heard():
    return []


@pytest.fixture(scope="module")
def model(survey, heard):
    return fit(survey, "rings", CONFIG, progress=heard.append)


def test_it_learns_to_tell_rings_from_blobs(model):
    asked = model.predictions.query("split == 'test'")
    assert (asked["label"] == asked["prediction"]).mean() > 0.95


def test_every_usable_galaxy_has_a_prediction(model, survey):
    table = model.predictions
    assert list(table.columns) == [
        "galaxy_id",
        "row",
        "split",
        "label",
        "prediction",
        "confidence",
        "p_blob",
        "p_ring",
    ]
    np.testing.assert_array_equal(table["galaxy_id"], FIRST_ID + np.arange(len(survey)))
    np.testing.assert_allclose(table["p_blob"] + table["p_ring"], 1, rtol=1e-5)
    assert table["label"].isna().sum() == (table["split"] == "none").sum() == 30


def test_predictions_are_those_of_the_model_that_was_kept(model, survey):
    network = keras.models.load_model(model.model_file, safe_mode=True)
    outputs = network(survey.images(range(40)), training=False).numpy()
    np.testing.assert_allclose(model.predictions[["p_blob", "p_ring"]].to_numpy()[:40], outputs, atol=1e-5)


def test_the_run_tells_how_it_was_made(model, survey):
    run = model.run
    assert run["class_names"] == ["blob", "ring"]
    assert run["logit_rule"] == "layer named logits"
    assert run["bands"] == ["g", "r", "i"]
    assert run["data_digest"] == survey.digest
    assert Config.from_mapping(run["config"]) == CONFIG
    assert sum(run["split"].values()) == 270
    assert sum(run["class_shares"]["ring"].values()) == 135
    np.testing.assert_allclose(run["scaling"]["sky_sigma"], 0.05, rtol=0.3)
    assert list(model.history["epoch"]) == [1, 2, 3, 4]
    assert not (model.path / "checkpoint").exists()


def test_progress_is_told_after_each_step_and_each_epoch(model, heard):
    ends = [now for now in heard if now.validation_loss is not None]
    assert [now.epoch for now in ends] == [1, 2, 3, 4]
    assert len(heard) == sum(now.steps for now in ends) + len(ends)
    np.testing.assert_allclose([now.validation_loss for now in ends], model.history["validation_loss"])


def test_a_finished_model_is_not_written_over(model, survey):
    with pytest.raises(InputError, match="already has a model 'rings'"):
        fit(survey, "rings", CONFIG)
    with pytest.raises(InputError, match="that can be a folder's"):
        fit(survey, "../rings", CONFIG)


def test_one_name_is_trained_by_one_at_a_time(survey):
    def second(now):
        with pytest.raises(SurveyLocked, match=r"Another process is training the model 'twice'.*Wait until it ends"):
            fit(survey, "twice", TINY)
        raise KeyboardInterrupt

    for _ in range(2):  # interrupted, it lets go of the name
        with pytest.raises(KeyboardInterrupt):
            fit(survey, "twice", TINY, progress=second)
    assert "twice" not in survey.models()


@pytest.mark.long
def test_stopped_in_good_order_it_goes_on_later_to_the_same_weights(model, survey):
    steps = iter(range(1000))
    with pytest.raises(TrainingStopped, match=r"stopped in epoch 3 of 4\. 2 whole epochs are kept"):
        fit(survey, "stopped", CONFIG, stop=lambda: next(steps) == 2 * 6 + 3)
    with pytest.raises(InputError, match=r"config\.epochs was 4, is 5"):
        fit(survey, "stopped", Config.from_mapping(CONFIG.to_json() | {"epochs": 5}))
    resumed = fit(survey, "stopped", CONFIG)
    assert resumed.run["weights_digest"] == model.run["weights_digest"]


@pytest.fixture(scope="module")
def evaluation(model, survey):
    return evaluate(survey, "rings")


def test_it_is_judged_on_the_test_side_and_on_the_rest(model, evaluation):
    assert evaluation.accuracy.count == model.run["split"]["test"]
    assert evaluation.accuracy.value > 0.95
    assert np.sum(evaluation.confusion) == evaluation.accuracy.count
    assert evaluation.rest.count == 30
    assert evaluation.rest.agreement is None
    stored = json.loads((model.path / "evaluation.json").read_text())
    assert stored["accuracy"]["value"] == evaluation.accuracy.value
    assert stored["predictions"] == model.predictions_provenance.digest
    assert 0 <= evaluation.brier.low <= evaluation.brier.value < 0.2
    ideal = evaluation.ideal_calibration_error
    assert 0 <= ideal.low <= ideal.value <= ideal.high
    assert (model.path / "evaluation.pdf").read_bytes()[:4] == b"%PDF"
    assert (model.path / "evaluation.png").stat().st_size > 10_000


def test_labels_that_the_network_does_not_know_are_told(model, survey):
    table = model.predictions.replace({"label": {"ring": "bar"}})
    with pytest.raises(InputError, match=r"labelled bar\. The classes of the network are blob, ring"):
        score_predictions(
            table, ("blob", "ring"), name="x", side="test", label_scheme="", strongest=None, generator=None
        )


def test_its_table_says_on_which_galaxies_it_holds(evaluation, capsys):
    TableOutput().show(evaluation_table(evaluation))
    text = capsys.readouterr().out
    assert "270 of 300 galaxies have a label" in text
    assert "30 galaxies have no label" in text
    assert "blob" in text
    assert "A perfectly calibrated network would show" in text
    assert "Brier score 0." in text


def test_evaluating_twice_gives_the_same_figure(model, survey, evaluation):
    first = (model.path / "evaluation.pdf").read_bytes()
    evaluate(survey, "rings")
    assert (model.path / "evaluation.pdf").read_bytes() == first


def test_one_sigmoid_says_the_positive_class(survey):
    config = Config(network="original", scaling="minmax", augmentation="original", epochs=1, optimizer="sgd")
    model = fit(survey, "original", config)
    network = keras.models.load_model(model.model_file)
    positive = network(survey.images(range(5)), training=False).numpy()[:, 0]
    np.testing.assert_allclose(model.predictions["p_ring"][:5], positive, atol=1e-5)
    assert (
        model.run["logit_rule"] == Probe(network).logit_rule == "last Dense layer, probability, before its activation"
    )


def test_a_class_that_is_too_small_is_named_with_its_counts(tmp_path):
    survey = ring_survey(tmp_path / "few", count=8)
    with pytest.raises(InputError, match=r"has 4 galaxies with an image: train \d, validation \d, test \d"):
        fit(survey, "few", CONFIG)


def test_a_survey_without_labels_is_told_what_to_do(tmp_path):
    survey = ring_survey(tmp_path / "bare", count=4, unlabelled=4)
    with pytest.raises(InputError, match="no labels"):
        fit(Survey.open(survey.path), "bare", CONFIG)


def test_threads_that_come_too_late_are_told():
    with pytest.warns(UserWarning, match="threads = 97 comes too late"):
        configure_process(threads=97, seed=1)


def test_the_learning_rate_warms_up_and_falls_to_nothing():
    config = Config(epochs=10, warm_up=2.0, learning_rate=0.1)
    rates = [learning_rate(config, epochs) for epochs in (0, 1, 2, 6, 10)]
    np.testing.assert_allclose(rates, [0, 0.05, 0.1, 0.05, 0], atol=1e-12)
    constant = Config(epochs=10, warm_up=0.0, learning_rate=0.1, schedule="constant")
    assert learning_rate(constant, 7.3) == 0.1


def test_tensorboard_gets_a_log_if_asked_for(survey):
    model = fit(survey, "logged", replace(TINY, epochs=1, tensorboard=True))
    (log,) = (model.path / "tensorboard").glob("events.out.tfevents.*")
    logged = {value.tag: value for value in _summaries(log)}
    assert {value.metadata.plugin_data.plugin_name for value in logged.values()} == {"scalars"}
    last = pd.read_csv(model.path / "history.csv").iloc[-1]
    for quantity in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert tf.make_ndarray(logged[quantity].tensor) == pytest.approx(last[quantity], rel=1e-6)


def _summaries(log):
    """Every value of an event file, in order."""
    for record in tf.data.TFRecordDataset(str(log)):
        yield from tf.compat.v1.Event.FromString(record.numpy()).summary.value


@pytest.mark.long
def test_soft_votes_are_learnt_from(tmp_path):
    """Shares of votes instead of labels: the targets are spread, and the network's answers are too."""
    rings = ring_survey(tmp_path / "rings", count=160)
    ring = np.where(rings.catalog["label"] == "ring", 0.8, 0.2)
    soft = rings.catalog.assign(target_blob=1 - ring, target_ring=ring)
    survey = Survey.create(tmp_path / "soft", soft, bands=rings.bands, shape=rings.shape)
    with survey.writer() as writer:
        for row in range(len(rings)):
            writer.append(rings.cutout(row))
    table = fit(survey.refreshed(), "soft", replace(CONFIG, epochs=8)).predictions
    assert (table["label"] == table["prediction"]).mean() > 0.9
    assert table["confidence"].median() == pytest.approx(0.8, abs=0.12)
