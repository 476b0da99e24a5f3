"""A layer's sheet: made, interrupted, gone on with, judged, drawn, and asked for on the command line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from dashboard_fixtures import CLASSES, FIRST_ID, make_survey, small_network
from typer.testing import CliRunner

from gz2interp.cli import app
from gz2interp.errors import InputError, SurveyError
from gz2interp.features.believable import agreement
from gz2interp.features.image_prior import image_prior
from gz2interp.features.objectives import cosine_direction
from gz2interp.features.parametrisations import PARAMETRISATIONS
from gz2interp.network.quiet import tf
from gz2interp.stores.files import write_json
from gz2interp.stores.layer_results import FeaturesFolder
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.building_blocks import load_atlas, load_blocks
from gz2interp.workflows.feature_figures import galaxy_grid, grid_drawing, sheet_drawing
from gz2interp.workflows.feature_images import _caption, feature_images, objective_from, write_feature_images
from gz2interp.workflows.feature_sheet import (
    PARAMETRISATION_NAMES,
    SheetSettings,
    features_for,
    load_features,
    open_sheet,
    sheet_sentences,
)
from gz2interp.workflows.make_feature_sheet import _agreements, along_directions, feature_sheet
from gz2interp.workflows.study import Study, open_study

FAST = SheetSettings(steps=6, galaxies=40)
CHANNELS = 6
"""Of the small network's layer."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("features") / "small"
    make_survey(path, 60, analysed=False, network=small_network())
    found = open_study(path)
    analyse(found)
    return found


@pytest.fixture(scope="module")
def folder(study: Study) -> FeaturesFolder:
    return feature_sheet(study, settings=FAST)


def test_every_kind_has_its_images(study: Study, folder: FeaturesFolder) -> None:
    blocks = load_blocks(study.survey, study.model)
    assert blocks is not None
    counts = {kind: len(folder.images(kind)) for kind in ("channel", "class", "group", "cell")}
    groups = len(blocks.arrays("groups")["directions"])
    assert counts == {"channel": CHANNELS, "class": 2, "group": groups, "cell": len(load_atlas(blocks).counts)}
    assert folder.images("channel", seed=1).keys() == folder.images("channel").keys()
    assert not folder.images("group", seed=1)
    for image in folder.images("channel").values():
        assert image.shape == (32, 32, 5)
        assert image.min() >= 0


def test_each_is_judged(study: Study, folder: FeaturesFolder) -> None:
    table = folder.judged
    assert len(table) == sum(len(folder.read_images(kind)["number"]) for kind in ("channel", "class", "group", "cell"))
    channels = table[(table["kind"] == "channel") & (table["seed"] == 0)]
    again = study.probe.activations(np.stack(list(folder.images("channel").values())), "seen", pooled=True)
    np.testing.assert_allclose(channels["reached"], np.diag(again), rtol=1e-4, atol=1e-5)
    real = study.probe.activations(study.survey.images(np.flatnonzero(study.survey.usable)), "seen", pooled=True)
    assert (channels["best"] <= real.max(axis=0) + 1e-5).all()
    assert set(table["best_id"]) <= set(study.survey.galaxy_ids)
    assert table["agreement"].notna().equals(table["kind"].isin(["channel", "class"]))
    assert table[["above", "spectrum", "colours"]].apply(lambda column: column.between(0, 1)).all(axis=None)
    assert [sentence.split(":")[0] for sentence in sheet_sentences(folder)] == ["channel", "class", "group", "cell"]


def test_an_interrupted_sheet_goes_on_to_the_same(study: Study, folder: FeaturesFolder) -> None:
    feature_sheet(study, settings=FAST)
    before = {kind: folder.read_images(kind)["images"] for kind in ("channel", "class")}
    provenance = folder.provenance
    (folder.path / "provenance.json").unlink()
    (folder.path / "class-000.npz").unlink()
    steps = iter(range(100))
    stopped = feature_sheet(study, settings=FAST, stop=lambda: next(steps) >= 3)
    assert load_features(study.survey, study.model) is None
    assert stopped.provenance is None
    assert sheet_sentences(stopped) == ("The sheet is incomplete: run the same command again to continue.",)
    with pytest.raises(SurveyError, match="gz2interp features"):
        open_sheet(study.survey, study.model)
    kept = (folder.path / "channel-000.npz").stat().st_mtime_ns
    feature_sheet(study, settings=FAST)
    assert folder.provenance == provenance
    assert (folder.path / "channel-000.npz").stat().st_mtime_ns == kept
    for kind, images in before.items():
        np.testing.assert_array_equal(folder.read_images(kind)["images"], images)


def test_agreement_stands_beside_that_of_unlike_images() -> None:
    """Smooth patterns that have nothing in common agree well: alone, the number would say nothing."""
    y, x = np.mgrid[:16, :16]
    rng = np.random.default_rng(4)
    light = image_prior([rng.normal(size=(64, 16, 16, 2)) + 9 * np.exp(-np.hypot(y - 7.5, x - 7.5) / 3)[..., None]])
    stripes = [9 * (1 + np.sin(2 * np.pi * k * along / 16)) for k, along in ((2, y), (4, x), (6, y + x))]
    first = np.stack([np.stack([each, each], axis=-1) for each in stripes]).astype(np.float32)
    images = np.concatenate([first, np.roll(first, 3, axis=(1, 2))])
    kept = {"number": np.tile([3, 5, 8], 2), "seed": np.repeat([0, 1], 3), "images": images}
    same, unlike = _agreements(kept, light), _agreements(kept, light, 1)
    np.testing.assert_allclose(same, 1, atol=1e-3)
    expected = agreement(images[:1], images[4:5], light)
    assert unlike[0] == pytest.approx(float(expected[0]))
    assert (unlike < same - 0.05).all()
    alone = {name: values[:3] for name, values in kept.items()}
    assert np.isnan(_agreements(alone, light)).all()
    one = {name: values[[0, 3]] for name, values in kept.items()}
    assert np.isnan(_agreements(one, light, 1)).all()


def test_directions_are_measured_as_they_were_sought() -> None:
    rng = np.random.default_rng(3)
    plane, vector = rng.normal(size=(4, 3, 5, 7)).astype(np.float32), rng.normal(size=7)
    objective = cosine_direction("seen", vector)
    sought = objective.measure(
        tf.constant(plane), tf.constant(np.tile(vector / np.linalg.norm(vector), (4, 1)), tf.float32)
    )
    measured = along_directions(plane.reshape(4, -1, 7), vector[None])
    np.testing.assert_allclose(measured[:, 0], sought.numpy(), rtol=1e-4, atol=1e-6)


def test_figures_of_building_blocks_find_their_images(study: Study, folder: FeaturesFolder) -> None:
    feature_sheet(study, settings=FAST)
    assert features_for(study.survey, study.model, "", "channel").keys() == set(range(CHANNELS))
    blocks = load_blocks(study.survey, study.model)
    assert blocks is not None
    atlas = load_atlas(blocks)
    cells = set(zip(atlas.column.tolist(), atlas.row.tolist(), strict=True))
    assert features_for(study.survey, study.model, "", "cell").keys() == cells
    kept = folder.read_images("channel")
    silent = np.where((kept["number"] == 1) & (kept["seed"] == 0), True, kept["silent"])
    with np.load(folder.path / "channel-000.npz") as first:
        before, count = dict(first), len(first["number"])
    folder.write_images("channel", 0, {**before, "silent": silent[:count]})
    assert features_for(study.survey, study.model, "", "channel").keys() == set(range(CHANNELS)) - {1}
    folder.write_images("channel", 0, before)


def test_images_of_groups_and_cells_are_of_the_blocks_that_there_are(study: Study, folder: FeaturesFolder) -> None:
    feature_sheet(study, settings=FAST)
    assert features_for(study.survey, study.model, "", "group")
    blocks = load_blocks(study.survey, study.model)
    assert blocks is not None
    made = blocks.provenance
    assert made is not None
    record = blocks.path / "provenance.json"
    try:  # as if they had been found anew with another seed
        write_json(record, replace(made, seed=1).to_json())
        assert not features_for(study.survey, study.model, "", "group")
        assert not features_for(study.survey, study.model, "", "cell")
        assert features_for(study.survey, study.model, "", "channel")
    finally:
        write_json(record, made.to_json())


def test_the_ways_are_those_that_there_are() -> None:
    assert set(PARAMETRISATION_NAMES) == set(PARAMETRISATIONS)


def test_a_sheet_is_a_figure_with_its_numbers(study: Study, folder: FeaturesFolder) -> None:
    feature_sheet(study, settings=FAST)
    drawing = sheet_drawing(study)
    assert len(drawing.numbers) == CHANNELS
    assert "6 steps, as Fourier coefficients" in drawing.caption
    with pytest.raises(InputError, match="channel, class, group, cell"):
        sheet_drawing(study, kind="nothing")


def test_a_grid_has_an_image_where_something_is_said(study: Study) -> None:
    grid = galaxy_grid(study, FIRST_ID, cells=3, settings=FAST)
    assert grid.strengths.shape == (3, 3)
    assert grid.strengths.max() == 1
    assert set(grid.images) == {(int(y), int(x)) for y, x in np.argwhere(grid.strengths >= 0.05)}
    assert len(grid_drawing(study, grid).numbers) == len(grid.images)
    with pytest.raises(InputError, match=r"\(y, x, channel\)"):
        galaxy_grid(study, FIRST_ID, "logits", settings=FAST)


@pytest.mark.parametrize(
    "text",
    [
        "neuron(seen, 2)",
        "neuron(seen, 2, 0, 1) - 0.5 * deep_dream(seen)",
        f"caricature({FIRST_ID})",
        f"inversion({FIRST_ID}, seen)",
        "logit(round) + 0.1 * diversity(seen)",
    ],
)
def test_objectives_are_read_as_a_person_writes_them(study: Study, text: str) -> None:
    spoken = re.sub(r"(caricature|inversion)\((\d+)\)", r"\1(\2, seen)", text)
    assert objective_from(study, text).name == spoken


@pytest.mark.parametrize("text", ["neuron(nowhere, 2)", "neuron(seen, 99)", "caricature(7)", "dream(seen)", ""])
def test_what_is_no_objective_is_told(study: Study, text: str) -> None:
    with pytest.raises((InputError, SurveyError)):
        objective_from(study, text)


def test_images_of_ones_own_objectives_go_to_fits(study: Study, tmp_path: Path) -> None:
    made = feature_images(study, ["neuron(seen, 2)", "logit(long)"], FAST)
    path = write_feature_images(made, study, tmp_path / "mine.fits")
    with fits.open(path) as opened:
        assert opened[0].header["MODEL"] == study.model.digest
        first, second = opened["FEATURE", 1], opened["FEATURE", 2]
        np.testing.assert_array_equal(np.moveaxis(first.data, 0, -1), made.images[0])
        assert (second.header["OBJECT"], second.header["BUNIT"], second.header["BANDS"]) == (
            "logit(long)",
            "nmgy",
            "u g r i z",
        )
    steps = iter(range(100))
    early = feature_images(study, "logit(long)", FAST, stop=lambda: next(steps) >= 2)
    early = replace(early, reached=np.float32([np.nan]))
    path = write_feature_images(early, study, tmp_path / "early.fits")
    with fits.open(path) as opened:
        assert (opened[0].header["FINISHED"], opened[0].header["ASKED"]) == (False, FAST.steps)
        assert opened["FEATURE", 1].header["STEPS"] == 2
        assert "REACHED" not in opened["FEATURE", 1].header
    assert "2 steps of 6: it was stopped" in _caption(early)
    with pytest.raises(InputError, match=r"\.fits"):
        write_feature_images(made, study, tmp_path / "mine.doc")


def asked(*words: str) -> str:
    said = CliRunner().invoke(app, list(words))
    assert said.exit_code == 0, said.output
    return said.output


@pytest.mark.long
def test_the_verbs(study: Study, folder: FeaturesFolder, tmp_path: Path) -> None:
    where, galaxy = str(study.survey.path), str(FIRST_ID)
    out = str(tmp_path / "sheet.png")
    said = asked("features", where, "--kind", "class", "--steps", "6", "--progress", "json", "--out", out)
    assert "Class: 4 images" in said
    assert Path(out).is_file()
    table = tmp_path / "channels.csv"
    asked("channels", where, "--out", str(table), "--progress", "json")
    assert pd.read_csv(table)["channel"].tolist() == list(range(CHANNELS))
    assert "channels shown account for" in asked("dictionary", where, galaxy).replace("\n", " ")
    said = asked("groups", where, galaxy).replace("\n", " ")
    assert all(f"logit of {name}: evidence" in said.lower() for name in CLASSES)
    asked("atlas", where, "--out", str(tmp_path / "atlas.svg"), "--progress", "json")
    assert (tmp_path / "atlas.txt").read_text().startswith("Activation atlas")


def test_slips_on_the_command_line_are_told(study: Study) -> None:
    where = str(study.survey.path)
    for words, told in (
        (("features", where, "--of", "logit(round)"), "--out"),
        (("features", where, "--kind", "galaxy"), "channel, class, group, cell"),
        (("dictionary", where, str(FIRST_ID), "--place", "3"), "3,4"),
        (("channels", where, "99", "--progress", "json"), "0 to 5"),
    ):
        said = CliRunner().invoke(app, list(words))
        assert isinstance(said.exception, InputError)
        assert told in str(said.exception)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": ("galaxy",)},
        {"seeds": 0},
        {"galaxies": 0},
        {"parametrisation": "magic"},
        {"steps": 0},
        {"seed": -1},
        {"seed": 2**31 - 1, "seeds": 2},
    ],
)
def test_wishes_that_make_no_sense_are_told(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        replace(FAST, **wrong)  # type: ignore[arg-type]


def test_a_second_call_makes_nothing_more_kinds_join_and_another_question_makes_all_anew(study: Study) -> None:
    """It comes last, because it takes the sheet's place."""
    settings, told = replace(FAST, kinds=("class",), seed=3), list[str]()
    folder = feature_sheet(study, settings=settings)
    first, made = folder.images("class")[0], folder.provenance
    feature_sheet(study, settings=settings, progress=lambda stage, done, of: told.append(stage))
    assert not told
    file = folder.path / "class-000.npz"
    written = file.stat().st_mtime_ns
    feature_sheet(study, settings=replace(settings, kinds=("group",)))
    assert (set(folder.judged["kind"]), file.stat().st_mtime_ns) == ({"class", "group"}, written)
    assert folder.provenance != made
    feature_sheet(study, settings=settings, progress=lambda stage, done, of: told.append(stage))
    assert not told
    other = feature_sheet(study, settings=replace(settings, seed=5))
    assert set(other.judged["kind"]) == {"class"}
    assert not np.array_equal(other.images("class")[0], first)
