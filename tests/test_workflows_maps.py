"""Maps put to use: quality is kept, new galaxies are placed, two spaces are compared, latents are like a layer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import ran
from dashboard_fixtures import CLASSES, FIRST_ID, make_survey, small_network

from gz2interp.embedding.comparison import (
    align_map,
    displacements,
    shared_by_chance,
    shared_neighbours,
    starting_places,
)
from gz2interp.embedding.projection import MapSettings
from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Neighbours
from gz2interp.stores.exporting import joined_table
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings, placer_of
from gz2interp.workflows.compare import Comparison, Representation, compare, compare_all, draw_comparison, most_changed
from gz2interp.workflows.import_results import import_latents
from gz2interp.workflows.place import place_activations, place_images, place_survey
from gz2interp.workflows.study import Study, analysis_for

N = 160


def latents(n: int = N, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (6 * rng.normal(size=(3, 8))[np.arange(n) % 3] + rng.normal(size=(n, 8))).astype(np.float32)


def rotation(seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(8, 8)))[0]


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    folder = tmp_path_factory.mktemp("maps")
    survey = make_survey(folder / "survey", N, network=small_network(), analysed=False)
    for name, values in {
        "a": latents(),
        "turned": latents() @ rotation().astype(np.float32),
        "unlike": latents(seed=5)[np.random.default_rng(2).permutation(N)],
    }.items():
        np.savez(folder / f"{name}.npz", ids=survey.galaxy_ids, latents=values)
        import_latents(survey, folder / f"{name}.npz", name)
    part = pd.DataFrame({"galaxy_id": survey.galaxy_ids[:90]} | {f"z{i}": latents()[:90, i] for i in range(8)})
    part.to_parquet(folder / "part.parquet")
    import_latents(survey, folder / "part.parquet", "part")
    for name in ("a", "turned", "unlike", "part"):
        analyse(Study(survey, survey.model(name)), fast())
    return survey


def fast() -> AnalyseSettings:
    return AnalyseSettings(metric="euclidean", neighbours=16, map=MapSettings(neighbours=10))


def side(survey: Survey, name: str) -> Representation:
    return Representation(survey.model(name))


@pytest.fixture(scope="module")
def turned(survey: Survey) -> Comparison:
    return compare(survey, side(survey, "a"), side(survey, "turned"), 12)


@pytest.mark.long
def test_latents_are_analysed_as_a_layer_is(survey: Survey) -> None:
    found = analysis_for(survey, survey.model("a"))
    np.testing.assert_array_equal(found.activations(), latents())
    assert (found.layer, found.provenance.parameters["pooling"]) == ("latents", "none")
    assert found.quality is not None
    assert set(found.quality.agreement) == {"label"}  # nobody predicted anything
    assert found.quality.trustworthiness > 0.8
    assert found.quality.placing is not None
    assert {"map_x", "map_y"} <= set(joined_table(survey, "a"))


@pytest.mark.long
def test_a_turned_space_is_the_same_space(survey: Survey, turned: Comparison) -> None:
    assert turned.shared == 1
    assert (turned.table["shared"] == 1).all()
    assert turned.by_chance == pytest.approx(12 / (N - 1))
    assert sorted(turned.table["galaxy_id"]) == sorted(survey.galaxy_ids)


@pytest.mark.long
def test_unlike_spaces_share_what_chance_gives(survey: Survey) -> None:
    found = compare(survey, side(survey, "a"), side(survey, "unlike"), 12)
    assert found.shared == pytest.approx(found.by_chance, abs=0.04)
    assert found.table["shared"].is_monotonic_increasing
    assert found.table["moved"].median() > 0.1


@pytest.mark.long
def test_the_aligned_map_is_made_once(survey: Survey, turned: Comparison) -> None:
    stages: list[str] = []
    again = compare(survey, side(survey, "a"), side(survey, "turned"), 12, lambda stage, done, of: stages.append(stage))
    assert stages == []
    pd.testing.assert_frame_equal(again.table, turned.table)
    same = compare(survey, side(survey, "a"), side(survey, "a"), 5)
    assert (same.shared, same.table["moved"].max()) == (1, 0)


@pytest.mark.long
def test_several_are_laid_beside_the_first(survey: Survey, turned: Comparison) -> None:
    sides = [side(survey, name) for name in ("a", "turned", "unlike")]
    one, two = compare_all(survey, sides, 12)
    pd.testing.assert_frame_equal(one.table, turned.table)
    for found in (one, two):  # on the first's own places
        table = found.table.set_index("row").loc[one.table["row"]]
        np.testing.assert_array_equal(table[["x", "y"]], one.table[["x", "y"]])
    for wrong in (sides[:1], [sides[0], sides[1], sides[0]]):
        with pytest.raises(InputError, match="Two or more different layers or models"):
            compare_all(survey, wrong)


def test_the_command_takes_several_and_numbers_their_files(survey: Survey, tmp_path: Path) -> None:
    names = [word for name in ("a", "turned", "unlike") for word in ("--model", name)]
    done = ran("compare", survey.path, *names, "-n", 5, "--out", tmp_path / "c.csv")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"c.csv", "c-2.csv"}
    wrong = ran("compare", survey.path, *names, "--layer", "x", "--layer", "y")
    assert wrong.returncode != 0
    assert "3 models and 2 layers" in wrong.stderr


def test_only_galaxies_that_both_know_are_compared(survey: Survey) -> None:
    found = compare(survey, side(survey, "a"), side(survey, "part"), 4)
    assert sorted(found.table["row"]) == list(range(90))
    assert found.shared > 0.99  # those nobody else knows are passed over on both sides
    with pytest.raises(InputError, match="more --neighbours"):
        compare(survey, side(survey, "a"), side(survey, "part"), 40)


@pytest.mark.long
def test_the_comparison_is_drawn(survey: Survey, turned: Comparison, tmp_path: Path) -> None:
    first, again = (draw_comparison(turned, tmp_path / name) for name in ("a.pdf", "b.pdf"))
    assert first.read_bytes() == again.read_bytes()
    assert "a latents (left) and turned latents (right)" in first.with_suffix(".txt").read_text()
    assert len(most_changed(turned, 5)) == 5


@pytest.mark.long
def test_a_galaxy_of_the_survey_is_placed_where_it_is(survey: Survey) -> None:
    study = Study(survey, survey.model("a"))
    found = pd.concat(place_survey(study, survey), ignore_index=True)
    known = analysis_for(survey, study.model).table
    np.testing.assert_array_equal(found[["x", "y"]], known[["x", "y"]])
    np.testing.assert_array_equal(found["nearest"], survey.galaxy_ids)
    assert (found["distance"] == 0).all()


@pytest.mark.long
def test_an_image_is_placed_alone_as_in_company_and_in_another_process(survey: Survey, tmp_path: Path) -> None:
    study = Study(survey, survey.model("cnn"))
    made = analyse(study, AnalyseSettings(layer="seen", neighbours=12, map=MapSettings(neighbours=10)))
    rows = np.array([7, 0, 5])
    files = [tmp_path / f"{row}.npy" for row in rows]
    for file, image in zip(files, survey.images(rows), strict=True):
        np.save(file, image)
    together = place_images(study, files)
    assert together["nearest"].tolist() == (FIRST_ID + rows).tolist()
    at = [made.position_of(row) for row in rows]
    np.testing.assert_array_equal(together[["x", "y"]], made.table.iloc[at][["x", "y"]])
    noisy = tmp_path / "noisy.npy"
    np.save(noisy, survey.images([9])[0] + np.random.default_rng(0).normal(0, 0.05, (32, 32, 5)).astype(np.float32))
    alone = place_images(study, [noisy])
    pd.testing.assert_frame_equal(place_images(study, [*files, noisy]).iloc[3:].reset_index(drop=True), alone)
    out = tmp_path / "placed.parquet"
    command = ["place", str(survey.path), "--model", "cnn", "--image", str(noisy), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "gz2interp.cli", *command], check=True, capture_output=True)
    pd.testing.assert_frame_equal(pd.read_parquet(out), alone)


@pytest.mark.long
def test_a_map_of_a_sample_places_the_others(survey: Survey) -> None:
    settings = AnalyseSettings(metric="whitened", neighbours=12, map=MapSettings(neighbours=10, sample=100))
    found = analyse(Study(survey, survey.model("a")), settings)
    assert found.laid_out.sum() == 100
    assert found.provenance.parameters["map_sample"] == 100
    assert found.quality is not None
    others = np.flatnonzero(~found.laid_out)
    placed = place_activations(found, found.activations(others), placer_of(found))
    np.testing.assert_array_equal(placed[["x", "y"]], found.table.iloc[others][["x", "y"]])


def test_shared_neighbours_are_counted_by_hand() -> None:
    first = np.array([[1, 2, 3], [0, 2, 9], [-1, -1, -1]])
    second = np.array([[3, 1, 7], [5, 6, 8], [0, 1, 2]])
    np.testing.assert_allclose(shared_neighbours(first, second, 3), [2 / 3, 0, np.nan])
    np.testing.assert_allclose(shared_neighbours(first, second, 1), [0, 0, np.nan])
    np.testing.assert_allclose(shared_neighbours(first, second, 2, np.array([0, 1, 3])), [1, np.nan, np.nan])
    assert shared_by_chance(15, 16) == 1
    with pytest.raises(InputError, match="Of the same"):
        shared_neighbours(first, second[:2], 1)


def test_shared_neighbours_do_not_depend_on_who_comes_first() -> None:
    rng = np.random.default_rng(0)
    first, second = (np.argsort(rng.random((50, 50)), axis=1)[:, :9] for _ in range(2))
    np.testing.assert_array_equal(shared_neighbours(first, second, 9), shared_neighbours(second, first, 9))
    np.testing.assert_array_equal(shared_neighbours(first, rng.permuted(first, axis=1), 9), 1)


def test_a_map_is_fitted_onto_its_turned_self() -> None:
    places = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
    mirrored = (3 * places @ np.array([[0.6, 0.8], [0.8, -0.6]]) + [4, -7]).astype(np.float32)
    np.testing.assert_allclose(align_map(mirrored, places), places, atol=1e-5)
    assert displacements(places, align_map(mirrored, places)).max() < 1e-5
    some = np.arange(60) < 20
    odd = np.where(some[:, None], places, 99).astype(np.float32)
    np.testing.assert_allclose(align_map(mirrored, odd, some), places, atol=1e-5)


def test_who_has_no_place_begins_among_his_neighbours() -> None:
    places = np.array([[0, 0], [2, 2], [9, 9], [9, 9], [9, 9]], np.float32)
    known = np.array([True, True, False, False, False])
    rows = np.array([[1, 2], [0, 2], [0, 1], [2, -1], [-1, -1]])
    graph = Neighbours(rows, np.ones((5, 2), np.float32), "euclidean")
    np.testing.assert_allclose(starting_places(places, known, graph), [[0, 0], [2, 2], [1, 1], [1, 1], [1, 1]])


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    bare = make_survey(tmp_path / "bare", 8, analysed=False)
    model: ModelFolder = bare.model("cnn")
    with pytest.raises(SurveyError, match="gz2interp analyse"):
        compare(bare, Representation(model), Representation(model))
    with pytest.raises(SurveyError, match="has not been analysed"):
        place_images(Study(bare, model), [], "block9")
    assert model.class_names == CLASSES
