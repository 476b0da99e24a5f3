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
from gz2interp.views import VIEWS, apply_view
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings, activations_as_in
from gz2interp.workflows.explain import AttributionSettings, explain
from gz2interp.workflows.import_results import import_model
from gz2interp.workflows.maps import write_maps
from gz2interp.workflows.neighbours import NeighbourLookup, NeighbourSettings, neighbours_of, neighbours_of_image
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Study, analysis_for

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
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("workflows")
    small_network().save(folder / "net.keras")
    survey = make_survey(folder / "survey", GALAXIES, model=False, analysed=False)
    return Study(survey, import_model(survey, folder / "net.keras", class_names=("round", "long")))


def fast(**changes: object) -> AnalyseSettings:
    return AnalyseSettings(layer="conv", neighbours=9, map=MapSettings(neighbours=8), **changes)  # type: ignore[arg-type]


def test_predictions_cover_every_image(study: Study) -> None:
    table = predict(study)
    np.testing.assert_array_equal(table["row"], np.flatnonzero(study.survey.usable))
    assert LOST not in set(table["row"])
    assert table["galaxy_id"].iloc[0] == FIRST_ID
    np.testing.assert_allclose(table["p_round"] + table["p_long"], 1, atol=1e-6)
    images = study.survey.images(table["row"])
    np.testing.assert_allclose(table[["p_round", "p_long"]].to_numpy(), study.probe.probabilities(images), atol=1e-6)
    assert (table["label"] == np.where(table["row"] % 2, "long", "round")).all()
    assert (table["split"] == "none").all()


def test_predictions_are_made_once(study: Study) -> None:
    predict(study)
    file = study.model.path / "predictions.parquet"
    before = file.stat().st_mtime_ns
    predict(Study(study.survey, study.model))
    assert file.stat().st_mtime_ns == before


def test_analysis_is_what_its_parts_say(study: Study) -> None:
    stages: list[str] = []
    found = analyse(study, fast(), lambda stage, done, of: stages.append(stage))
    rows = np.flatnonzero(study.survey.usable)
    np.testing.assert_array_equal(found.rows, rows)
    activations = study.probe.activations(study.survey.images(rows), "conv", pooled=True)
    np.testing.assert_allclose(found.activations(), activations, atol=1e-6)
    expected = nearest_neighbours(found.activations(), 9)
    np.testing.assert_array_equal(found.neighbours().rows, rows[expected.rows])
    np.testing.assert_array_equal(found.neighbours([5]).distances, expected.distances[[5]])
    assert np.isfinite(found.embedding.coordinates).all()
    assert list(dict.fromkeys(stages))[-4:] == ["activations", "neighbours", "map", "quality"]
    assert found.position_of(int(rows[7])) == 7
    assert found.position_of(LOST) is None


def test_analysis_is_made_once_and_never_mistaken(study: Study) -> None:
    first = analyse(study, fast())
    stages: list[str] = []
    again = analyse(study, fast(), lambda stage, done, of: stages.append(stage))
    assert (again.path, stages) == (first.path, [])
    other = analyse(study, fast(metric="euclidean"))
    assert other.path != first.path
    data, model = study.survey.digest, study.model.digest
    assert latest_analysis(study.model.path, data, model) is not None
    assert latest_analysis(study.model.path, "other data", model) is None
    assert latest_analysis(study.model.path, data, "other model") is None
    assert latest_analysis(study.model.path, data, model, "another layer") is None


def test_of_several_analyses_of_a_layer_the_last_that_was_asked_for_counts(study: Study) -> None:
    by_cosine = analyse(study)
    by_length = analyse(study, AnalyseSettings(metric="euclidean"))
    assert analysis_for(study.survey, study.model).path == by_length.path
    made = (by_cosine.path / "embedding.parquet").stat().st_mtime_ns
    analyse(study)
    assert analysis_for(study.survey, study.model).path == by_cosine.path
    assert (by_cosine.path / "embedding.parquet").stat().st_mtime_ns == made
    assert by_length.words.endswith("by euclidean distance")


def test_an_interrupted_analysis_goes_on(study: Study) -> None:
    settings = fast(metric="cosine")
    whole = analyse(study, settings)
    expected = whole.activations(), whole.embedding.coordinates
    (whole.path / "provenance.json").unlink()
    second_shard = whole.path / "activations.zarr" / "c" / "1" / "0"
    second_shard.unlink()
    (whole.path / "embedding.parquet").unlink()
    seen: list[tuple[str, int, int]] = []
    resumed = analyse(study, settings, lambda *now: seen.append(now))
    assert [now for now in seen if now[0] == "activations"] == [("activations", GALAXIES - 1, GALAXIES - 1)]
    np.testing.assert_array_equal(resumed.activations(), expected[0])
    np.testing.assert_array_equal(resumed.embedding.coordinates, expected[1])


def test_an_unknown_layer_is_told_before_any_work(study: Study) -> None:
    with pytest.raises(LayerNotFound, match="conv"):
        analyse(study, AnalyseSettings(layer="conv9"))


@pytest.mark.parametrize("method", ["gradient", "gradient_x_input", "grad_cam"])
def test_maps_are_what_the_method_says_and_land_in_fits(study: Study, tmp_path: Path, method: str) -> None:
    ids = [str(FIRST_ID + row) for row in (7, 0, 5)]
    found = explain(study, ids, AttributionSettings(method, logit("long")))
    images = study.survey.images([7, 0, 5])
    function = {"gradient": gradient, "grad_cam": grad_cam}.get(method)
    if function:
        np.testing.assert_array_equal(found.attribution.values, function(study.probe, images, logit("long")).values)
    paths = write_maps(found, tmp_path)
    assert [path.name for path in paths] == [f"{galaxy}_{method}.fits" for galaxy in ids]
    with fits.open(paths[0]) as hdus:
        assert hdus[0].header["OBJECT"] == ids[0]
        assert hdus[0].header["MODLHASH"] == study.model.digest
        stored = hdus["ATTRIBUTION"].data
        expected = found.attribution.values[0]
        np.testing.assert_array_equal(stored, np.moveaxis(expected, -1, 0) if expected.ndim == 3 else expected)
        np.testing.assert_array_equal(hdus["IMAGE"].data, np.moveaxis(images[0], -1, 0))
        wcs = WCS(hdus["IMAGE"].header).celestial
        middle = wcs.pixel_to_world(15.5, 15.5)
        catalog = study.survey.catalog.iloc[7]
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
        assert [hdus["IMAGE"].header[f"BAND{k}"] for k in range(1, 6)] == list(study.survey.bands)
        assert WCS(hdus["IMAGE"].header).naxis == 3
        hdus.verify("exception")


def test_the_completeness_gap_is_in_the_file(study: Study, tmp_path: Path) -> None:
    found = explain(study, [FIRST_ID + 7, FIRST_ID], AttributionSettings("integrated_gradients", logit("long")))
    for i, path in enumerate(write_maps(found, tmp_path)):
        values, total = found.attribution.values[i], found.attribution.total[i]
        for extension in (0, 1):
            header = fits.getheader(path, extension)
            assert header["TOTAL"] == pytest.approx(float(total))
            assert header["GAP"] == pytest.approx(float(values.sum(dtype=np.float64)) - float(total), abs=1e-6)
            assert header["GAPSHARE"] == pytest.approx(abs(header["GAP"] / header["TOTAL"]))


def test_a_gradient_at_the_image_is_per_nanomaggy(study: Study, tmp_path: Path) -> None:
    found = explain(study, [FIRST_ID], AttributionSettings("gradient", logit("long")))
    units = []
    for domain in ("input", "scaled"):
        of_domain = replace(found, attribution=replace(found.attribution, domain=domain))
        (path,) = write_maps(of_domain, tmp_path / domain)
        units.append(fits.getheader(path, "ATTRIBUTION")["BUNIT"])
    assert units == ["nmgy-1", "1"]


def test_the_predicted_class_is_explained_by_default(study: Study) -> None:
    ids = [FIRST_ID + row for row in range(3)]
    found = explain(study, ids, AttributionSettings("grad_cam"))
    for i, galaxy_id in enumerate(ids):
        alone = explain(study, [galaxy_id], AttributionSettings("grad_cam", logit(found.predictions[i])))
        np.testing.assert_allclose(found.attribution.values[i], alone.attribution.values[0], atol=1e-6)
        assert found.score_names[i] == f"logit({found.predictions[i]})"


@pytest.mark.parametrize(
    ("ids", "question", "words"),
    [
        ([FIRST_ID + LOST], AttributionSettings(), "has no image: missing, the archive has no such field"),
        ([123], AttributionSettings(), "No galaxy 123"),
        ([], AttributionSettings(), "No galaxy was named"),
        ([FIRST_ID], AttributionSettings("magic"), "One of gradient"),
        ([FIRST_ID], AttributionSettings("gradient", layer="conv"), "uses no layer"),
        ([FIRST_ID], AttributionSettings("grad_cam", logit("square")), "round"),
    ],
)
def test_wrong_questions_are_told(study: Study, ids: list[int], question: AttributionSettings, words: str) -> None:
    with pytest.raises((InputError, SurveyError), match=words):
        explain(study, ids, question)


def test_neighbours_as_a_table(study: Study) -> None:
    found = analyse(study, fast())
    table = neighbours_of(study.survey, study.model, FIRST_ID + 5, most=4)
    position = found.position_of(5)
    assert position is not None
    rows = found.neighbours([position]).rows[0][:4]
    np.testing.assert_array_equal(table["galaxy_id"], FIRST_ID + rows)
    assert table["distance"].is_monotonic_increasing
    with pytest.raises(SurveyError, match="no neighbours"):
        neighbours_of(study.survey, study.model, FIRST_ID + LOST)
    with pytest.raises(SurveyError, match="gz2interp analyse"):
        neighbours_of(study.survey, study.model, FIRST_ID, layer="stem")


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "whitened"])
def test_an_image_from_a_file_finds_the_galaxy_that_it_shows(study: Study, tmp_path: Path, metric: str) -> None:
    analyse(study, fast(metric=metric, views=True))
    image = study.survey.images([7])[0]
    fits.HDUList([fits.PrimaryHDU(np.moveaxis(image, -1, 0))]).writeto(tmp_path / "seven.fits")
    nearby = NeighbourLookup.open(study.survey, study.model)
    assert nearby.analysis.provenance.parameters["pooling"] == "mean over eight views"
    table = neighbours_of_image(study, tmp_path / "seven.fits", most=5, lookup=nearby)
    assert table["galaxy_id"][0] == FIRST_ID + 7
    assert table["distance"][0] == pytest.approx(0, abs=1e-5)
    expected = nearby.of([FIRST_ID + 7], NeighbourSettings(4))
    assert table["galaxy_id"][1:].tolist() == expected["galaxy_id"].tolist()
    assert not table["same_galaxy"].any()  # the file does not say where it is


def test_turned_and_mirrored_galaxies_have_the_same_neighbours_by_views(study: Study) -> None:
    analysis = analyse(study, fast(metric="cosine", views=True))
    images = study.survey.images(range(4, 24))
    straight = activations_as_in(analysis, study, images)
    plain = study.probe.activations(images, "conv", pooled=True)
    for view in range(VIEWS):
        seen = np.concatenate([apply_view(images, view)])
        np.testing.assert_allclose(activations_as_in(analysis, study, seen), straight, rtol=1e-5, atol=1e-6)
        if view:
            assert np.abs(study.probe.activations(seen, "conv", pooled=True) - plain).max() > 1e-3


def test_approximate_neighbours_are_another_question_and_say_their_recall(study: Study) -> None:
    exact, found = analyse(study, fast()), analyse(study, fast(index="approximate"))
    assert found.path != exact.path
    assert analyse(study, fast(index="exact")).path == exact.path
    assert exact.search is not None
    assert found.search is not None
    assert (exact.search.kind, found.search.kind) == ("exact", "approximate")
    assert found.search.recall >= 0.98
    assert found.search.sample > 0
    for wrong in (fast(metric="manhattan"), fast(index="tree")):
        with pytest.raises(InputError, match="One of"):
            analyse(study, wrong)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".fits", ".vot"])
def test_the_export_keeps_ids_and_rows(study: Study, tmp_path: Path, suffix: str) -> None:
    analyse(study, fast())
    joined = joined_table(study.survey)
    assert len(joined) == len(study.survey)
    path = tmp_path / f"survey{suffix}"
    write_table(path, joined)
    back = Table.from_pandas(pd.read_parquet(path)) if suffix == ".parquet" else Table.read(path)
    assert [int(galaxy_id) for galaxy_id in back["galaxy_id"][:2]] == [FIRST_ID, FIRST_ID + 1]
    assert back["status"][LOST] == "missing"
    assert {"prediction", "confidence", "map_x", "map_y", "p_round", "sky_sigma_g"} <= set(back.colnames)
    assert np.isfinite(back["map_x"][0])
    assert not np.isfinite(np.ma.filled(back["map_x"][LOST], np.nan))


def test_unknown_suffixes_are_told(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet, \.csv, \.fits"):
        write_table(tmp_path / "survey.xlsx", study.survey.catalog)


def test_a_network_that_does_not_fit_leaves_nothing_behind(study: Study, tmp_path: Path) -> None:
    images = keras.Input((32, 32, 3))
    small = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(images)))
    small.save(tmp_path / "three.keras")
    with pytest.raises(InputError, match=r"\(32, 32, 3\).*bands u g r i z"):
        import_model(study.survey, tmp_path / "three.keras")
    (tmp_path / "text.keras").write_text("no network")
    with pytest.raises(InputError, match=r"text\.keras|model\.keras"):
        import_model(study.survey, tmp_path / "text.keras")
    assert study.survey.models() == ["net"]
    with pytest.raises(SurveyError, match="has a model net already"):
        import_model(study.survey, study.model.model_file, "net")
    with pytest.raises(InputError, match="There is no network"):
        import_model(study.survey, tmp_path / "nowhere.keras")


@pytest.mark.parametrize("name", ["..", "a/b", ".hidden", "../net"])
def test_a_model_name_cannot_leave_its_folder(study: Study, tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.keras").write_text("no network")
    with pytest.raises(InputError, match="The model name"):
        import_model(study.survey, tmp_path / "bad.keras", name)
    assert Survey.open(study.survey.path).models() == ["net"]


def test_an_unfinished_training_is_not_laid_over(study: Study, tmp_path: Path) -> None:
    checkpoint = study.survey.path / "models" / "exp1" / "checkpoint"
    checkpoint.mkdir(parents=True)
    with pytest.raises(SurveyError, match="has a model exp1 already"):
        import_model(study.survey, study.model.model_file, "exp1")
    assert checkpoint.is_dir()
    checkpoint.rmdir()
    checkpoint.parent.rmdir()


def test_other_class_names_are_another_question(tmp_path: Path) -> None:
    small_network().save(tmp_path / "net.keras")
    survey = make_survey(tmp_path / "survey", 20, model=False, analysed=False)
    model = import_model(survey, tmp_path / "net.keras", class_names=("rund", "länglich"))
    first = predict(Study(survey, model))
    told = json.loads((model.path / "run.json").read_text())
    (model.path / "run.json").write_text(json.dumps(told | {"class_names": ["länglich", "rund"]}))
    renamed = ModelFolder(model.path)
    with pytest.raises(SurveyError, match="has not been run over"):
        _ = renamed.predictions
    first["split"] = "train"
    model.write_predictions(first, model.predictions_provenance)
    second = predict(Study(survey, renamed))
    assert (second["split"] == "train").all()  # the parts played in the training do not hang on names
    np.testing.assert_array_equal(first["p_rund"], second["p_länglich"])
    # FITS knows ASCII only: letters beyond it are escaped, not refused.
    explanation = explain(Study(survey, renamed), [FIRST_ID], AttributionSettings("gradient", logit("länglich")))
    (path,) = write_maps(explanation, tmp_path / "maps")
    assert fits.getheader(path)["SCORE"] == "logit(l\\xe4nglich)"
    write_table(tmp_path / "all.fits", joined_table(survey))
    assert "p_l\\xe4nglich" in Table.read(tmp_path / "all.fits").colnames


def test_galaxies_that_came_later_keep_the_catalogues_label(study: Study) -> None:
    parts = predict(study)[["row", "split", "label"]].iloc[:100].assign(split="train")
    predict(study, parts)
    renewed = dataclasses.replace(study.model.predictions_provenance, data="an older survey")
    study.model.write_predictions(study.model.predictions.iloc[:100], renewed)
    table = predict(Study(study.survey, ModelFolder(study.model.path)))
    assert (table["split"] == "train").sum() == 100
    assert (table["label"] == np.where(table["row"] % 2, "long", "round")).all()
    predict(study, table[["row", "label"]].assign(split="none"))


def test_the_export_keeps_our_columns_apart_from_the_catalogues(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "survey", 20)
    catalog = survey.catalog.assign(status="old", prediction="old", map_x=0.0)
    again = Survey.create(tmp_path / "again", catalog, shape=(32, 32))
    joined = joined_table(again)
    assert (joined["catalog_status"] == "old").all()
    assert (joined["status"] == "").all()
    assert joined.columns.is_unique


def test_check_sees_models_and_analyses(study: Study) -> None:
    analyse(study, fast())
    words = [finding.words for finding in check_survey(study.survey.path)]
    assert words == [f"1 x missing: the archive has no such field (for example galaxy {FIRST_ID + LOST})"]
    provenance = json.loads((analyse(study, fast()).path / "provenance.json").read_text())
    assert provenance["layer"] == "conv"
    assert Survey.open(study.survey.path).model().class_names == ("round", "long")
