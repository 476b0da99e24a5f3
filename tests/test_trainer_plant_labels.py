"""A model's network trained again on shuffled labels: the same in all else, found only beside its own model."""

from __future__ import annotations

import numpy as np
import pytest
from trainer_surveys import ring_survey, tiny_network

from gz2interp.errors import InputError
from gz2interp.network.loading import load_network
from gz2interp.stores.files import read_json, write_json
from gz2interp.trust.nuisances import NUISANCES
from gz2interp.trust.shortcuts import LIMIT
from gz2interp.workflows.shortcuts import shortcut_findings
from gz2interp.workflows.study import Study
from trainer.config import Config
from trainer.fit import fit
from trainer.plant.labels import plant_labels
from trainer.training import TrainingStopped


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    with tiny_network() as tiny:
        survey = ring_survey(tmp_path_factory.mktemp("surveys") / "rings", count=160)
        config = Config(network=tiny, epochs=4, batch_size=16, learning_rate=1e-2, augmentation="none", threads=0)
        fit(survey, "cnn", config)
        yield survey


def test_it_learns_nonsense_from_the_same_galaxies(survey):
    model = survey.model("cnn")
    assert model.label_randomised is None
    with pytest.raises(TrainingStopped):
        plant_labels(survey, "cnn", stop=lambda: True)
    assert model.label_randomised is None
    folder = plant_labels(survey, "cnn")
    assert model.label_randomised == folder.path / "model.keras" == model.path / "planted" / "labels" / "model.keras"
    assert survey.models() == ["cnn"]
    run = folder.run
    assert (run["labels"], run["of_model"], run["data_digest"]) == ("shuffled", model.digest, survey.digest)
    assert run["class_shares"] == model.run["class_shares"]
    changed = {key for key, value in run["config"].items() if value != model.run["config"][key]}
    assert changed <= {"keep", "calibrate", "patience"}
    # What may be right by chance of galaxies never seen cannot be right of labels that follow from nothing.
    taught, nonsense = (one.history["accuracy"].iloc[-1] for one in (model, folder))
    assert taught > 0.95
    assert nonsense < 0.8
    before, after = (load_network(one.model_file).get_weights() for one in (model, folder))
    assert not all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))


def test_it_is_left_alone_and_no_longer_found_beside_another_model(survey):
    model = survey.model("cnn")
    first = plant_labels(survey).digest
    assert plant_labels(survey).digest == first
    record = read_json(model.label_randomised_folder / "run.json")
    write_json(model.label_randomised_folder / "run.json", record | {"of_model": "0" * 16})
    assert survey.model("cnn").label_randomised is None
    write_json(model.label_randomised_folder / "run.json", record)
    assert survey.model("cnn").label_randomised is not None


def test_a_network_of_unknown_training_is_refused(survey):
    file = survey.model("cnn").path / "run.json"
    record = read_json(file)
    try:
        write_json(file, {"class_names": record["class_names"]})
        with pytest.raises(InputError, match="The training settings of the model cnn are unknown"):
            plant_labels(survey)
        write_json(file, record | {"data_digest": "0" * 16})
        with pytest.raises(InputError, match="has changed since the model cnn was trained"):
            plant_labels(survey)
    finally:
        write_json(file, record)
    with pytest.raises(InputError, match="no model"):
        plant_labels(survey, "other")


def test_the_shortcuts_of_a_survey_of_three_bands_without_a_psf(survey):
    study = Study(survey, survey.model("cnn"))
    heard = []
    found = shortcut_findings(study, seed=1, most=40, progress=lambda *now: heard.append(now))
    assert {each.subject for each in found} == set(NUISANCES)
    assert {(each.check, each.method, each.limit) for each in found} == {("shortcut", "", LIMIT)}
    assert not [each.subject for each in found if each.passed is False]
    unknown = {each.subject for each in found if each.words.startswith("Not known")}
    assert unknown >= {"seeing", "missing pixels"}
    assert all(each.passed is None for each in found if each.subject in unknown)
    assert {now[0] for now in heard} == set(NUISANCES) - unknown
    assert shortcut_findings(study, seed=1, most=40) == found
