"""The dashboard's place for what a painted galaxy is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from dashboard_fixtures import make_survey
from streamlit.testing.v1 import AppTest

from trainer.paint import paint_survey

SCRIPT = Path(__file__).resolve().parent.parent / "dashboards" / "explore.py"


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
    kinds = ("html", "markdown", "caption", "info")
    return "\n".join(str(element.proto.body) for kind in kinds for element in page.get(kind))


def altered(page: AppTest) -> AppTest:
    return page.toggle(key="paint_again").set_value(True).run()


def test_a_painted_galaxy_shows_its_components_and_can_be_altered(surveys: Path) -> None:
    painted = paint_survey(surveys / "painted", 6, 2, shares={"spiral": 1.0})
    page = opened()
    said = text_of(page)
    assert "Components" in said
    assert "light of arms" in said
    page = altered(page)
    assert "Leave a component out or move a slider" in text_of(page)
    page.multiselect[0].set_value(["arms"]).run()
    assert not page.exception
    assert "red is added light" in text_of(page)
    # Another galaxy starts as it is.
    page.query_params["galaxy_id"] = str(painted.galaxy_ids[4])
    other = altered(opened(galaxy_id=str(painted.galaxy_ids[4])))
    assert other.multiselect[0].value == []


def test_every_slider_alters(surveys: Path) -> None:
    paint_survey(surveys / "painted", 2, 2, shares={"spiral": 1.0})
    page = altered(opened())
    for slider in page.slider:
        slider.set_value(slider.max)
    page.run()
    assert not page.exception
    assert "red is added light" in text_of(page)


def test_a_star_has_no_redshift_to_change(surveys: Path) -> None:
    paint_survey(surveys / "stars", 2, 2, shares={"star": 1.0})
    page = altered(opened())
    assert next(slider for slider in page.slider if slider.label.startswith("Redshift")).disabled


def test_galaxies_that_were_not_painted_have_no_such_place(surveys: Path) -> None:
    make_survey(surveys / "tiny", 12)
    page = opened()
    assert "Components" not in text_of(page)
    assert "paint_again" not in {toggle.key for toggle in page.toggle}


def test_a_truth_that_cannot_be_read_says_so_in_place(surveys: Path) -> None:
    painted = paint_survey(surveys / "painted", 2, 2, shares={"spiral": 1.0})
    table = painted.path / "truth.parquet"
    import pandas as pd

    recipes = pd.read_parquet(table)
    recipes["recipe"] = np.array(["nonsense", "nonsense"], dtype=object)
    recipes.to_parquet(table)
    assert "This is not a recipe" in text_of(opened())
