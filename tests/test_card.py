"""A network's card: what it says, what it says it does not know, and that it says the same each time."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dashboard_fixtures import CLASSES, make_survey

from gz2interp.cards import Evaluation
from gz2interp.schema import LABEL_SCHEMES
from gz2interp.stores.survey import Survey
from gz2interp.workflows.card import MOST_MISTAKES, card, card_text, write_card
from trainer.catalog.labels import SCHEMES, five_class
from trainer.evaluate import evaluate


@pytest.fixture
def survey(tmp_path) -> Survey:
    return make_survey(tmp_path / "tiny", 120, analysed=False)


def trained(survey: Survey, **also) -> None:
    """Make the fixture's network one of the trainer's, some of whose answers are wrong."""
    folder = survey.model("cnn").path
    run = {"config": {"epochs": 2}, "label_scheme": "label", "temperature": 1.25, "data_digest": survey.digest}
    told = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(told | run | also))
    pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5], "validation_loss": [1.1, 0.7]}).to_csv(
        folder / "history.csv", index=False
    )
    model = survey.model("cnn")
    table = model.predictions.copy()
    mistaken = np.arange(len(table)) % 5 == 0
    table.loc[mistaken, "prediction"] = [CLASSES[1 - CLASSES.index(label)] for label in table["label"][mistaken]]
    model.write_predictions(table, model.predictions_provenance)


def test_it_says_what_is_known(survey):
    trained(survey)
    evaluation = evaluate(survey, "cnn")
    known = card(survey)
    assert known.evaluation == evaluation == Evaluation.from_json(evaluation.to_json())
    assert (known.data.galaxies, known.data.usable, known.data.labelled) == (120, 119, 119)
    assert known.labels.counts == {"round": {"test": 60}, "long": {"test": 59}}
    assert known.training.temperature == 1.25
    assert known.training.history["loss"] == (1.0, 0.5)
    assert known.unknown == ()
    assert [failures.column for failures in known.failures] == ["r", "petro_radius"]
    for failures in known.failures:
        assert sum(part.share.count for part in failures.bins) == 119
        wrong = sum(part.share.value * part.share.count for part in failures.bins)
        assert wrong / 119 == pytest.approx(1 - evaluation.accuracy.value)


def test_its_mistakes_are_wrong_and_the_most_confident_first(survey):
    trained(survey)
    mistakes = card(survey).mistakes
    assert len(mistakes) == MOST_MISTAKES
    assert all(each.label != each.prediction for each in mistakes)
    confidences = [each.confidence for each in mistakes]
    assert confidences == sorted(confidences, reverse=True)
    assert all(int(each.galaxy_id) == survey.galaxy_ids[each.row] for each in mistakes)


def test_it_is_written_the_same_each_time(survey, tmp_path):
    trained(survey)
    evaluate(survey, "cnn")
    known = card(survey)
    known = replace(known, mistakes=known.mistakes[:3])
    written = [[path.read_bytes() for path in write_card(known, survey, tmp_path / name)] for name in ("a", "b")]
    assert written[0] == written[1]
    stored = json.loads((tmp_path / "a" / "card.json").read_text())
    assert stored["evaluation"]["brier"]["value"] == known.evaluation.brier.value
    text = (tmp_path / "a" / "card.md").read_text()
    for words in ("perfectly calibrated network", "Brier score 0.", "r magnitude [mag]", known.mistakes[0].galaxy_id):
        assert words in text


def test_an_evaluation_of_other_predictions_is_none_of_its_own(survey):
    trained(survey)
    evaluate(survey, "cnn")
    (survey.model("cnn").path / "model.keras").write_bytes(b"another network")
    known = card(survey)
    assert known.evaluation is None
    assert any("gz2interp analyse" in sentence for sentence in known.unknown)


def test_before_its_evaluation_it_names_the_command(survey):
    trained(survey)
    known = card(survey)
    assert known.evaluation is None
    assert f"python -m trainer evaluate {survey.path} --model cnn." in " ".join(known.unknown)
    assert known.failures


def test_a_network_from_elsewhere_says_what_is_not_known(survey, tmp_path):
    model = survey.model("cnn")
    model.write_predictions(model.predictions.assign(split="none", label=None), model.predictions_provenance)
    known = card(survey)
    assert (known.training, known.labels, known.evaluation, known.failures, known.mistakes) == (
        None,
        None,
        None,
        (),
        (),
    )
    told = " ".join(known.unknown)
    assert "imported without a record" in told
    assert "Its accuracy" in told
    write_card(known, survey, tmp_path / "card")
    assert "## What is not known" in (tmp_path / "card" / "card.md").read_text()


def test_labels_of_galaxies_it_may_have_learnt_from_are_judged_with_a_warning(survey):
    model = survey.model("cnn")
    model.write_predictions(model.predictions.assign(split="none"), model.predictions_provenance)
    known = card(survey)
    assert known.side == "none"
    assert "--side none" in " ".join(known.unknown)
    assert "too optimistic" in " ".join(known.unknown)
    assert evaluate(survey, "cnn", side="none").accuracy.count == 119
    assert "Of the labelled galaxies without a side" in card_text(card(survey))


def test_a_network_that_was_never_run_is_told_so(tmp_path):
    survey = make_survey(tmp_path / "bare", 20, analysed=False)
    (survey.model("cnn").path / "predictions.json").unlink()
    assert "run gz2interp analyse" in " ".join(card(survey).unknown)


def test_every_scheme_has_its_words_with_its_thresholds():
    assert set(LABEL_SCHEMES) == {"label", *SCHEMES}
    asked = set(re.findall(r">= (0\.\d+)", inspect.getsource(five_class).split('"""')[2]))
    assert asked == set(re.findall(r">= (0\.\d+)", LABEL_SCHEMES["five_class"]))
