"""A sheet's images put to another network of the survey: a copy with other numbers, and one that knows nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dashboard_fixtures import add_model, make_survey, small_network
from typer.testing import CliRunner

from gz2interp.cli import app
from gz2interp.errors import InputError, SurveyError
from gz2interp.features.image_prior import image_prior
from gz2interp.features.visualise import visualise
from gz2interp.network.layer_scores import channel
from gz2interp.network.quiet import keras
from gz2interp.results import Embedding, Provenance
from gz2interp.stores.analyses import Analysis, latest_analysis, layer_folder
from gz2interp.stores.layer_results import features_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows import feature_agreement
from gz2interp.workflows.compare import Representation
from gz2interp.workflows.feature_agreement import FeatureAgreement, agreement, load_agreements
from gz2interp.workflows.study import Study

ORDER = np.array([4, 2, 0, 5, 1, 3])


def permuted(path: Path, order: np.ndarray) -> bytes:
    """The same network with its channels in another order, and their weights in the layer after them."""
    model = keras.models.load_model(path)
    kernel, bias = model.get_layer("seen").get_weights()
    head, rest = model.get_layer("logits").get_weights()
    model.get_layer("seen").set_weights([kernel[..., order], bias[order]])
    model.get_layer("logits").set_weights([head[order], rest])
    model.save(path.with_name("permuted.keras"))
    return path.with_name("permuted.keras").read_bytes()


def reseeded(path: Path, seed: int) -> bytes:
    """A network of the same kind with other weights."""
    model = keras.models.load_model(path)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=each.shape) * each.std() for each in model.get_weights()])
    model.save(path.with_name("reseeded.keras"))
    return path.with_name("reseeded.keras").read_bytes()


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    folder, rng = tmp_path_factory.mktemp("agreement"), np.random.default_rng(0)
    survey = make_survey(folder / "small", 80, analysed=False, network=small_network())
    file = folder / "network.keras"
    shutil.copy(survey.path / "models" / "cnn" / "model.keras", file)
    add_model(survey, rng, permuted(file, ORDER), "permuted")
    add_model(survey, rng, reseeded(file, 3), "random")
    add_model(survey, rng, file.read_bytes(), "copy")
    for name in ("cnn", "permuted", "random"):
        add_layer(survey, name)
    add_sheet(survey)
    return survey


def add_layer(survey: Survey, name: str, metric: str = "cosine") -> None:
    """What an analysis stores of a layer's activations, without its map."""
    model, rows = survey.model(name), np.flatnonzero(survey.usable)
    made = Provenance(survey.digest, model.digest, "seen", "analysis", {"metric": metric, "pooling": "mean"}, 0)
    analysis = Analysis(layer_folder(model.path, "seen") / made.digest)
    analysis.path.mkdir(parents=True)
    said = said_by(survey, name)
    analysis.write_activations(0, said, len(rows))
    analysis.write_map(rows, survey.galaxy_ids[rows], Embedding(said[:, :2], "umap"))
    analysis.complete(made)


def said_by(survey: Survey, name: str) -> np.ndarray:
    """Of every galaxy, pooled."""
    images = survey.images(np.flatnonzero(survey.usable))
    return np.asarray(Study(survey, survey.model(name)).probe.activations(images, "seen", pooled=True))


def add_sheet(survey: Survey) -> None:
    """Feature images of the first network's channels, kept as `gz2interp features` keeps them."""
    model = survey.model("cnn")
    analysis = latest_analysis(model.path, survey.digest, model.digest, "seen")
    assert analysis is not None
    light = image_prior([survey.images(np.flatnonzero(survey.usable))])
    asked = [channel("seen", number) for number in range(len(ORDER))]
    made = visualise(Study(survey, model).probe, asked, light, steps=24)
    folder, numbers = features_folder(analysis), np.arange(len(ORDER))
    provenance = Provenance(survey.digest, model.digest, "seen", "feature images", {"steps": 24}, 0)
    folder.begin(provenance, keep=False)
    kept = {"number": numbers, "seed": np.zeros_like(numbers), "images": made.images, "silent": made.silent}
    folder.write_images("channel", 0, kept)
    above = (said_by(survey, "cnn") < made.reached).mean(axis=0)
    judged = {"kind": "channel", "number": numbers, "seed": 0, "reached": made.reached, "above": above}
    folder.write(provenance, {"judged": pd.DataFrame({**judged, "silent": made.silent})})


def asked(survey: Survey, other: str) -> FeatureAgreement:
    return agreement(survey, Representation(survey.model("cnn"), "seen"), Representation(survey.model(other), "seen"))


def test_in_a_permuted_copy_every_channel_finds_its_twin(survey: Survey) -> None:
    found = asked(survey, "permuted")
    table = found.table
    varies = (table["partner"] >= 0).to_numpy()
    assert varies.sum() >= 4
    np.testing.assert_array_equal(ORDER[table["partner"][varies]], table["number"][varies])
    np.testing.assert_allclose(table["r"][varies], 1, atol=1e-5)
    one = latest_analysis(survey.model("cnn").path, survey.digest, survey.model("cnn").digest, "seen")
    assert one is not None
    judged = features_folder(one).judged
    own = judged[judged["seed"] == 0].sort_values("number").set_index("number")
    there = table[table["answer"].notna()]
    assert len(there)
    np.testing.assert_allclose(there["answer"], own.loc[there["number"], "reached"], rtol=1e-3)
    real = one.activations()
    np.testing.assert_allclose(there["best"], real.max(axis=0)[there["number"]], rtol=1e-4)
    expected = [(real[:, n] < value).mean() for n, value in zip(there["number"], there["answer"], strict=True)]
    np.testing.assert_allclose(there["place"], expected, atol=1e-9)
    np.testing.assert_allclose(there["place_own"], there["place"], atol=0.02)
    assert found.first == "cnn seen"
    assert found.second == "permuted seen"


def test_a_network_with_other_weights_agrees_less(survey: Survey) -> None:
    twin, other = asked(survey, "permuted"), asked(survey, "random")
    varies = twin.table["partner"] >= 0
    assert (other.table["r"][varies] < 0.999).all()
    assert (twin.table["r"][varies] > 0.999).all()
    for each in (twin, other):
        assert (each.table["r_shuffled"].dropna() < 0.6).all()
        assert (each.table["r_forgotten"].dropna() < 0.999).all()
        assert "by chance 50%" in each.sentences[-1]


def test_it_is_kept_and_never_that_of_another_network(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(survey, "random")
    with monkeypatch.context() as patch:
        patch.setattr(feature_agreement, "_agreement_table", lambda *words: pytest.fail("computed again"))
        pd.testing.assert_frame_equal(asked(survey, "random").table, found.table)
    cnn = survey.model("cnn")
    assert "random seen" in {each.second for each in load_agreements(survey, cnn, "seen")}
    file = survey.path / "models" / "random" / "model.keras"
    before = file.read_bytes()
    try:
        file.write_bytes(before + b" ")
        assert "random seen" not in {each.second for each in load_agreements(survey, cnn, "seen")}
    finally:
        file.write_bytes(before)
    one = latest_analysis(cnn.path, survey.digest, cnn.digest, "seen")
    assert one is not None
    sheet = features_folder(one).path / "provenance.json"
    record = sheet.read_text()
    try:  # as if the sheet had been made anew with another seed
        sheet.write_text(record.replace('"seed": 0', '"seed": 9'))
        assert sheet.read_text() != record
        assert not load_agreements(survey, cnn, "seen")
    finally:
        sheet.write_text(record)


def test_a_newer_analysis_of_the_layer_does_not_hide_the_feature_images(survey: Survey) -> None:
    before = asked(survey, "random")
    cnn = survey.model("cnn")
    add_layer(survey, "cnn", metric="whitened")
    newest = latest_analysis(cnn.path, survey.digest, cnn.digest, "seen")
    assert newest is not None
    try:
        assert newest.provenance.parameters["metric"] == "whitened"
        pd.testing.assert_frame_equal(asked(survey, "random").table, before.table)
        assert "random seen" in {item.second for item in load_agreements(survey, cnn, "seen")}
    finally:
        shutil.rmtree(newest.path)


def test_shuffled_weights_are_one_draw(survey: Survey) -> None:
    first = asked(survey, "random").table
    one = latest_analysis(survey.model("cnn").path, survey.digest, survey.model("cnn").digest, "seen")
    assert one is not None
    shutil.rmtree(features_folder(one).path / "agreements")
    pd.testing.assert_frame_equal(asked(survey, "random").table, first)


def test_what_cannot_be_asked_is_told(survey: Survey) -> None:
    cnn = Representation(survey.model("cnn"), "seen")
    with pytest.raises(InputError, match="the same network"):
        agreement(survey, cnn, Representation(survey.model("copy"), "seen"))
    with pytest.raises(SurveyError, match=r"gz2interp analyse .* --model random --layer logits"):
        agreement(survey, cnn, Representation(survey.model("random"), "logits"))
    with pytest.raises(SurveyError, match="gz2interp features"):
        agreement(survey, Representation(survey.model("random"), "seen"), cnn)


def test_a_network_of_other_images_is_told(survey: Survey) -> None:
    """Its analysis belongs to the survey, but its file takes larger images: as where it was laid there by hand."""
    file = survey.path / "models" / "random" / "model.keras"
    before = file.read_bytes()
    random = survey.model("random")
    assert random.digest  # known before the file changes
    one = latest_analysis(survey.model("cnn").path, survey.digest, survey.model("cnn").digest, "seen")
    assert one is not None
    shutil.rmtree(features_folder(one).path / "agreements", ignore_errors=True)
    try:
        file.write_bytes(small_network(40))
        with pytest.raises(InputError, match="takes images"):
            agreement(survey, Representation(survey.model("cnn"), "seen"), Representation(random, "seen"))
    finally:
        file.write_bytes(before)


def test_the_verb_prints_and_writes(survey: Survey, tmp_path: Path) -> None:
    out = tmp_path / "channels.csv"
    words = ["agreement", str(survey.path), "--model", "cnn", "--with", "permuted", "--with-layer", "seen"]
    said = CliRunner().invoke(app, [*words, "--out", str(out), "--progress", "json"])
    assert said.exit_code == 0, said.output
    assert "beyond 99% of the real" in said.output.replace("\\n", " ")
    table = pd.read_csv(out)
    assert table["number"].tolist() == list(range(len(ORDER)))
    assert {"partner", "r", "place", "unlike", "place_forgotten"} <= set(table)
    wrong = CliRunner().invoke(app, ["agreement", str(survey.path), "--model", "cnn", "--with", "nobody"])
    assert isinstance(wrong.exception, InputError | SurveyError)
