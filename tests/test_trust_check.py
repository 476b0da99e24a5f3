"""The whole check of a painted survey: known answers, what is kept, and what a reader is told."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from typer.testing import CliRunner

from gz2interp.attribution import METHODS, Method
from gz2interp.checks import Check, Finding
from gz2interp.cli import app
from gz2interp.errors import InputError
from gz2interp.network.layers import learned_layers
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras
from gz2interp.network.randomised import RandomisedNetwork
from gz2interp.results import Attribution, Cutout
from gz2interp.statistics import Estimate
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.testing.networks import CLASS_NAMES, SHAPE, nested_network, plain_network
from gz2interp.trust.map_tests import Explainer
from gz2interp.trust.verdict import standings, verdict
from gz2interp.workflows.figure_parts import stored_trust_line, trust_line
from gz2interp.workflows.import_results import import_model
from gz2interp.workflows.study import Study, open_study
from gz2interp.workflows.trust_check import CheckSettings, check
from gz2interp.workflows.trust_questions import CheckInputs, draw_sample, find_causes, map_findings
from trainer.networks import build_network
from trainer.paint import paint_survey

FEW = CheckSettings(("gradient", "integrated_gradients"), galaxies=10, few=4, stages=2)


def edges(probe, images, score) -> Attribution:
    """The edges of the image, whatever the network: what guided backpropagation was found to come near."""
    steep = np.abs(np.gradient(images, axis=1)) + np.abs(np.gradient(images, axis=2))
    return Attribution(steep.astype(np.float32), probe.scores(images, score), "edges", score.name)


def lamp() -> keras.Model:
    """Two classes told apart by how the light in the middle compares with that around it, by small convolutions."""
    image = keras.Input((64, 64, 5), name="image")
    scaled = keras.layers.Rescaling(1.0, name="scaled")(image)
    blocks = keras.layers.AveragePooling2D(4)(scaled)
    first = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="conv1")(blocks)
    second = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="conv2")(first)
    logits = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(second))
    model = keras.Model(image, keras.layers.Softmax()(logits), name="lamp")
    rng = np.random.default_rng(4)
    model.set_weights(
        [rng.normal(0, 0.6 / np.sqrt(max(np.prod(w.shape[:-1]), 1)), w.shape) for w in model.get_weights()]
    )
    return model


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("surveys")
    survey = paint_survey(folder / "painted", 24, 7, shares={"spiral": 0.5, "round": 0.3, "disc": 0.2})
    lamp().save(folder / "lamp.keras")
    import_model(survey, folder / "lamp.keras", "lamp", ["bright", "faint"])
    return open_study(survey.path, "lamp")


@pytest.fixture(scope="module")
def found(study) -> Check:
    return check(study, FEW)


def test_every_check_has_its_number(found):
    judged = {(each.method, each.check) for each in found.findings if each.passed is not None}
    for method in FEW.methods:
        asked = {name for one, name in judged if one == method}
        wanted = {
            "deletion",
            "insertion",
            "noise",
            "symmetry",
            "model_randomisation",
            "relevance_mass",
            "relevance_rank",
        }
        assert asked >= wanted | {"pointing", "causal", "score_falls"}
    assert ("integrated_gradients", "completeness") in judged
    assert ("gradient", "completeness") not in judged
    for each in found.findings:
        if each.estimate.value is not None:
            assert each.estimate.low <= each.estimate.value + 1e-9
            assert each.estimate.value <= each.estimate.high + 1e-9


def test_integrated_gradients_add_up(found):
    (gap,) = found.of("integrated_gradients", "completeness")
    assert gap.passed
    assert gap.estimate.value < 0.02


def test_it_is_kept_and_told_and_belongs_to_these_data_and_this_network(study, found):
    assert study.model.check(study.survey.digest) == found
    assert study.model.check("other data") is None
    line = stored_trust_line(study.survey, study.model, "gradient")
    assert line == trust_line(found, "gradient")
    passed = [each.passed for each in found.of("gradient") if each.passed is not None]
    assert f"passes {sum(passed)} of {len(passed)} checks" in line
    assert "not checked" in stored_trust_line(study.survey, study.model, "rise")


@pytest.mark.long
def test_it_goes_on_where_it_stopped_and_comes_to_the_same(study, found):
    class Enough(Exception):
        pass

    def stop(stage, done, of):
        if (
            stage == "check" and done == 3
        ):  # shortcuts, what knows nothing of the network, and the first method are done
            raise Enough

    before, settings = set(folders(study)), replace(FEW, galaxies=4, few=2, stages=1, seed=3)
    with pytest.raises(Enough):
        check(study, settings, stop)
    (kept,) = set(folders(study)) - before
    written = {file: file.stat().st_mtime_ns for file in kept.iterdir()}
    assert {file.stem for file in written} == {"shortcuts", "plain", "gradient"}
    again = check(study, settings)
    assert {file: file.stat().st_mtime_ns for file in written} == written
    shutil.rmtree(kept)
    assert check(study, settings) == again
    check(study, FEW)


def folders(study: Study) -> list[Path]:
    return [path for path in (study.model.path / "check").iterdir() if path.is_dir()]


def test_what_was_asked_before_is_told_too(study, found):
    methods = {each.method for each in found.findings}
    once = check(study, replace(FEW, methods=("grad_cam", "grad_cam")))
    assert {each.method for each in once.findings} == methods | {"grad_cam"}
    keys = [(each.check, each.method, each.subject) for each in once.findings]
    assert len(keys) == len(set(keys))
    check(study, FEW)


def test_other_class_names_make_it_another_network(study, found):
    run = study.model.path / "run.json"
    before = run.read_text()
    run.write_text(before.replace('"bright"', '"luminous"'))
    try:
        assert ModelFolder(study.model.path).check(study.survey.digest) is None
    finally:
        run.write_text(before)
    assert ModelFolder(study.model.path).check(study.survey.digest) is not None


def test_a_check_of_an_earlier_version_is_not_shown(study, found):
    """Its class activation maps lay elsewhere."""
    file = study.model.path / "check" / "check.json"
    before = file.read_text()
    record = json.loads(before)
    del record["provenance"]["parameters"]["version"]
    file.write_text(json.dumps(record))
    try:
        assert study.model.check(study.survey.digest) is None
    finally:
        file.write_text(before)
    assert study.model.check(study.survey.digest) is not None


def test_a_map_that_knows_nothing_of_the_network_is_found_out(study):
    sample = draw_sample(study, 6, 0)
    forgetful = RandomisedNetwork(study.model.model_file, study.model.class_names, 0)
    bench = CheckInputs(study.probe, sample, sample, forgetful, (1, len(forgetful.layers)), None, None, 0)
    explainer = Explainer(Method("Edges", edges, "none", has_bands=True))
    answer = explainer.explain(study.probe, sample.images, sample.classes)
    findings = {each.check: each for each in map_findings(bench, explainer, answer) if not each.subject}
    assert findings["model_randomisation"].estimate.value == pytest.approx(1)
    assert findings["model_randomisation"].passed is False
    assert findings["symmetry"].estimate.value == pytest.approx(1, abs=1e-3)


def test_label_randomisation_is_asked_where_there_is_such_a_network(study):
    sample = draw_sample(study, 4, 0)
    forgetful = RandomisedNetwork(study.model.model_file, study.model.class_names, 0)
    explainer = Explainer(METHODS["gradient"])
    answer = explainer.explain(study.probe, sample.images, sample.classes)
    for twin, same in ((study.probe, True), (forgetful.probe, False)):
        forgetful.randomise_top_layers(len(forgetful.layers))
        bench = CheckInputs(study.probe, sample, sample, forgetful, (1,), twin, None, 0)
        (told,) = [each for each in map_findings(bench, explainer, answer) if each.check == "label_randomisation"]
        assert told.passed is (not same)


def test_the_cause_is_what_the_score_owes_most_to(study):
    sample = draw_sample(study, 8, 0)
    causes = find_causes(study, sample)
    assert_array_equal(causes.counts > 0, True)
    truth = Truth.open(study.survey.path)
    light = truth.light(sample.rows).astype(np.float32)
    for k, cause in enumerate(causes.cause):
        assert causes.falls[k, cause] == np.nanmax(causes.falls[k])
        there = np.isfinite(causes.falls[k])
        assert_array_equal(causes.light[k][..., there], light[k][..., there])
        assert not causes.light[k][..., ~there].any()
    assert causes.region.any(axis=(1, 2)).all()


def test_a_sample_has_every_class_alike_and_prefers_what_was_not_learned():
    table = pd.DataFrame(
        {
            "row": np.arange(60),
            "prediction": ["round"] * 40 + ["spiral"] * 15 + ["ring"] * 5,
            "split": (["train"] * 3 + ["test"]) * 15,
        }
    )
    from gz2interp.workflows.trust_questions import _sample_table

    drawn = _sample_table(table, 12, 0)
    assert drawn["prediction"].value_counts().to_dict() == {"round": 4, "spiral": 4, "ring": 4}
    assert drawn.head(6)["prediction"].value_counts().to_dict() == {"round": 2, "spiral": 2, "ring": 2}
    assert (drawn[drawn["prediction"] == "round"]["split"] == "test").all()
    assert len(_sample_table(table, 500, 0)) == 60
    assert drawn.equals(_sample_table(table, 12, 0))


@pytest.mark.parametrize("network", [plain_network, nested_network])
def test_a_network_forgets_from_the_top_and_can_remember(network, tmp_path):
    model = network()
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(3, *SHAPE)).astype(np.float32)
    forgetful = RandomisedNetwork(tmp_path / "model.keras", CLASS_NAMES, seed=1)
    before = forgetful.probe.logits(images)
    assert_allclose(before, Probe(model, CLASS_NAMES).logits(images), rtol=1e-5)
    assert [name.split("/")[-1] for name in forgetful.layers] == ["logits", "conv2", "conv1"]
    deep = forgetful.probe.activations(images, "conv2")
    forgetful.randomise_top_layers(1)
    assert_allclose(forgetful.probe.activations(images, "conv2"), deep, rtol=1e-5)
    assert abs(forgetful.probe.logits(images) - before).max() > 1e-3
    once = forgetful.probe.logits(images)
    forgetful.randomise_top_layers(3)
    assert abs(forgetful.probe.activations(images, "conv1") - Probe(model).activations(images, "conv1")).max() > 1e-3
    forgetful.randomise_top_layers(1)
    assert_array_equal(forgetful.probe.logits(images), once)
    forgetful.randomise_top_layers(0)
    assert_array_equal(forgetful.probe.logits(images), before)


def test_a_network_that_learned_nothing_cannot_forget(tmp_path):
    image = keras.Input((8, 8, 5))
    keras.Model(image, keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(image))).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match="no trained weights"):
        RandomisedNetwork(tmp_path / "m.keras", None)


def made(check: str, method: str, value: float, passed: bool, words: str = "correlation") -> Finding:
    return Finding(check, method, "", Estimate(value, value, value, 9), 0.5, passed, words)


def test_who_outlives_the_network_comes_last_whatever_else_it_passes():
    findings = [made(name, "guided_backprop", 0.9, True) for name in ("noise", "symmetry", "deletion", "insertion")]
    findings += [made("model_randomisation", "guided_backprop", 0.8, False), made("noise", "gradient", 0.6, True)]
    findings += [made("symmetry", "gradient", 0.3, False), made("model_randomisation", "gradient", 0.1, True)]
    found = Check("demo", "cnn", "logit", tuple(findings))
    assert [each.method for each in standings(found)] == ["gradient", "guided_backprop"]
    words = " ".join(verdict(found))
    assert words.startswith("Gradient is to be trusted first for cnn on demo: it passes 2 of 3 checks")
    assert "--views" in words
    assert "Not to be used: Guided backpropagation" in words


def test_a_shortcut_is_said_before_all_else():
    alarm = Finding("shortcut", "", "noise", Estimate(0.3, 0.2, 0.4, 50), 0.05, False, "It looks at the noise.")
    quiet = replace(alarm, subject="seeing", passed=True)
    found = Check("demo", "cnn", "logit", (made("noise", "gradient", 0.6, True), alarm, quiet))
    assert verdict(found)[0] == "Shortcut: It looks at the noise."
    assert trust_line(found, "gradient").endswith("The network uses a shortcut: noise.")
    clean = Check("demo", "cnn", "logit", (made("noise", "gradient", 0.6, True), quiet))
    assert "No shortcut was found (seeing)." in verdict(clean)
    unasked = replace(alarm, passed=None, subject="centring", words="Not known: too few galaxies")
    some = replace(clean, findings=(*clean.findings, unasked))
    assert "No shortcut was found (seeing; not known: centring)." in verdict(some)
    none = replace(clean, findings=(clean.findings[0], unasked))
    assert verdict(none)[-1] == "Whether it uses a shortcut is not known: too few galaxies."


def test_bad_wishes_are_told(study):
    with pytest.raises(InputError, match="no method 'grad_kam'"):
        check(study, CheckSettings(("grad_kam",)))
    with pytest.raises(InputError, match="Two galaxies or more"):
        check(study, CheckSettings(("gradient",), galaxies=1))


def test_the_command_says_which_method_to_trust(study, found, tmp_path):
    out = Path(tmp_path / "numbers.csv")
    asked = ["check", str(study.survey.path), "--galaxies", "10", "--few", "4", "--stages", "2"]
    told = CliRunner().invoke(app, [*asked, "--method", "gradient", "--out", str(out)])
    assert told.exit_code == 0, told.output
    assert "to be trusted first" in told.output or "No method can be trusted" in told.output
    assert "not known  Label randomisation test" in told.output
    table = pd.read_csv(out)
    plain = {"(random)", "(gaussian)", "(light)"}
    assert set(table["method"].dropna()) == plain | set(study.model.check(study.survey.digest).methods)
    wrong = CliRunner().invoke(app, [*asked, "--method", "grad_kam"])
    assert "There is no method 'grad_kam'" in str(wrong.exception)
    check(study, FEW)


def test_any_survey_and_any_network_can_be_checked(tmp_path):
    """Three bands, no truth, no labels, not square, one output, no ReLU: what cannot be asked is said."""
    survey = Survey.create(
        tmp_path / "plain",
        pd.DataFrame({"galaxy_id": np.arange(1, 31), "ra": np.linspace(0, 1, 30), "dec": np.zeros(30)}),
        bands=("g", "r", "i"),
        shape=(24, 32),
        source="folder",
    )
    rng = np.random.default_rng(0)
    with survey.writer() as writer:
        for row in range(30):
            pixels = rng.normal(0, 0.1, (24, 32, 3)).astype(np.float32)
            pixels[8:16, 12:20] += row / 10
            writer.append(Cutout(pixels, np.ones((24, 32), np.bool_), "folder", 0.4))
    image = keras.Input((24, 32, 3))
    features = keras.layers.Conv2D(4, 5, strides=4, activation="swish", name="conv")(image)
    answer = keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(features))
    keras.Model(image, answer).save(tmp_path / "net.keras")
    opened = Survey.open(survey.path)
    import_model(opened, tmp_path / "net.keras", "net", ["faint", "bright"])
    study = open_study(survey.path, "net")
    found = check(study, replace(FEW, methods=("gradient", "guided_backprop", "grad_cam")))
    assert found.methods == ("gradient", "grad_cam")
    assert any("Guided backpropagation does not apply" in sentence for sentence in found.unknown)
    assert any("only painted galaxies have a truth" in sentence for sentence in found.unknown)
    assert any("only of a network that python -m trainer fit" in sentence for sentence in found.unknown)
    asked = {each.check for each in found.of("gradient")}
    assert asked == {"deletion", "insertion", "noise", "model_randomisation"}
    assert verdict(found)


@pytest.mark.parametrize(
    "name", ["cnn", "original", *(pytest.param(deep, marks=pytest.mark.long) for deep in ("d4", "resnet"))]
)
def test_the_trainer_s_networks_can_forget(name, tmp_path):
    model = build_network(name, shape=(32, 32), class_count=3, scaling="asinh", softening=(0.1,) * 5, dropout=0.1)
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 5)).astype(np.float32)
    forgetful = RandomisedNetwork(tmp_path / "model.keras", None, seed=1)
    before = forgetful.probe.logits(images)
    assert forgetful.layers[0] == ("probabilities" if name == "original" else "logits")
    forgetful.randomise_top_layers(len(forgetful.layers))
    assert abs(forgetful.probe.logits(images) - before).max() > 1e-4
    forgetful.randomise_top_layers(0)
    assert_array_equal(forgetful.probe.logits(images), before)


def test_members_of_a_committee_forget_side_by_side_and_nothing_is_overlooked():
    image = keras.Input((16, 16, 5))

    def member(name):
        inner = keras.Input((16, 16, 5))
        first = keras.layers.Conv2D(2, 3, activation="relu", name="first")(inner)
        last = keras.layers.Dense(3, name="last")(keras.layers.GlobalAveragePooling2D()(first))
        return keras.Model(inner, last, name=name)

    mean = keras.layers.Average()([member(f"member{k}")(image) for k in range(3)])
    model = keras.Model(image, keras.layers.Softmax()(keras.layers.Dense(3, name="top")(mean)))
    names = [each.name.split("/")[-1] for each in learned_layers(model)]
    assert names == ["top", *["last"] * 3, *["first"] * 3]


def test_attention_is_learned_too():
    """Its outputs have three axes, which no layer that is looked at has."""
    image = keras.Input((16, 16, 5))
    patches = keras.layers.Reshape((16, 8))(keras.layers.Conv2D(8, 4, strides=4, name="patch")(image))
    seen = keras.layers.MultiHeadAttention(2, 4, name="look")(patches, patches)
    seen = keras.layers.Dense(8, name="think")(keras.layers.LayerNormalization(name="calm")(seen))
    answer = keras.layers.Dense(3, activation="softmax", name="answer")(keras.layers.GlobalAveragePooling1D()(seen))
    model = keras.Model(image, answer)
    layers = learned_layers(model)
    assert sum(len(each.weights) for each in layers) == len(model.weights)
    names = [each.name.split("/")[-1] for each in layers]
    assert names[:3] == ["answer", "think", "calm"]
    assert names[-1] == "patch"
