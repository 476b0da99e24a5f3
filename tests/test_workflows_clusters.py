"""Clusters of a survey from end to end: kept, described, refused; without predictions, votes or a network's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dashboard_fixtures import FIRST_ID, LAYER, add_model, catalogue, cutout
from typer.testing import CliRunner

from gz2interp.cli import app
from gz2interp.errors import InputError, SurveyError
from gz2interp.grouping import Clusters
from gz2interp.results import Cutout, Embedding, Neighbours, Provenance
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows import clusters as workflow
from gz2interp.workflows.cluster_columns import catalogue_columns
from gz2interp.workflows.study import Study

N = 240
BLURRED = slice(200, 240)


def make(path: Path, answers: bool = True) -> Study:
    """Round galaxies to the left of the map, long ones to the right; 40 taken in bad seeing lie above."""
    rng = np.random.default_rng(2)
    frame = catalogue(N, rng)
    frame["g"] = frame["r"] + np.where(np.arange(N) % 2 == 0, 0.9, 0.6) + 0.02 * rng.standard_normal(N)
    survey = Survey.create(path, frame, shape=(32, 32), source="test")
    with survey.writer() as writer:
        for row in range(N):
            taken = cutout(row, rng)
            widths = (2.2 if row >= BLURRED.start else 1.3 + 0.05 * rng.standard_normal(),) * 5
            writer.append(Cutout(taken.image, taken.valid, "test", 0.396, sky_sigma=taken.sky_sigma, psf_fwhm=widths))
    survey = Survey.open(path)
    add_model(survey, rng)
    model = survey.model("cnn")
    if not answers:
        (model.path / "predictions.json").unlink()
    places = np.column_stack([np.where(np.arange(N) % 2 == 0, -9.0, 9.0), np.zeros(N)])
    places[BLURRED] = (0.0, 14.0)
    places += rng.standard_normal(places.shape)
    made = Provenance(survey.digest, model.digest, LAYER, "analysis", {"metric": "euclidean", "map": "umap"}, 0)
    analysis = Analysis(layer_folder(model.path, LAYER) / made.digest)
    analysis.path.mkdir(parents=True)
    analysis.write_activations(0, np.column_stack([places, rng.standard_normal((N, 3))]).astype(np.float32), N)
    nobody = Neighbours(np.full((N, 1), -1), np.full((N, 1), np.nan, np.float32), "euclidean")
    analysis.write_neighbours(nobody)
    analysis.write_map(np.arange(N), survey.galaxy_ids, Embedding(places.astype(np.float32), "umap"))
    analysis.complete(made)
    return Study(survey, model)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make(tmp_path_factory.mktemp("surveys") / "tiny")


@pytest.fixture(scope="module")
def found(study: Study) -> Clusters:
    return workflow.clusters(study)


def test_each_cluster_says_what_it_is(study: Study, found: Clusters) -> None:
    one, two, three = found.of("coarse")
    folder = workflow.cluster_folder(study.survey, study.model)
    assert folder is not None
    catalog = study.survey.catalog
    colour = catalog["g"] - catalog["r"]
    for cluster in (one, two):
        inside = folder.is_member(cluster.name)
        if "g-r" in cluster.columns:
            numbers = f"{colour[inside].median():.2f}, {colour[~inside].median():.2f}"
            assert f"{'redder' if numbers[2] == '9' else 'bluer'} (g-r {numbers} elsewhere)" in cluster.sentence
        else:  # label and colour mirror one another: the label is told
            label = catalog["label"][inside].iloc[0]
            shares = [100 * (catalog["label"][side] == label).mean() for side in (inside, ~inside)]
            said = f"mostly labelled {label} ({shares[0]:.0f} %, {shares[1]:.0f} % elsewhere)"
            assert said in cluster.sentence
    assert not one.flags
    assert not two.flags
    assert three.flags[0].cause == "seeing"
    assert three.flags[0].words.startswith("Probably caused by the seeing: PSF in r 2.20″ against 1.3")
    assert three.words.startswith("Probably caused by the seeing")


def test_all_of_it_is_kept_and_found_again(study: Study, found: Clusters) -> None:
    folder = workflow.cluster_folder(study.survey, study.model)
    assert folder is not None
    assert Clusters.from_json(found.to_json()) == found == folder.clusters == workflow.clusters(study)
    assert len(folder.comparisons) == found.tests
    assert folder.members[GALAXY_ID].iloc[0] == FIRST_ID
    for scale in found.scales:
        sizes = folder.members[scale].value_counts()
        assert [sizes[each.number] for each in found.of(scale)] == [each.size for each in found.of(scale)]
        assert sizes.get(0, 0) == found.between[scale]


def test_typical_galaxies_are_members_and_those_nearest_to_all_others(study: Study, found: Clusters) -> None:
    folder = workflow.cluster_folder(study.survey, study.model)
    assert folder is not None
    analysis = Analysis(folder.path.parent)
    for cluster in found.clusters:
        members = np.flatnonzero(folder.is_member(cluster.name))
        values = analysis.activations(members)
        apart = np.linalg.norm(values[:, None] - values[None], axis=2).sum(axis=1)
        assert list(cluster.typical) == members[np.argsort(apart, kind="stable")[:8]].tolist()
        assert cluster.middle in members


def test_the_mean_image_is_that_of_the_members_in_units_of_their_light(study: Study, found: Clusters) -> None:
    folder = workflow.cluster_folder(study.survey, study.model)
    assert folder is not None
    light = pd.read_parquet(study.survey.path / "quality.parquet")["light"].to_numpy()
    assert found.light == pytest.approx(np.median(light))
    for cluster in found.of("coarse"):
        members = np.flatnonzero(folder.is_member(cluster.name))
        own = np.maximum(light[members], 0.05 * np.median(light))
        images = study.survey.images(members)
        middle = images[:, 12:20, 12:20].max(axis=(1, 2), keepdims=True)  # nothing counts as brighter than that
        direct = (np.minimum(images, middle) / own[:, None, None, None]).mean(axis=0)
        np.testing.assert_allclose(folder.mean_image(cluster.name), direct, atol=1e-6)
        assert cluster.stacked == len(members)


def test_a_place_on_the_map_has_the_cluster_in_which_it_lies(study: Study, found: Clusters) -> None:
    folder = workflow.cluster_folder(study.survey, study.model)
    assert folder is not None
    analysis = Analysis(folder.path.parent)
    places = analysis.embedding.coordinates
    for scale in found.scales:
        names = [at[scale] for at in workflow.clusters_at(analysis, places)]
        numbers = folder.members[scale]
        assert names == [f"{scale}-{number}" if number else "" for number in numbers]
    assert workflow.clusters_at(analysis, [(500.0, 500.0)])[0]["coarse"] == ""


def test_the_command_line_says_the_sentences_and_writes_members(study: Study, found: Clusters, tmp_path: Path) -> None:
    out = tmp_path / "members.csv"
    asked = ["clusters", str(study.survey.path), "--scale", "coarse", "--out", str(out), "--progress", "json"]
    said = CliRunner().invoke(app, asked)
    assert said.exit_code == 0, said.output
    told = said.output.replace("\n", " ")
    assert all(cluster.sentence in told for cluster in found.of("coarse"))
    written = pd.read_csv(out, dtype={"galaxy_id": str})
    assert written["galaxy_id"].iloc[0] == str(FIRST_ID)
    assert list(written) == ["row", "galaxy_id", "coarse"]


def test_without_predictions_there_are_clusters_all_the_same(tmp_path: Path) -> None:
    study = make(tmp_path / "latents", answers=False)
    found = workflow.clusters(study)
    assert len(found.of("coarse")) == 3
    folder = workflow.cluster_folder(study.survey, study.model)
    assert folder is not None
    assert "network" not in set(folder.comparisons["source"])


def test_what_is_not_there_is_said(study: Study, found: Clusters) -> None:
    with pytest.raises(SurveyError, match=r"gz2interp analyse .* --model cnn --layer block9"):
        workflow.clusters(study, "block9")
    with pytest.raises(InputError, match="coarse, middle, fine"):
        workflow.clusters_table(found, "tiny")
    folder = workflow.cluster_folder(study.survey, study.model)
    assert folder is not None
    with pytest.raises(InputError, match="coarse-1"):
        folder.is_member("coarse-99")


@pytest.mark.realdata
def test_columns_of_real_catalogues_have_words(real_data: Path, tmp_path: Path) -> None:
    for name in ("gz2_main_sample.csv.gz", "gz2_stripe82.csv.gz"):
        frame = pd.read_csv(real_data / name).head(1500)
        frame.to_parquet(tmp_path / "catalog.parquet")
        columns = list(
            catalogue_columns(tmp_path / "catalog.parquet", np.arange(len(frame)), ("u", "g", "r", "i", "z"))
        )
        names = [column.name for column in columns]
        assert len(set(names)) == len(names)
        assert sum(column.source == "votes" for column in columns) == 37
        assert not {"dr7objid", "rastring", "run", "camcol"} & set(names)
        if "g" in frame:
            assert {"g-r", "petroRad_r"} <= set(names)
        else:
            assert any(name.startswith("gz2_class = ") for name in names)
