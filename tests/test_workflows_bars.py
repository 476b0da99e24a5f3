"""Bars measured through a network that sees the light itself: its gradient is the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_cli import ran
from test_measure_bars import apart, gaussian
from typer.testing import CliRunner

import gz2interp
from gz2interp.cli import app
from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.measure.bars import FWHM
from gz2interp.network.quiet import keras
from gz2interp.results import Cutout
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import write_table_of_blocks
from gz2interp.workflows.bars import PORTION, BarSettings, measure_bars, measure_bars_in_batches
from gz2interp.workflows.import_results import import_model
from gz2interp.workflows.study import Study

FIRST_ID = 588015507658768484
COUNT = PORTION + 4
LOST, EMPTY, FAINT = 3, 5, 7
SCALE, TURN = 0.5, 30.0
LAYERS = (("scaled",), ("scaled", "same"))


def network() -> keras.Model:
    """The log-odds of a bar are the sum of the squared pixels, less 1: the gradient is twice the image."""
    image = keras.Input((64, 64, 5))
    seen = keras.layers.Rescaling(1.0, name="same")(keras.layers.Rescaling(1.0, name="scaled")(image))
    light = keras.ops.sum(keras.ops.square(seen), axis=(1, 2))
    logits = keras.layers.Dense(2, name="logits")
    model = keras.Model(image, keras.layers.Softmax()(logits(light)))
    logits.set_weights([np.stack([np.ones(5), np.zeros(5)], axis=1), np.array([-1.0, 0.0])])
    return model


def shape_of(row: int) -> tuple[float, float]:
    """Standard deviation along the bar [pixel], and its angle."""
    return 3.0 + 0.1 * row, (17.0 * row) % 180


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("bars")
    network().save(folder / "light.keras")
    ids = FIRST_ID + np.arange(COUNT)
    catalog = pd.DataFrame({"galaxy_id": ids, "ra": np.linspace(10, 20, COUNT), "dec": np.zeros(COUNT)})
    survey = Survey.create(folder / "survey", catalog, shape=(64, 64), source="test")
    with survey.writer() as writer:
        for row in range(COUNT):
            writer.append(CutoutUnavailable("missing", "no such field") if row == LOST else drawn(row))
    survey = Survey.open(folder / "survey")
    return Study(survey, import_model(survey, folder / "light.keras", class_names=("bar", "no_bar")))


def drawn(row: int) -> Cutout:
    light = {EMPTY: 0.0, FAINT: 0.01}.get(row, 1.0) * gaussian(shape_of(row)[0], 1.5, shape_of(row)[1])
    image = np.repeat(light[..., None], 5, axis=-1).astype(np.float32)
    return Cutout(image, np.ones((64, 64), bool), "test", SCALE, TURN)


@pytest.mark.parametrize("method", ["gradient", "smooth_grad", "gradient_x_input"])
def test_known_bars_are_found(study: Study, method: str) -> None:
    rows = [8, 0, 11]
    found = gz2interp.measure_bars(study, [str(FIRST_ID + row) for row in rows], BarSettings(method))
    assert found["galaxy_id"].tolist() == [FIRST_ID + row for row in rows]
    narrower = np.sqrt(0.5) if method == "gradient_x_input" else 1.0  # the square of a Gaussian is a narrower one
    for row, measured in zip(rows, found.itertuples(), strict=True):
        major, angle = shape_of(row)
        assert measured.length == pytest.approx(FWHM * major * SCALE * narrower, rel=0.04)
        assert apart(measured.angle, angle) < 1
        assert apart(measured.position_angle, angle + TURN - 90) < 1
        assert measured.length_scatter < 0.05 * measured.length
        assert measured.angle_scatter < 2
        assert (measured.probability > 0.99, measured.why_not) == (True, "")


def test_several_layers_speak_together(study: Study) -> None:
    one, twice = (measure_bars(study, [FIRST_ID], BarSettings("layer_cam", layers=names)) for names in LAYERS)
    assert one["length"][0] == pytest.approx(FWHM * shape_of(0)[0] * SCALE * np.sqrt(0.5), rel=0.02)
    assert twice["length"][0] == pytest.approx(one["length"][0], rel=1e-3)


def test_the_line_is_drawn_through(study: Study) -> None:
    plain, scaled = (
        measure_bars(study, [FIRST_ID], BarSettings("gradient", line=line)) for line in ((0.0, 1.0), (-0.5, 0.8))
    )
    assert scaled["length"][0] == pytest.approx(0.8 * plain["length"][0] - 0.5)
    assert scaled["length_scatter"][0] == pytest.approx(0.8 * plain["length_scatter"][0])


def test_who_has_none_is_told_why(study: Study) -> None:
    asked: list[tuple[str, int, int]] = []
    found = measure_bars(study, settings=BarSettings("gradient"), progress=lambda *now: asked.append(now))
    assert found["galaxy_id"].tolist() == study.survey.galaxy_ids.tolist()
    assert found["why_not"][LOST] == "no image: missing"
    assert found["why_not"][EMPTY] == found["why_not"][FAINT] == "the network predicts no bar"
    none = found["length"].isna()
    assert set(np.flatnonzero(none)) == {LOST, EMPTY, FAINT}
    assert (none == (found["why_not"] != "")).all()
    assert asked == [("bars", PORTION, COUNT), ("bars", COUNT, COUNT)]
    everyone = measure_bars(study, [FIRST_ID + EMPTY, FIRST_ID + FAINT], BarSettings("gradient", least=0.0))
    assert everyone["why_not"].tolist() == ["the map is blank", ""]


def test_a_galaxy_does_not_depend_on_its_company(study: Study) -> None:
    together = measure_bars(study, [FIRST_ID + 1, FIRST_ID + 2], BarSettings("smooth_grad"))
    alone = measure_bars(study, [FIRST_ID + 2], BarSettings("smooth_grad"))
    assert together["length"][1] == pytest.approx(alone["length"][0], rel=1e-4)


def test_few_galaxies_are_in_memory(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    read, images = [], Survey.images
    monkeypatch.setattr(Survey, "images", lambda self, rows: read.append(len(rows)) or images(self, rows))
    blocks = measure_bars_in_batches(study, settings=BarSettings("gradient"))
    next(blocks)
    assert read == [PORTION]
    assert sum(len(block) for block in blocks) == COUNT - PORTION
    assert max(read) == PORTION


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (BarSettings(class_name="spiral"), r"no class 'spiral'.*bar, no_bar.*--scheme barred"),
        (BarSettings(method="magic"), "no method 'magic'"),
        (BarSettings(least=2.0), "From 0 to 1"),
        (BarSettings(line=(0.0, -1.0)), "a slope above 0"),
        (BarSettings(line=(float("nan"), 1.0)), "a slope above 0"),
    ],
)
def test_mistakes_are_told(study: Study, question: BarSettings, told: str) -> None:
    with pytest.raises(InputError, match=told):
        measure_bars(study, [FIRST_ID], question)


def test_a_galaxy_without_an_image_is_an_error_where_it_is_named(study: Study) -> None:
    with pytest.raises(SurveyError, match="no such field"):
        measure_bars(study, [FIRST_ID + LOST])


def test_a_network_that_knows_no_bars(study: Study, tmp_path: Path) -> None:
    network().save(tmp_path / "arms.keras")
    folder = import_model(study.survey, tmp_path / "arms.keras", class_names=("spiral", "smooth"))
    arms = Study(study.survey, folder)
    with pytest.raises(InputError, match=r"no class of barred galaxies.*spiral, smooth"):
        measure_bars(arms, [FIRST_ID])
    assert measure_bars(arms, [FIRST_ID], BarSettings("gradient", "spiral"))["length"].notna().all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".fits"])
def test_blocks_become_one_table(tmp_path: Path, suffix: str) -> None:
    blocks = [pd.DataFrame({"galaxy_id": [FIRST_ID + k], "length": [k / 2]}) for k in range(3)]
    path = tmp_path / f"bars{suffix}"
    assert write_table_of_blocks(path, iter(blocks)) == 3
    if suffix == ".fits":
        from astropy.table import Table

        read = Table.read(path).to_pandas()
    else:
        read = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert read["galaxy_id"].tolist() == [FIRST_ID, FIRST_ID + 1, FIRST_ID + 2]
    assert read["length"].tolist() == [0, 0.5, 1]


def test_the_command(study: Study, tmp_path: Path) -> None:
    survey, out = study.survey.path, tmp_path / "bars.csv"
    done = ran("bar", survey, FIRST_ID, FIRST_ID + EMPTY, "--model", "light", "--method", "gradient")
    assert done.returncode == 0, done.stderr
    assert str(FIRST_ID) in done.stdout
    assert "predicts no bar" in done.stdout
    every = ["bar", str(survey), "--all", "--model", "light", "--method", "gradient", "--out", str(out)]
    assert CliRunner().invoke(app, every).exit_code == 0
    read = pd.read_csv(out)
    assert len(read) == COUNT
    assert read["length"].notna().sum() == COUNT - 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "No galaxy was named"),
        ((FIRST_ID, "--all"), "Galaxies and --all"),
        (("--all",), "without --out"),
        ((FIRST_ID, "--line", "long", "--model", "light"), "--line long"),
        (("--all", "--out", "bars.txt", "--model", "light"), "bars.txt"),
    ],
)
def test_the_command_tells_mistakes(study: Study, words: tuple[object, ...], told: str) -> None:
    done = CliRunner().invoke(app, ["bar", str(study.survey.path), *map(str, words)])
    assert isinstance(done.exception, InputError)
    assert told in str(done.exception)


@pytest.mark.realdata
def test_real_cutouts(real_data: Path, tmp_path: Path) -> None:
    from trainer.ingest import ingest, open_local_survey

    survey, source = open_local_survey(tmp_path / "cut", "folder", real_data / "sdss_cutouts", bands=tuple("ugriz"))
    ingest(source, survey)
    network().save(tmp_path / "light.keras")
    real = Study(survey.refreshed(), import_model(survey, tmp_path / "light.keras", class_names=("bar", "no_bar")))
    found = measure_bars(real, settings=BarSettings("gradient", least=0.0))
    assert len(found) == 32
    assert (found["length"].isna() == (found["why_not"] != "")).all()
    measured = found[found["why_not"] == ""]
    assert len(measured) > 5
    assert measured["length"].between(0.5, 60).all()
    assert measured["position_angle"].between(0, 180, inclusive="left").all()
