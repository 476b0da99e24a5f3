"""The whole way through the house with a small network: predict, analyse, explain, draw, export, lay elsewhere."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from dashboard_fixtures import FIRST_ID, LOST, make_survey

from gz2interp.attribution import METHODS, grad_cam, gradient
from gz2interp.embedding.index import nearest_neighbours
from gz2interp.embedding.projection import MapSettings
from gz2interp.errors import InputError, LayerNotFound, SurveyError
from gz2interp.network.quiet import keras
from gz2interp.network.scores import logit
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.checking import check_survey
from gz2interp.stores.exporting import joined_table
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import write_table
from gz2interp.views import VIEWS, turned
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings, activations_as_in
from gz2interp.workflows.explain import Question, explain
from gz2interp.workflows.import_results import lay_model
from gz2interp.workflows.maps import write_maps
from gz2interp.workflows.neighbours import Nearby, NearbyWish, neighbours_of, neighbours_of_image
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Subject, analysis_for

GALAXIES = 300
"""More than one shard of 256."""


def small_network() -> keras.Model:
    keras.utils.set_random_seed(3)
    images = keras.Input((32, 32, 5))
    scaled = keras.layers.Rescaling(0.5, name="scaled")(images)
    features = keras.layers.Conv2D(6, 3, strides=4, activation="relu", name="conv")(scaled)
    logits = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(features))
    return keras.Model(images, keras.layers.Softmax()(logits))


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("workflows")
    small_network().save(folder / "net.keras")
    survey = make_survey(folder / "survey", GALAXIES, model=False, analysed=False)
    return Subject(survey, lay_model(survey, folder / "net.keras", class_names=("round", "long")))


def fast(**changes: object) -> AnalyseSettings:
    return AnalyseSettings(layer="conv", neighbours=9, map=MapSettings(neighbours=8), **changes)  # type: ignore[arg-type]


def test_predictions_cover_every_image(subject: Subject) -> None:
    table = predict(subject)
    np.testing.assert_array_equal(table["row"], np.flatnonzero(subject.survey.usable))
    assert LOST not in set(table["row"])
    assert table["galaxy_id"].iloc[0] == FIRST_ID
    np.testing.assert_allclose(table["p_round"] + table["p_long"], 1, atol=1e-6)
    images = subject.survey.images(table["row"])
    np.testing.assert_allclose(table[["p_round", "p_long"]].to_numpy(), subject.probe.probabilities(images), atol=1e-6)
    assert (table["label"] == np.where(table["row"] % 2, "long", "round")).all()
    assert (table["split"] == "none").all()


def test_predictions_are_made_once(subject: Subject) -> None:
    predict(subject)
    file = subject.model.path / "predictions.parquet"
    before = file.stat().st_mtime_ns
    predict(Subject(subject.survey, subject.model))
    assert file.stat().st_mtime_ns == before


def test_analysis_is_what_its_parts_say(subject: Subject) -> None:
    stages: list[str] = []
    found = analyse(subject, fast(), lambda stage, done, of: stages.append(stage))
    rows = np.flatnonzero(subject.survey.usable)
    np.testing.assert_array_equal(found.rows, rows)
    activations = subject.probe.activations(subject.survey.images(rows), "conv", pooled=True)
    np.testing.assert_allclose(found.activations(), activations, atol=1e-6)
    expected = nearest_neighbours(found.activations(), 9)
    np.testing.assert_array_equal(found.neighbours().rows, rows[expected.rows])
    np.testing.assert_array_equal(found.neighbours([5]).distances, expected.distances[[5]])
    assert np.isfinite(found.embedding.coordinates).all()
    assert list(dict.fromkeys(stages))[-4:] == ["activations", "neighbours", "map", "quality"]
    assert found.position_of(int(rows[7])) == 7
    assert found.position_of(LOST) is None


def test_analysis_is_made_once_and_never_mistaken(subject: Subject) -> None:
    first = analyse(subject, fast())
    stages: list[str] = []
    again = analyse(subject, fast(), lambda stage, done, of: stages.append(stage))
    assert (again.path, stages) == (first.path, [])
    other = analyse(subject, fast(metric="euclidean"))
    assert other.path != first.path
    data, model = subject.survey.digest, subject.model.digest
    assert latest_analysis(subject.model.path, data, model) is not None
    assert latest_analysis(subject.model.path, "other data", model) is None
    assert latest_analysis(subject.model.path, data, "other model") is None
    assert latest_analysis(subject.model.path, data, model, "another layer") is None


def test_of_several_analyses_of_a_layer_the_last_that_was_asked_for_counts(subject: Subject) -> None:
    by_cosine = analyse(subject)
    by_length = analyse(subject, AnalyseSettings(metric="euclidean"))
    assert analysis_for(subject.survey, subject.model).path == by_length.path
    made = (by_cosine.path / "embedding.parquet").stat().st_mtime_ns
    analyse(subject)
    assert analysis_for(subject.survey, subject.model).path == by_cosine.path
    assert (by_cosine.path / "embedding.parquet").stat().st_mtime_ns == made
    assert by_length.words.endswith("by euclidean distance")


def test_an_interrupted_analysis_goes_on(subject: Subject) -> None:
    settings = fast(metric="cosine")
    whole = analyse(subject, settings)
    expected = whole.activations(), whole.embedding.coordinates
    (whole.path / "provenance.json").unlink()
    second_shard = whole.path / "activations.zarr" / "c" / "1" / "0"
    second_shard.unlink()
    (whole.path / "embedding.parquet").unlink()
    seen: list[tuple[str, int, int]] = []
    resumed = analyse(subject, settings, lambda *now: seen.append(now))
    assert [now for now in seen if now[0] == "activations"] == [("activations", GALAXIES - 1, GALAXIES - 1)]
    np.testing.assert_array_equal(resumed.activations(), expected[0])
    np.testing.assert_array_equal(resumed.embedding.coordinates, expected[1])


def test_an_unknown_layer_is_told_before_any_work(subject: Subject) -> None:
    with pytest.raises(LayerNotFound, match="conv"):
        analyse(subject, AnalyseSettings(layer="conv9"))


@pytest.mark.parametrize("method", ["gradient", "gradient_x_input", "grad_cam"])
def test_maps_are_what_the_method_says_and_land_in_fits(subject: Subject, tmp_path: Path, method: str) -> None:
    ids = [str(FIRST_ID + row) for row in (7, 0, 5)]
    found = explain(subject, ids, Question(method, logit("long")))
    images = subject.survey.images([7, 0, 5])
    function = {"gradient": gradient, "grad_cam": grad_cam}.get(method)
    if function:
        np.testing.assert_array_equal(found.attribution.values, function(subject.probe, images, logit("long")).values)
    paths = write_maps(found, tmp_path)
    assert [path.name for path in paths] == [f"{galaxy}_{method}.fits" for galaxy in ids]
    with fits.open(paths[0]) as hdus:
        assert hdus[0].header["OBJECT"] == ids[0]
        assert hdus[0].header["MODLHASH"] == subject.model.digest
        stored = hdus["ATTRIBUTION"].data
        expected = found.attribution.values[0]
        np.testing.assert_array_equal(stored, np.moveaxis(expected, -1, 0) if expected.ndim == 3 else expected)
        np.testing.assert_array_equal(hdus["IMAGE"].data, np.moveaxis(images[0], -1, 0))
        wcs = WCS(hdus["IMAGE"].header).celestial
        middle = wcs.pixel_to_world(15.5, 15.5)
        catalog = subject.survey.catalog.iloc[7]
        assert middle.ra.deg == pytest.approx(catalog["ra"], abs=1e-9)
        assert middle.dec.deg == pytest.approx(catalog["dec"], abs=1e-9)
        up = middle.position_angle(wcs.pixel_to_world(15.5, 16.5)).deg
        assert min(up, 360 - up) == pytest.approx(0, abs=0.01)
        assert wcs.pixel_to_world(14.5, 15.5).ra > middle.ra  # east is left
        assert hdus[0].header["PREDICT"] in ("round", "long")
        described = METHODS[method]
        for header in (hdus[0].header, hdus["ATTRIBUTION"].header):
            assert header["METHOD"] == method
            assert described.title in header["REFERENC"]
            assert (header.get("LAYER", "") != "") == described.needs_layer
            assert header["SCORE"] == "logit(long)"
        assert [hdus[name].header["BUNIT"] for name in ("IMAGE", "VALID")] == ["nmgy", "1"]
        per_flux = not described.contributes and found.attribution.domain == "input"
        assert hdus["ATTRIBUTION"].header["BUNIT"] == ("nmgy-1" if per_flux else "1")
        assert [hdus["IMAGE"].header[f"BAND{k}"] for k in range(1, 6)] == list(subject.survey.bands)
        assert WCS(hdus["IMAGE"].header).naxis == 3
        hdus.verify("exception")


def test_the_completeness_gap_is_in_the_file(subject: Subject, tmp_path: Path) -> None:
    found = explain(subject, [FIRST_ID + 7, FIRST_ID], Question("integrated_gradients", logit("long")))
    for i, path in enumerate(write_maps(found, tmp_path)):
        values, total = found.attribution.values[i], found.attribution.total[i]
        for extension in (0, 1):
            header = fits.getheader(path, extension)
            assert header["TOTAL"] == pytest.approx(float(total))
            assert header["GAP"] == pytest.approx(float(values.sum(dtype=np.float64)) - float(total), abs=1e-6)
            assert header["GAPSHARE"] == pytest.approx(abs(header["GAP"] / header["TOTAL"]))


def test_a_gradient_at_the_image_is_per_nanomaggy(subject: Subject, tmp_path: Path) -> None:
    found = explain(subject, [FIRST_ID], Question("gradient", logit("long")))
    units = []
    for domain in ("input", "scaled"):
        of_domain = replace(found, attribution=replace(found.attribution, domain=domain))
        (path,) = write_maps(of_domain, tmp_path / domain)
        units.append(fits.getheader(path, "ATTRIBUTION")["BUNIT"])
    assert units == ["nmgy-1", "1"]


def test_the_predicted_class_is_explained_by_default(subject: Subject) -> None:
    ids = [FIRST_ID + row for row in range(3)]
    found = explain(subject, ids, Question("grad_cam"))
    for i, galaxy_id in enumerate(ids):
        alone = explain(subject, [galaxy_id], Question("grad_cam", logit(found.predictions[i])))
        np.testing.assert_allclose(found.attribution.values[i], alone.attribution.values[0], atol=1e-6)
        assert found.score_names[i] == f"logit({found.predictions[i]})"


@pytest.mark.parametrize(
    ("ids", "question", "words"),
    [
        ([FIRST_ID + LOST], Question(), "has no image: missing, the archive has no such field"),
        ([123], Question(), "No galaxy 123"),
        ([], Question(), "No galaxy was named"),
        ([FIRST_ID], Question("magic"), "One of gradient"),
        ([FIRST_ID], Question("gradient", layer="conv"), "looks at no layer"),
        ([FIRST_ID], Question("grad_cam", logit("square")), "round"),
    ],
)
def test_wrong_questions_are_told(subject: Subject, ids: list[int], question: Question, words: str) -> None:
    with pytest.raises((InputError, SurveyError), match=words):
        explain(subject, ids, question)


def test_neighbours_as_a_table(subject: Subject) -> None:
    found = analyse(subject, fast())
    table = neighbours_of(subject.survey, subject.model, FIRST_ID + 5, most=4)
    position = found.position_of(5)
    assert position is not None
    rows = found.neighbours([position]).rows[0][:4]
    np.testing.assert_array_equal(table["galaxy_id"], FIRST_ID + rows)
    assert table["distance"].is_monotonic_increasing
    with pytest.raises(SurveyError, match="no neighbours"):
        neighbours_of(subject.survey, subject.model, FIRST_ID + LOST)
    with pytest.raises(SurveyError, match="gz2interp analyse"):
        neighbours_of(subject.survey, subject.model, FIRST_ID, layer="stem")


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "whitened"])
def test_an_image_from_a_file_finds_the_galaxy_that_it_shows(subject: Subject, tmp_path: Path, metric: str) -> None:
    analyse(subject, fast(metric=metric, views=True))
    image = subject.survey.images([7])[0]
    fits.HDUList([fits.PrimaryHDU(np.moveaxis(image, -1, 0))]).writeto(tmp_path / "seven.fits")
    nearby = Nearby.open(subject.survey, subject.model)
    assert nearby.analysis.provenance.parameters["pooling"] == "mean over eight views"
    table = neighbours_of_image(subject, tmp_path / "seven.fits", most=5, nearby=nearby)
    assert table["galaxy_id"][0] == FIRST_ID + 7
    assert table["distance"][0] == pytest.approx(0, abs=1e-5)
    expected = nearby.of([FIRST_ID + 7], NearbyWish(4))
    assert table["galaxy_id"][1:].tolist() == expected["galaxy_id"].tolist()
    assert not table["same_galaxy"].any()  # the file does not say where it is


def test_turned_and_mirrored_galaxies_have_the_same_neighbours_by_views(subject: Subject) -> None:
    analysis = analyse(subject, fast(metric="cosine", views=True))
    images = subject.survey.images(range(4, 24))
    straight = activations_as_in(analysis, subject, images)
    plain = subject.probe.activations(images, "conv", pooled=True)
    for view in range(VIEWS):
        seen = np.concatenate([turned(images, view)])
        np.testing.assert_allclose(activations_as_in(analysis, subject, seen), straight, rtol=1e-5, atol=1e-6)
        if view:
            assert np.abs(subject.probe.activations(seen, "conv", pooled=True) - plain).max() > 1e-3


def test_approximate_neighbours_are_another_question_and_say_their_recall(subject: Subject) -> None:
    exact, found = analyse(subject, fast()), analyse(subject, fast(index="approximate"))
    assert found.path != exact.path
    assert analyse(subject, fast(index="exact")).path == exact.path
    assert exact.search is not None
    assert found.search is not None
    assert (exact.search.kind, found.search.kind) == ("exact", "approximate")
    assert found.search.recall >= 0.98
    assert found.search.sample > 0
    for wrong in (fast(metric="manhattan"), fast(index="tree")):
        with pytest.raises(InputError, match="One of"):
            analyse(subject, wrong)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".fits", ".vot"])
def test_the_export_keeps_ids_and_rows(subject: Subject, tmp_path: Path, suffix: str) -> None:
    analyse(subject, fast())
    joined = joined_table(subject.survey)
    assert len(joined) == len(subject.survey)
    path = tmp_path / f"survey{suffix}"
    write_table(path, joined)
    back = Table.from_pandas(pd.read_parquet(path)) if suffix == ".parquet" else Table.read(path)
    assert [int(galaxy_id) for galaxy_id in back["galaxy_id"][:2]] == [FIRST_ID, FIRST_ID + 1]
    assert back["status"][LOST] == "missing"
    assert {"prediction", "confidence", "map_x", "map_y", "p_round", "sky_sigma_g"} <= set(back.colnames)
    assert np.isfinite(back["map_x"][0])
    assert not np.isfinite(np.ma.filled(back["map_x"][LOST], np.nan))


def test_unknown_suffixes_are_told(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet, \.csv, \.fits"):
        write_table(tmp_path / "survey.xlsx", subject.survey.catalog)


def test_a_network_that_does_not_fit_leaves_nothing_behind(subject: Subject, tmp_path: Path) -> None:
    images = keras.Input((32, 32, 3))
    small = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(images)))
    small.save(tmp_path / "three.keras")
    with pytest.raises(InputError, match=r"\(32, 32, 3\).*bands u g r i z"):
        lay_model(subject.survey, tmp_path / "three.keras")
    (tmp_path / "text.keras").write_text("no network")
    with pytest.raises(InputError, match=r"text\.keras|model\.keras"):
        lay_model(subject.survey, tmp_path / "text.keras")
    assert subject.survey.models() == ["net"]
    with pytest.raises(SurveyError, match="has a model net already"):
        lay_model(subject.survey, subject.model.model_file, "net")
    with pytest.raises(InputError, match="There is no network"):
        lay_model(subject.survey, tmp_path / "nowhere.keras")


@pytest.mark.parametrize("name", ["..", "a/b", ".hidden", "../net"])
def test_a_model_name_cannot_leave_its_folder(subject: Subject, tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.keras").write_text("no network")
    with pytest.raises(InputError, match="The model name"):
        lay_model(subject.survey, tmp_path / "bad.keras", name)
    assert Survey.open(subject.survey.path).models() == ["net"]


def test_an_unfinished_training_is_not_laid_over(subject: Subject, tmp_path: Path) -> None:
    checkpoint = subject.survey.path / "models" / "exp1" / "checkpoint"
    checkpoint.mkdir(parents=True)
    with pytest.raises(SurveyError, match="has a model exp1 already"):
        lay_model(subject.survey, subject.model.model_file, "exp1")
    assert checkpoint.is_dir()
    checkpoint.rmdir()
    checkpoint.parent.rmdir()


def test_other_class_names_are_another_question(tmp_path: Path) -> None:
    small_network().save(tmp_path / "net.keras")
    survey = make_survey(tmp_path / "survey", 20, model=False, analysed=False)
    model = lay_model(survey, tmp_path / "net.keras", class_names=("rund", "länglich"))
    first = predict(Subject(survey, model))
    told = json.loads((model.path / "run.json").read_text())
    (model.path / "run.json").write_text(json.dumps(told | {"class_names": ["länglich", "rund"]}))
    renamed = ModelFolder(model.path)
    with pytest.raises(SurveyError, match="has not been run over"):
        _ = renamed.predictions
    first["split"] = "train"
    model.write_predictions(first, model.predictions_provenance)
    second = predict(Subject(survey, renamed))
    assert (second["split"] == "train").all()  # the parts played in the training do not hang on names
    np.testing.assert_array_equal(first["p_rund"], second["p_länglich"])
    # FITS knows ASCII only: letters beyond it are escaped, not refused.
    explanation = explain(Subject(survey, renamed), [FIRST_ID], Question("gradient", logit("länglich")))
    (path,) = write_maps(explanation, tmp_path / "maps")
    assert fits.getheader(path)["SCORE"] == "logit(l\\xe4nglich)"
    write_table(tmp_path / "all.fits", joined_table(survey))
    assert "p_l\\xe4nglich" in Table.read(tmp_path / "all.fits").colnames


def test_galaxies_that_came_later_keep_the_catalogues_label(subject: Subject) -> None:
    parts = predict(subject)[["row", "split", "label"]].iloc[:100].assign(split="train")
    predict(subject, parts)
    renewed = dataclasses.replace(subject.model.predictions_provenance, data="an older survey")
    subject.model.write_predictions(subject.model.predictions.iloc[:100], renewed)
    table = predict(Subject(subject.survey, ModelFolder(subject.model.path)))
    assert (table["split"] == "train").sum() == 100
    assert (table["label"] == np.where(table["row"] % 2, "long", "round")).all()
    predict(subject, table[["row", "label"]].assign(split="none"))


def test_the_export_keeps_our_columns_apart_from_the_catalogues(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "survey", 20)
    catalog = survey.catalog.assign(status="old", prediction="old", map_x=0.0)
    again = Survey.create(tmp_path / "again", catalog, shape=(32, 32))
    joined = joined_table(again)
    assert (joined["catalog_status"] == "old").all()
    assert (joined["status"] == "").all()
    assert joined.columns.is_unique


def test_check_sees_models_and_analyses(subject: Subject) -> None:
    analyse(subject, fast())
    words = [finding.words for finding in check_survey(subject.survey.path)]
    assert words == [f"1 x missing: the archive has no such field (for example galaxy {FIRST_ID + LOST})"]
    provenance = json.loads((analyse(subject, fast()).path / "provenance.json").read_text())
    assert provenance["layer"] == "conv"
    assert Survey.open(subject.survey.path).model().class_names == ("round", "long")
