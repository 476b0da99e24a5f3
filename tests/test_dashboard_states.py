"""Every state of the screen, run without a browser."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from dashboard_fixtures import FIRST_ID, LOST, add_analysis, add_model, catalogue, cutout, make_survey
from streamlit.testing.v1 import AppTest

from dashboards.loading.map import map_data_of
from dashboards.loading.surveys import open_survey, table_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.survey import Survey

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "dashboards" / "explore.py"


@pytest.fixture(autouse=True)
def surveys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    return tmp_path


def opened(**params: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    for name, value in params.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def text_of(page: AppTest) -> str:
    """Everything that is said on the page."""
    kinds = ("html", "markdown", "caption", "info")
    return "\n".join(str(element.proto.body) for kind in kinds for element in page.get(kind))


def test_without_a_survey_the_demo_is_offered() -> None:
    page = opened()
    assert "No survey yet" in text_of(page)
    assert [button.label for button in page.button] == ["Build the demo"]


def test_a_survey_at_an_address(surveys: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    address = make_survey(tmp_path_factory.mktemp("elsewhere") / "sky", 20).path.as_uri()
    page = opened(survey=address)
    assert str(FIRST_ID) not in text_of(page)  # a link may come from anybody: it is asked first
    page.button(key="open_unlisted").click().run()
    assert f"Read from <code>{address}</code>" in text_of(page)
    assert str(FIRST_ID) in text_of(page)
    (folder,) = (file.parent for file in surveys.glob("*/remote.json"))
    assert folder.name in page.run().selectbox(key="choose_survey").options
    assert address in text_of(opened(survey=folder.name))


def test_an_address_where_nothing_is_is_told() -> None:
    page = opened(survey="memory://nowhere/sky")
    assert "no survey at" not in text_of(page)
    assert "no survey at memory://nowhere/sky" in text_of(page.button(key="open_unlisted").click().run())


@pytest.mark.parametrize("analysed", [False, True])
def test_a_survey_without_positions(surveys: Path, analysed: bool) -> None:
    rng = np.random.default_rng(0)
    nowhere = catalogue(30, rng).assign(ra=np.nan, dec=np.nan)
    survey = Survey.create(surveys / "nowhere", nowhere, shape=(32, 32), source="folder")
    with survey.writer() as writer:
        for row in range(30):
            writer.append(cutout(row, rng))
    survey = Survey.open(survey.path)
    if analysed:
        add_model(survey, rng, b"none")
        add_analysis(survey)
    page = opened(survey="nowhere")
    assert str(FIRST_ID) in text_of(page)
    assert ("it has no positions on the sky" in text_of(page)) == (not analysed)
    page.text_input(key="find").set_value("150.1 2.2").run()
    assert not page.exception
    assert "No galaxy lies within" in text_of(page)
    ground = map_data_of(survey, None, None)
    assert (len(ground.rows), ground.nearest(0.0, 0.0)) == (30, 0)


def test_a_whole_survey(surveys: Path) -> None:
    make_survey(surveys / "tiny", 40)
    page = opened()
    said = text_of(page)
    assert str(FIRST_ID) in said
    assert "Map of layer block3" in said
    assert "Nearest neighbours" in said
    assert page.query_params["galaxy_id"] == str(FIRST_ID)


def test_a_survey_without_a_model_names_the_command(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20, model=False, analysed=False)
    assert f"python -m trainer fit {surveys / 'tiny'}" in text_of(opened())


def test_a_model_without_an_analysis_names_the_command(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20, analysed=False)
    assert f"gz2interp analyse {surveys / 'tiny'} --model cnn" in text_of(opened())


def test_an_analysis_of_other_data_is_never_shown(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 20, analysed=False)
    add_analysis(survey, data="of another survey")
    said = text_of(opened())
    assert "Outdated analysis" in said
    assert "Map of layer" not in said
    assert "Nearest neighbours" not in said


def test_an_analysis_of_a_network_that_was_trained_anew_is_never_shown(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 20)
    assert "Map of layer" in text_of(opened())
    (survey.path / "models" / "cnn" / "model.keras").write_bytes(b"another network")
    assert "Outdated analysis" in text_of(opened())


def test_an_id_keeps_its_digits_in_a_catalogue_of_numbers_alone(surveys: Path) -> None:
    Survey.create(surveys / "numbers", catalogue(5, np.random.default_rng(0)).drop(columns="label"))
    assert f'data-testid="galaxy-id">{FIRST_ID}<' in text_of(opened())


def test_a_galaxy_without_an_image_says_why(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20)
    said = text_of(opened(galaxy_id=str(FIRST_ID + LOST)))
    assert "Missing: the archive has no such field" in said
    assert "This galaxy was not analysed" in said


def test_a_survey_that_is_not_there(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20)
    page = opened(survey="nowhere")
    assert "There is no survey nowhere" in text_of(page)
    page.button[0].click().run()
    assert str(FIRST_ID) in text_of(page)


def test_a_survey_without_galaxies(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20)
    catalog = Survey.open(surveys / "tiny").catalog
    Survey.create(surveys / "void", catalog.iloc[:0])
    assert "An empty survey" in text_of(opened(survey="void"))


def test_an_old_address_still_opens_with_a_word(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20)
    said = text_of(opened(galaxy_id="17", model="gone", layer="gone", lasso="1,2", hue="red"))
    assert "no galaxy 17" in said
    assert "no model “gone”" in said
    assert "No analysis of gone" in said
    assert "lasso" in said
    assert "“hue”" in said
    assert str(FIRST_ID) in said


def test_finding_by_id_and_by_position(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 20)
    page = opened()
    page.text_input(key="find").set_value(str(FIRST_ID + 7)).run()
    assert page.query_params["galaxy_id"] == str(FIRST_ID + 7)
    ra, dec = survey.catalog.loc[9, ["ra", "dec"]]
    page.text_input(key="find").set_value(f"{ra:.5f} {dec:.5f}").run()
    assert page.query_params["galaxy_id"] == str(FIRST_ID + 9)
    page.text_input(key="find").set_value("10 -80").run()
    assert "No galaxy lies within 30″" in text_of(page)
    assert page.query_params["galaxy_id"] == str(FIRST_ID + 9)


def test_another_colour_and_another_model(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 20)
    add_model(survey, np.random.default_rng(3), b"second", "second")
    page = opened()
    page.selectbox(key="choose_colour").select("r").run()
    assert page.query_params["colour"] == "r"
    page.selectbox(key="choose_model").select("second").run()
    assert page.query_params["model"] == "second"
    assert "Not analysed yet" in text_of(page)


def test_the_lasso_in_an_address_fills_the_gallery(surveys: Path) -> None:
    make_survey(surveys / "tiny", 120)
    page = opened(lasso="-90,-90;90,-90;90,90;-90,90")
    assert "119 galaxies inside the lasso" in text_of(page)
    assert "1 to 48 of 119" in text_of(page)
    page.number_input(key="members_page").set_value(3).run()
    assert "97 to 119 of 119" in text_of(page)


def test_a_file_of_galaxies_holds_ids_as_words(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 20)
    table = table_of(survey, survey.model("cnn"), [0, 5])
    assert table[GALAXY_ID].tolist() == [str(FIRST_ID), str(FIRST_ID + 5)]


def test_the_sky_is_the_ground_without_an_analysis(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20, model=False, analysed=False)
    survey = open_survey("tiny")
    ground = map_data_of(survey, None, None)
    row = ground.nearest(*ground.points.coordinates[4])
    assert row == 4
    assert ground.points.ids[4] == str(FIRST_ID + 4)
    eastern = survey.catalog["ra"].to_numpy().argmax()
    assert ground.points.coordinates[:, 0].argmin() == eastern


def test_the_first_page_loads_neither_tensorflow_nor_umap(surveys: Path) -> None:
    make_survey(surveys / "tiny", 20)
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file({str(SCRIPT)!r}, default_timeout=60).run()
assert not page.exception
assert any({str(FIRST_ID)!r} in each.proto.body for each in page.get("html"))
print([name for name in ("tensorflow", "keras", "umap", "tf_keras_vis") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]"


def test_both_configurations_say_the_same() -> None:
    """Streamlit reads the one of the folder it is started in, and the one beside the script: neither may be missing."""
    top, beside = (folder / ".streamlit" / "config.toml" for folder in (ROOT, ROOT / "dashboards"))
    assert top.read_text() == beside.read_text()
    said = tomllib.loads(top.read_text())
    assert said["server"]["address"] == "127.0.0.1"
    assert said["browser"]["gatherUsageStats"] is False
    assert said["server"]["showEmailPrompt"] is False


def test_one_package_alone_keeps_things_in_streamlits_caches() -> None:
    keeping = {file.parent.name for file in (ROOT / "dashboards").rglob("*.py") if "st.cache_" in file.read_text()}
    assert keeping == {"loading"}
