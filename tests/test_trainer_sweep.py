"""Several recipes on one survey."""

from __future__ import annotations

import pandas as pd
import pytest
from trainer_surveys import ring_survey, tiny_network

from gz2interp.errors import InputError
from trainer.sweep import sweep, sweep_file

# Keras itself reads its variables in a way that NumPy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    with tiny_network():
        yield


@pytest.fixture
def recipes(tmp_path):
    """One that learns, one that hardly does, and one that cannot."""
    plain = 'network = "tiny"\nbatch_size = 32\nwarm_up = 0.5\nlearning_rate = 1e-2\n'
    texts = {
        "long": plain + "epochs = 4",
        "short": plain + "epochs = 1",
        "other": plain + 'epochs = 1\nstart = "nobody"',
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return [str(tmp_path / f"{name}.toml") for name in texts]


def test_a_table_tells_what_came_of_each_recipe(tmp_path, recipes, monkeypatch):
    survey, heard = ring_survey(tmp_path / "rings", count=240), []
    table = sweep(survey, "try", recipes, {"seed": 5}, lambda recipe, now: heard.append(recipe))
    assert table["recipe"].tolist() == ["long", "short", "other"]
    assert set(heard) == {"long", "short"}
    assert table["epochs"].tolist()[:2] == [4, 1]
    assert table["test"][0] > 0.9
    assert (table["test_low"][:2] <= table["test"][:2]).all()
    assert table["failed"].tolist()[:2] == ["", ""]
    assert "nobody" in table["failed"][2]
    assert survey.model("try-long").run["config"]["seed"] == 5
    assert pd.read_csv(sweep_file(survey, "try"))["model"].tolist() == ["try-long", "try-short", "try-other"]

    monkeypatch.setattr("trainer.sweep.fit", lambda *_: pytest.fail("trained again"))
    pd.testing.assert_frame_equal(sweep(survey, "try", recipes[:2]), table.iloc[:2], check_dtype=False)


def test_recipes_of_one_name_are_refused(tmp_path):
    survey = ring_survey(tmp_path / "rings", count=20)
    with pytest.raises(InputError, match="different names"):
        sweep(survey, "try", ["default", "default"])
    with pytest.raises(InputError, match="no recipe"):
        sweep(survey, "try", ["default", "none such"])
