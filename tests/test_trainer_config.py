"""Recipes are read, and what cannot be a setting is refused in words."""

from __future__ import annotations

import pytest

from gz2interp.errors import InputError
from trainer.augment import POLICIES
from trainer.config import RECIPES, Config, read_config
from trainer.networks import NETWORKS


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_can_be_read_and_opens_with_what_to_expect(path):
    config = read_config(path.stem)
    assert config == read_config(path)
    assert config.network in NETWORKS
    assert config.augmentation in POLICIES
    comment = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert "python -m trainer" in comment[0]
    assert any("%" in line for line in comment)


def test_changes_replace_the_recipe_s_settings():
    assert read_config("demo", epochs=2).epochs == 2


def test_an_unknown_setting_lists_the_known_ones(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text("epoch = 3")
    with pytest.raises(InputError, match=r"epoch is unknown.*batch_size.*warm_up"):
        read_config(recipe)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("epochs", 2.5, "of type int"),
        ("epochs", True, "of type int"),
        ("epochs", 0, "between 1 and"),
        ("schedule", "linear", "cosine, constant"),
        ("test_fraction", 0.7, "Together at most"),
    ],
)
def test_what_cannot_be_is_refused(setting, value, words):
    with pytest.raises(InputError, match=words):
        Config.from_mapping({setting: value, "validation_fraction": 0.3})


def test_a_recipe_that_is_not_there_lists_those_that_are():
    with pytest.raises(InputError, match="artifacts, default, demo"):
        read_config("full")


def test_a_file_that_is_not_toml_is_named(tmp_path):
    (tmp_path / "mine.toml").write_text("epochs: 3")
    with pytest.raises(InputError, match=r"mine\.toml cannot be read.* TOML"):
        read_config(tmp_path / "mine.toml")
    with pytest.raises(InputError, match="There is no file"):
        read_config(tmp_path / "absent.toml")
