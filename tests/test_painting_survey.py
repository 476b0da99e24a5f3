"""A painted survey: whole, resumable, with its truth."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.painting import COMPONENTS, KIND_SHARES, Recipe, draw_recipes, paint, with_rare
from gz2interp.results import Galaxy
from gz2interp.stores.checking import check_survey
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.stores.writer import SurveyWriter
from trainer.paint import paint_survey
from trainer.sources import Source
from trainer.sources.painted import PaintedSource

GALAXIES, SEED = 264, 4  # more than a shard


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    return paint_survey(tmp_path_factory.mktemp("surveys") / "painted", GALAXIES, SEED)


def test_it_is_whole(painted):
    assert len(painted) == painted.rows_committed == GALAXIES
    assert painted.usable.all()
    assert painted.status["source"].eq("painted").all()
    assert painted.cutout(0).pixel_scale == pytest.approx(0.396)
    assert len(painted.cutout(0).psf_fwhm) == 5


def test_a_stored_recipe_paints_the_stored_cutout(painted):
    truth = Truth.open(painted.path)
    for row in (0, 255, 256, 263):
        recipe = Recipe.from_json(truth.recipes([row])[0])
        again = paint(recipe)
        assert_array_equal(again.cutout.image, painted.images([row])[0])
        where = [truth.component(name) for name in again.components]
        assert_array_equal(truth.light([row])[0][..., where], again.light)
        assert_array_equal(truth.flux([row])[0][where], again.flux)
        assert truth.seeds([row]) == recipe.seed
    assert_array_equal(truth.galaxy_ids, painted.catalog["galaxy_id"])
    assert truth.recipes([263, 0]) == truth.recipes([263]) + truth.recipes([0])


def test_the_truth_has_every_component_and_nothing_of_those_a_galaxy_lacks(painted):
    truth = Truth.open(painted.path)
    assert truth.components == tuple(COMPONENTS)
    light, flux = truth.light(range(GALAXIES)), truth.flux(range(GALAXIES))
    assert light.shape == (GALAXIES, 64, 64, len(COMPONENTS))
    assert light.dtype == np.float16
    # What stands outside a cutout may shine into it by less than float16 can say.
    assert (light.any(axis=(1, 2)) <= flux.any(axis=2)).all()
    ours = [component.place != "field" for component in COMPONENTS.values()]
    galaxy = flux[:, ours].any(axis=(1, 2))
    shares = light[galaxy][..., ours].sum(axis=(1, 2, 3), dtype=np.float32)
    assert shares.max() < 1.02
    assert np.median(shares) > 0.9
    magnitudes = 22.5 - 2.5 * np.log10(flux[galaxy][:, ours].sum(axis=1))
    assert_allclose(magnitudes, painted.catalog[list("ugriz")][galaxy], atol=1e-3)


@pytest.mark.parametrize("stop_after", [100, *(pytest.param(row, marks=pytest.mark.long) for row in (0, 256))])
def test_an_interrupted_painting_goes_on_to_the_same_end(painted, tmp_path, monkeypatch, stop_after):
    append = SurveyWriter.append

    def append_until(writer, outcome, **options):
        if writer.rows_written == stop_after:
            raise KeyboardInterrupt
        append(writer, outcome, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SurveyWriter, "append", append_until)
        with pytest.raises(KeyboardInterrupt):
            paint_survey(tmp_path / "painted", GALAXIES, SEED)
    assert Survey.open(tmp_path / "painted").rows_committed == stop_after
    seen = []
    resumed = paint_survey(tmp_path / "painted", GALAXIES, SEED, lambda done, of: seen.append((done, of)))
    assert seen[-1] == (GALAXIES, GALAXIES)
    assert resumed.digest == painted.digest
    rows = range(GALAXIES)
    assert_array_equal(Truth.open(resumed.path).light(rows), Truth.open(painted.path).light(rows))


def test_a_lost_truth_is_painted_again(painted, tmp_path):
    shutil.copytree(painted.path, tmp_path / "copy")
    (tmp_path / "copy" / "truth.parquet").unlink()
    again = paint_survey(tmp_path / "copy", GALAXIES, SEED)
    assert again.digest == painted.digest
    rows = [0, 255, 256, 263]
    assert_array_equal(Truth.open(again.path).light(rows), Truth.open(painted.path).light(rows))


def test_check_reads_the_truth_too(painted, tmp_path):
    shutil.copytree(painted.path, tmp_path / "copy")
    assert check_survey(tmp_path / "copy") == []
    shutil.rmtree(tmp_path / "copy" / "truth.zarr" / "light" / "c" / "1")
    words = [finding.words for finding in check_survey(tmp_path / "copy") if finding.is_damage]
    assert words == ["The truth of rows 256 to 263 is not the light of a galaxy"]


def test_a_finished_painting_is_left_alone(painted):
    assert paint_survey(painted.path, GALAXIES, SEED).digest == painted.digest


@pytest.mark.parametrize(
    ("galaxies", "seed", "options"),
    [(GALAXIES, SEED + 1, {}), (GALAXIES + 1, SEED, {}), (GALAXIES, SEED, {"shares": {"star": 1.0}})],
)
def test_another_painting_does_not_go_on_with_it(painted, galaxies, seed, options):
    with pytest.raises(SurveyError, match=r"other galaxies.*choose another folder"):
        paint_survey(painted.path, galaxies, seed, **options)


def test_rare_kinds_come_at_the_rate_that_is_asked_for(tmp_path):
    """Of the others, each keeps its share of what is left."""
    shares = with_rare({"ring": 0.3, "lens": 0.0})
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["round"] / shares["spiral"] == pytest.approx(KIND_SHARES["round"] / KIND_SHARES["spiral"])
    survey = paint_survey(tmp_path / "rings", 256, SEED, shares=shares)
    kinds = survey.catalog["painted_kind"].value_counts()
    assert abs(kinds["ring"] - 0.3 * 256) < 4 * np.sqrt(256 * 0.3 * 0.7)
    assert "lens" not in kinds


@pytest.mark.parametrize(
    ("rare", "words"),
    [({"comet": 0.1}, "kind comet"), ({"ring": 1.0}, "to below 1"), ({"ring": 0.7, "lens": 0.4}, "no room")],
)
def test_rates_that_cannot_be_are_refused(rare, words):
    with pytest.raises(InputError, match=words):
        with_rare(rare)


def test_a_component_that_came_after_the_truth_is_refused(painted, tmp_path, monkeypatch):
    shutil.copytree(painted.path, tmp_path / "copy")
    monkeypatch.setattr("trainer.paint.COMPONENTS", {"bulge": COMPONENTS["bulge"]})
    (tmp_path / "copy" / "truth.parquet").unlink()
    with pytest.raises(InputError, match=r"does not contain .*arms.*The components at its creation"):
        paint_survey(tmp_path / "copy", GALAXIES, SEED)


def test_what_cannot_be_painted_is_refused(tmp_path):
    with pytest.raises(InputError, match="At least one"):
        paint_survey(tmp_path / "none", 0, 1)
    assert not (tmp_path / "none").exists()


def test_the_truth_of_rows_not_painted_is_not_read(painted):
    with pytest.raises(SurveyError, match=f"{GALAXIES} galaxies are painted"):
        Truth.open(painted.path).light([GALAXIES])
    with pytest.raises(InputError, match="no component halo"):
        Truth.open(painted.path).component("halo")


def test_a_survey_that_was_not_painted_has_no_truth(painted, tmp_path):
    survey = Survey.create(tmp_path / "other", painted.catalog)
    recipes = pd.DataFrame({"galaxy_id": painted.catalog["galaxy_id"], "seed": 1, "recipe": ""})
    with pytest.raises(SurveyError, match="has no truth"):
        Truth.open(survey.path)
    with pytest.raises(InputError, match="other galaxies"):
        Truth.create(survey.path, [recipes.iloc[::-1]], ("bulge",))
    with pytest.raises(InputError, match="other galaxies"):
        Truth.create(survey.path, [recipes.head(10)], ("bulge",))
    assert not Truth.exists(survey.path)


def test_the_source_paints_the_recipe_of_the_row(painted):
    recipes = draw_recipes(3, SEED)
    source = PaintedSource(recipes)
    assert isinstance(source, Source)
    assert_array_equal(source.fetch(Galaxy(2, 5, 0.0, 0.0)).image, painted.images([2])[0])
    with pytest.raises(CutoutUnavailable, match="none for row 3"):
        source.fetch(Galaxy(3, 6, 0.0, 0.0))
