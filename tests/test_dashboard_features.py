"""The page of a layer's features in every state, run without a browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from dashboard_fixtures import FIRST_ID, LOST, add_analysis, add_model, given_to, make_survey, press, small_network
from layer_fixtures import CHANNELS, SILENT, add_agreement, add_blocks, add_features
from streamlit.testing.v1 import AppTest
from test_dashboard_network import text_of

from dashboards import building
from dashboards.parts.layer_sheet import BLACK

SCRIPT = Path(__file__).resolve().parent.parent / "dashboards" / "explore.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Surveys with a network that can be asked: with blocks alone, and with a sheet too."""
    st.cache_data.clear()
    st.cache_resource.clear()
    folder, network = tmp_path_factory.mktemp("surveys"), small_network()
    for name in ("blocks", "sheet"):
        survey = make_survey(folder / name, 40, network=network, analysed=False)
        add_analysis(survey, layer="seen")
        add_blocks(survey, plane=name == "sheet")
        if name == "sheet":
            add_features(survey)
    return folder


@pytest.fixture(autouse=True)
def fresh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(folder))


def opened(**params: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=120)
    for name, value in params.items():
        page.query_params[name] = value
    page.switch_page("screens/features.py").run()
    assert not page.exception, page.exception
    return page


def titles(page: AppTest, key: str) -> list[str]:
    return [card["title"] for card in given_to(page, key)["items"]]


def begun(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of the command that a click on Start would run."""
    commands: list[list[str]] = []
    monkeypatch.setattr(building, "start", lambda place, command: commands.append(list(command)))
    page.button(key="work_start").click().run()
    return commands[0][3:]


def test_what_lacks_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    assert "python -m trainer demo" in text_of(opened())
    make_survey(tmp_path / "bare", 20, model=False, analysed=False)
    assert "No network yet" in text_of(opened(survey="bare"))
    make_survey(tmp_path / "asked", 20, analysed=False)
    assert "gz2interp analyse" in text_of(opened(survey="asked"))
    survey = make_survey(tmp_path / "analysed", 20)
    page = opened(survey="analysed")
    assert "No building blocks of this layer yet" in text_of(page)
    assert f"gz2interp channels {survey.path} --model cnn --layer block3" in text_of(page)
    words = begun(page, monkeypatch)
    assert words == ["channels", str(survey.path), "--model", "cnn", "--progress", "json"]


def test_a_sheet_of_another_network_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    survey = make_survey(tmp_path / "tiny", 20)
    add_blocks(survey)
    add_features(survey)
    assert "reaches" in text_of(opened())
    (survey.path / "models" / "cnn" / "model.keras").write_bytes(b"another network")
    said = text_of(opened())
    assert "Not analysed yet" in said
    assert "reaches" not in said


def test_groups_and_cells_of_other_blocks_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    survey = make_survey(tmp_path / "tiny", 20)
    add_blocks(survey)
    add_features(survey)
    assert "excites the cell" in text_of(opened(view="atlas"))
    add_blocks(survey, seed=1)  # numbered anew
    assert "excites the cell" not in text_of(opened(view="atlas"))
    page = opened(block="group-1")
    assert page.query_params["block"] == "channel-0"
    assert "feature image, start 1" in text_of(page)


def test_a_sheet_that_was_interrupted_is_offered_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    survey = make_survey(tmp_path / "tiny", 20)
    add_blocks(survey)
    add_features(survey, complete=False)
    page = opened()
    assert "is not complete" in text_of(page)
    page.number_input(key="work_steps").set_value(16).run()
    words = begun(page, monkeypatch)
    assert words == ["features", str(survey.path), "--model", "cnn", "--steps", "16", "--progress", "json"]


def test_blocks_without_a_sheet_show_loudest_places_and_offer_the_sheet() -> None:
    page = opened(survey="blocks")
    assert "Each channel by a patch of the galaxy" in text_of(page)
    assert titles(page, "gallery-sheet-channel") == [f"channel {k}" for k in range(CHANNELS)]
    assert "Most activating galaxies" in text_of(page)
    assert "No feature images yet" in text_of(page)
    assert page.selectbox(key="work_task").value == "features"


def test_the_sheet_is_sorted_and_filtered() -> None:
    page = opened(survey="sheet")
    notes = [card["note"] for card in given_to(page, "gallery-sheet-channel")["items"]]
    assert notes[0] == "0.2 x best · r \N{MINUS SIGN}0.80"
    assert notes[SILENT] == "not excited · constant"
    pictures = [card["picture"] for card in given_to(page, "gallery-sheet-channel")["items"]]
    assert [picture == BLACK for picture in pictures] == [k == SILENT for k in range(CHANNELS)]
    page.selectbox(key="sheet_order_channel").select("beyond real galaxies").run()
    assert titles(page, "gallery-sheet-channel")[0] == "channel 1"
    page.selectbox(key="sheet_shown_channel").select("correlates with petro_radius").run()
    assert titles(page, "gallery-sheet-channel") == ["channel 1"]
    page.selectbox(key="sheet_shown_channel").select("redundant channels").run()
    assert set(titles(page, "gallery-sheet-channel")) == {"channel 3", "channel 4"}
    assert not page.exception


def test_a_channel_tells_what_it_reaches_and_against_what() -> None:
    page = opened(survey="sheet", block="channel-1")
    said = text_of(page)
    assert 'data-testid="block">channel 1<' in said
    assert said.count('alt="feature image, start') == 2
    for part in (
        "best real galaxy",
        "best of random images",
        "agree by 0.60, of different objectives by 0.20",
        "all 3 tests of the layer, 2 of them",
    ):
        assert part in said
    assert "petro radius" in said
    press(page, "best_galaxy")
    assert page.query_params["galaxy_id"] == str(FIRST_ID + 7)


def test_another_network_is_offered_and_then_what_it_says_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    survey = make_survey(tmp_path / "two", 20)
    add_blocks(survey)
    add_features(survey)
    assert "No comparison with another network" not in text_of(opened(model="cnn"))
    add_model(survey, np.random.default_rng(2), b"another", "other")
    assert "No comparison with another network" not in text_of(opened(model="cnn"))  # it has not been analysed
    add_analysis(survey, name="other")
    page = opened(model="cnn")
    assert "In other networks" not in text_of(page)
    assert f"agreement {survey.path} --model cnn --layer block3 --with other --with-layer block3" in text_of(page)
    words = begun(page, monkeypatch)
    asked = ["--model", "cnn", "--with", "other", "--with-layer", "block3"]
    assert words == ["agreement", str(survey.path), *asked, "--progress", "json"]

    add_agreement(survey)
    page = opened(model="cnn", block="channel-1")
    said = text_of(page)
    assert "No comparison with another network" not in said
    for part in ("20% of 5 feature images", "other block3 4", "100.0%", "25%", "By chance r is 0.20", "beyond 60.0%"):
        assert part in said
    page.selectbox(key="sheet_shown_channel").select("excite other networks").run()
    assert titles(page, "gallery-sheet-channel") == ["channel 1"]
    page.selectbox(key="sheet_order_channel").select("agreement of networks").run()
    assert not page.exception
    assert "In other networks" not in text_of(opened(model="cnn", block="class-1"))

    (survey.path / "models" / "other" / "model.keras").write_bytes(b"trained anew")
    said = text_of(opened(model="cnn", block="channel-1"))
    assert "feature images excite" not in said
    assert "In other networks" not in said


def test_oddities_are_told() -> None:
    assert "Constant: its activation" in text_of(opened(survey="sheet", block=f"channel-{SILENT}"))
    assert "Redundant with channel 3" in text_of(opened(survey="sheet", block="channel-4"))
    assert "Possible artefact of sky r" in text_of(opened(survey="sheet", block="channel-5"))


def test_classes_and_groups_have_sheets_too() -> None:
    page = opened(survey="sheet", block="class-1")
    assert titles(page, "gallery-sheet-class") == ["round", "long"]
    assert 'data-testid="block">long<' in text_of(page)
    page = opened(survey="sheet", block="group-1")
    assert 'data-testid="block">group 2<' in text_of(page)
    assert len(titles(page, "gallery-of-group")) == CHANNELS


def test_a_block_that_is_not_there_gives_way_to_the_first() -> None:
    page = opened(survey="sheet", block="channel-99", place="99,99", view="nowhere")
    assert page.query_params["block"] == "channel-0"


@pytest.mark.parametrize("name", ["blocks", "sheet"])
def test_the_dictionary_asks_the_network_about_the_selected_galaxy(name: str) -> None:
    page = opened(survey=name, view="dictionary", galaxy_id=str(FIRST_ID + 8), place="2,3", score="long")
    said = text_of(page)
    assert f'data-testid="galaxy-id">{FIRST_ID + 8}<' in said
    assert "At place 2,3" in said
    assert said.count("logit of long: evidence") == 2  # of the place, and of the whole galaxy
    assert said.count('class="gz2-effects') == 5
    board = given_to(page, "dictionary-board")
    assert len(board["cells"]) == 64
    assert board["chosen"] == "2,3"
    assert ('alt="feature image of channel' in said) is (name == "sheet")
    press(page, "entry_channel_0")
    assert page.query_params["view"] == "layer"
    assert page.query_params["block"].startswith("channel-")


def test_what_places_add_is_laid_over_the_galaxy() -> None:
    page = opened(survey="sheet", view="dictionary")
    before = given_to(page, "dictionary-board")["picture"]
    page.toggle(key="places_over").set_value(True).run()
    assert given_to(page, "dictionary-board")["picture"] != before
    assert "gz2-scale" in text_of(page)


def test_groups_say_what_they_do_and_what_they_account_for() -> None:
    page = opened(survey="sheet", view="groups", galaxy_id=str(FIRST_ID + 8))
    said = text_of(page)
    assert said.count("the groups shown account for") == 2
    assert said.count('class="gz2-effects gz2-both"') == 2
    assert said.count("activation map") == 4  # a caption and a description of each


def test_a_galaxy_without_an_image_says_why() -> None:
    said = text_of(opened(survey="sheet", view="groups", galaxy_id=str(FIRST_ID + LOST)))
    assert "No building blocks of this galaxy" in said
    assert "the archive has no such field" in said


def test_the_atlas_of_all_and_of_a_class() -> None:
    page = opened(survey="sheet", view="atlas", block="cell-2")
    said = text_of(page)
    assert "60 places in 3 cells" in said
    assert "Cell 3" in said
    assert "excites the cell" in said
    assert given_to(page, "atlas-board")["chosen"] == "cell-2"
    assert page.selectbox(key="atlas_of").options == ["of all galaxies", "that add most to long"]
    page.selectbox(key="atlas_of").select("long").run()
    assert not page.exception
    assert "patch of the galaxy" in text_of(page)
    ids = [card["id"] for card in given_to(page, "gallery-cell")["items"]]
    assert ids
    assert set(ids) <= {str(FIRST_ID + row) for row in range(40)}
