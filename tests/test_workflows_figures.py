"""Figures of a survey's galaxies: every layout with its caption and data, one for each of many, and the verb."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from dashboard_fixtures import FIRST_ID, LOST, add_analysis, make_survey, small_network
from typer.testing import CliRunner

from gz2interp import schema
from gz2interp.attribution import METHODS
from gz2interp.cli import app
from gz2interp.errors import InputError, SurveyError
from gz2interp.figures.style import FigureSize, FigureStyle
from gz2interp.network.scores import logit
from gz2interp.painting import Alteration
from gz2interp.schema import score_in_words
from gz2interp.stores.survey import Survey
from gz2interp.workflows import figure_parts, figures
from gz2interp.workflows.explain import AttributionSettings, explain, explain_in_batches
from gz2interp.workflows.figure_layouts import right_and_wrong
from gz2interp.workflows.figure_parts import FigureSettings, acknowledgement, write_drawing
from gz2interp.workflows.figures import LAYOUTS, draw_each, draw_figure
from gz2interp.workflows.import_results import import_model
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Study
from trainer.paint import paint_survey

IDS = (FIRST_ID, FIRST_ID + 5)
NARROW = FigureStyle(FigureSize("mnras", 1))
WITHOUT_ARMS = Alteration(without=("arms",))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("figures")
    survey = make_survey(folder / "survey", 40, network=small_network(), analysed=False)
    add_analysis(survey)
    model = survey.model("cnn")
    said = model.predictions.copy()
    said.loc[4:9, "label"] = np.where(said["label"][4:10] == "round", "long", "round")  # six mistakes
    model.write_predictions(said, model.predictions_provenance)
    return Study(survey, model)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("painted")
    survey = paint_survey(folder / "survey", 4, 5, shares={"spiral": 1.0})
    (folder / "net.keras").write_bytes(small_network(64))
    return Study(survey, import_model(survey, folder / "net.keras", "net", ("round", "long")))


def test_galaxies_their_caption_and_their_data(study: Study, tmp_path: Path) -> None:
    settings = FigureSettings(attribution=AttributionSettings("gradient_x_input", logit("long") - logit("round")))
    drawing = draw_figure(study, IDS, settings)
    files = write_drawing(drawing, tmp_path / "figure.png")
    assert [file.suffix for file in files] == [".png", ".txt", ".csv", ".fits"]
    words = files[1].read_text()
    for part in (
        METHODS["gradient_x_input"].reference,
        "the logit of long minus logit of round",
        f"(b) {IDS[1]}, ",
        "with respect to the unscaled image",
        "share one signed scale, \N{PLUS-MINUS SIGN}",
        "Trust: not checked for this network.",
        study.model.digest,
        study.survey.digest,
    ):
        assert part in words
    numbers = pd.read_csv(files[2], dtype={"galaxy_id": str})
    assert numbers["galaxy_id"].tolist() == [str(each) for each in IDS]
    found = explain(study, IDS, settings.attribution)
    np.testing.assert_allclose(numbers["value"], found.attribution.scores, rtol=1e-5)
    limit = re.search(r"scale, \N{PLUS-MINUS SIGN}([\d.e\N{MINUS SIGN}]+),", words)
    assert limit is not None
    assert float(limit[1].replace("\N{MINUS SIGN}", "-")) == pytest.approx(numbers["limit"][0])
    with fits.open(files[3]) as hdus:
        for k, galaxy_id in enumerate(IDS, start=1):
            part = hdus["ATTRIBUTION", k]
            assert part.header["OBJECT"] == str(galaxy_id)
            np.testing.assert_array_equal(np.moveaxis(part.data, 0, -1), found.attribution.values[k - 1])
            np.testing.assert_array_equal(np.moveaxis(hdus["IMAGE", k].data, 0, -1), found.images[k - 1])
            centre = WCS(part.header).celestial.pixel_to_world(15.5, 15.5)
            assert centre.ra.deg == pytest.approx(found.positions[k - 1, 0], abs=1e-6)
            assert hdus["VALID", k].data.all()


def test_a_row_per_band_wants_maps_of_bands(study: Study) -> None:
    settings = FigureSettings(attribution=AttributionSettings("gradient"), style=NARROW, by_band=True)
    drawing = draw_figure(study, IDS[:1], settings)
    assert sum(bool(axis.images) for axis in drawing.figure.axes) == 2 * 6
    assert "A row per band" in drawing.caption
    with pytest.raises(InputError, match="says nothing of single bands"):
        draw_figure(study, IDS[:1], replace(settings, attribution=AttributionSettings("grad_cam")))
    with pytest.raises(InputError, match="1 to 2"):
        draw_figure(study, [FIRST_ID, FIRST_ID + 1, FIRST_ID + 2], settings)


def test_one_galaxy_through_every_method(study: Study, tmp_path: Path) -> None:
    drawing = draw_figure(study, IDS[:1], FigureSettings("methods"))
    assert [found.attribution.method for found in drawing.maps] == list(METHODS)
    for method in METHODS.values():
        assert method.reference in drawing.caption
    assert METHODS["guided_backprop"].caveat in drawing.caption
    assert drawing.numbers["limit"].nunique() > 10
    files = write_drawing(drawing, tmp_path / "m.png")
    with fits.open(files[3]) as hdus:
        assert [hdus["ATTRIBUTION", k + 1].header["METHOD"] for k in range(16)] == list(METHODS)
    with pytest.raises(InputError, match="2 galaxies were named"):
        draw_figure(study, IDS, FigureSettings("methods"))


def test_right_beside_wrong_is_by_label(study: Study) -> None:
    chosen = right_and_wrong(study, 3)
    said = predict(study).set_index("galaxy_id")
    for right, wrong in zip(chosen[::2], chosen[1::2], strict=True):
        assert said["prediction"][right] == said["label"][right] == said["label"][wrong] != said["prediction"][wrong]
    drawing = draw_figure(study, [], FigureSettings("right-wrong", most=2))
    assert drawing.numbers["half"].tolist() == ["right", "wrong"] * 2
    assert "most confident errors" in drawing.caption
    alike = list(said.index[said["prediction"] == said["label"]][:2])
    with pytest.raises(InputError, match="2 galaxies that the network has right and 0"):
        draw_figure(study, alike, FigureSettings("right-wrong"))


def test_neighbours_are_those_of_the_analysis_and_share_the_score(study: Study) -> None:
    drawing = draw_figure(study, IDS, FigureSettings("neighbours", most=3))
    assert drawing.numbers.groupby("near")["score"].nunique().tolist() == [1, 1]
    assert (drawing.numbers.groupby("near")["distance"].apply(list).map(lambda each: each == sorted(each))).all()
    assert len(drawing.numbers) == 8
    with pytest.raises(InputError, match="No galaxy was named"):
        draw_figure(study, [], FigureSettings("neighbours"))


def test_repaint_pairs_explain_one_score_before_and_after(painted: Study, tmp_path: Path) -> None:
    ids = [int(each) for each in painted.survey.galaxy_ids[:2]]
    drawing = draw_figure(
        painted, ids, FigureSettings("repaint", AttributionSettings("gradient"), alteration=WITHOUT_ARMS)
    )
    before, after = drawing.maps
    assert before.score_names == after.score_names
    assert (before.images != after.images).any(axis=(1, 2, 3)).all()
    assert drawing.numbers["altered"].tolist() == ["", "", "without arms", "without arms"]
    assert "painted, not observed" in drawing.caption
    assert "Sloan" not in drawing.caption
    asked = painted.probe.scores(after.images[:1], logit(before.predictions[0]))
    np.testing.assert_allclose(after.attribution.scores[0], asked[0], rtol=1e-4)
    with fits.open(write_drawing(drawing, tmp_path / "r.svg")[3]) as hdus:
        assert any("altered = without arms" in line for line in hdus["ATTRIBUTION", 3].header["HISTORY"])
    with pytest.raises(InputError, match="Nothing was altered"):
        draw_figure(painted, ids, FigureSettings("repaint"))


def test_only_painted_galaxies_are_repainted(study: Study) -> None:
    with pytest.raises(SurveyError, match="has no truth"):
        draw_figure(study, IDS, FigureSettings("repaint", alteration=WITHOUT_ARMS))


def test_bands_of_galaxies_and_of_classes(study: Study, tmp_path: Path) -> None:
    drawing = draw_figure(study, IDS, FigureSettings("bands", style=NARROW))
    bars = [[patch.get_height() for patch in axis.patches] for axis in drawing.figure.axes if axis.get_ylabel()]
    np.testing.assert_allclose(bars, drawing.numbers[list("ugriz")], rtol=1e-5)
    assert [file.suffix for file in write_drawing(drawing, tmp_path / "b.png")] == [".png", ".txt", ".csv"]
    classes = draw_figure(study, [], FigureSettings("bands", most=10))
    assert classes.numbers["class"].iloc[-1] == "all"
    assert "95 % intervals" in classes.caption


def test_scores_in_words_and_whom_to_thank(study: Study, tmp_path: Path) -> None:
    assert [doctest.testmod(module).failed for module in (figure_parts, figures, schema)] == [0, 0, 0]
    assert score_in_words("probability(edge_on) - 2 * logit(a (b))").startswith("probability of edge-on minus 2 times")
    assert acknowledgement(study.survey) == ("Classifications by the volunteers of Galaxy Zoo (Lintott et al. 2008; "
                                               "Willett et al. 2013; Hart et al. 2016).")  # fmt: skip
    catalog = study.survey.catalog[["galaxy_id", "ra", "dec"]]
    for source, thanked in (
        ("sdss_frames", True),
        ("skyview", True),
        ("painted onto sdss_frames", True),
        ("painted", False),
    ):
        survey = Survey.create(tmp_path / source.replace(" ", "_"), catalog, source=source)
        assert ("www.sdss.org" in acknowledgement(survey)) == thanked


def test_one_for_each_keeps_what_is_done_and_ends_alike(study: Study, tmp_path: Path) -> None:
    settings = FigureSettings(attribution=AttributionSettings("gradient"), style=NARROW)
    ids = [FIRST_ID + k for k in (0, 1, 5)]
    told: list[tuple[int, int]] = []
    whole = list(draw_each(study, ids, settings, tmp_path / "a", ".png", lambda _, done, of: told.append((done, of))))
    assert [path.name for path in whole] == [f"{each}_gradient.png" for each in ids]
    assert told == [(1, 3), (2, 3), (3, 3)]
    interrupted = draw_each(study, ids, settings, tmp_path / "b", ".png")
    first = next(interrupted)
    interrupted.close()
    stamp = first.stat().st_mtime_ns
    list(draw_each(study, ids, settings, tmp_path / "b", ".png"))
    assert first.stat().st_mtime_ns == stamp
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert len(names) == 4 * 3 + 1
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    list(draw_each(study, ids[:1], replace(settings, style=FigureStyle(FigureSize("aa", 1))), tmp_path / "b", ".png"))
    assert first.read_bytes() != (tmp_path / "a" / first.name).read_bytes()  # of another page: drawn anew
    several = list(draw_each(study, [], replace(settings, most=2), tmp_path / "c", ".png"))
    assert [path.name for path in several] == [f"{FIRST_ID}_gradient.png", f"{FIRST_ID + 1}_gradient.png"]
    with pytest.raises(InputError, match="No galaxy 7"):
        next(draw_each(study, [ids[0], 7], settings, tmp_path / "d"))
    with pytest.raises(SurveyError, match="the archive has no such field"):
        next(draw_each(study, [ids[0], FIRST_ID + LOST], settings, tmp_path / "d"))
    assert not (tmp_path / "d").exists()


def test_portions_say_what_all_together_say(study: Study) -> None:
    ids = [FIRST_ID + k for k in (0, 1, 5)]
    parts = list(explain_in_batches(study, ids, AttributionSettings("gradient"), portion=2))
    assert [len(part.galaxy_ids) for part in parts] == [2, 1]
    together = explain(study, ids, AttributionSettings("gradient"))
    joined = np.concatenate([part.attribution.values for part in parts])
    np.testing.assert_allclose(joined, together.attribution.values, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (FigureSettings("spiral"), "One of galaxies, methods, right-wrong"),
        (FigureSettings(style=FigureStyle(on="y")), "One of rgb, u, g, r, i, z"),
        (FigureSettings(attribution=AttributionSettings("magic")), "One of gradient"),
        (FigureSettings("methods", by_band=True), "The layout galaxies"),
        (FigureSettings(alteration=WITHOUT_ARMS), "for the layout repaint"),
    ],
)
def test_wrong_wishes_are_told(study: Study, settings: FigureSettings, told: str) -> None:
    with pytest.raises(InputError, match=told):
        draw_figure(study, IDS, settings)
    with pytest.raises(SurveyError, match="has no image"):
        draw_figure(study, [FIRST_ID + LOST])
    assert len(LAYOUTS) == 6


def ran(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error::UserWarning", "-m", "gz2interp.cli", "figure", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.long
def test_the_verb_draws_the_same_bytes_in_another_process(study: Study, tmp_path: Path) -> None:
    words = ("--method", "integrated_gradients", "--style", "contours", "--axes", "wcs", "--journal", "aa", "-o")
    done = ran(study.survey.path, *IDS, *words, tmp_path / "one.pdf")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "one.fits") in done.stdout
    assert "Trust: not checked" in done.stdout
    settings = FigureSettings(
        attribution=AttributionSettings("integrated_gradients"),
        style=FigureStyle(FigureSize("aa"), "contours", axes="wcs"),
    )
    write_drawing(draw_figure(study, list(map(str, IDS)), settings), tmp_path / "two.pdf")
    for suffix in (".pdf", ".txt", ".csv", ".fits"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes(), suffix


def test_the_verb_draws_one_for_each(study: Study, tmp_path: Path) -> None:
    words = [str(study.survey.path), "--each", "-n", "2", "--columns", "1", "--format", "svg", "-o", str(tmp_path)]
    done = CliRunner().invoke(app, ["figure", *words])
    assert done.exit_code == 0, done.output
    assert len(list(tmp_path.glob("*.svg"))) == 2
