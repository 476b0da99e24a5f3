"""Scores as a person writes them, about a survey and its network."""

# ruff: noqa: F811  # fixtures are used by their names

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_workflows import FIRST_ID, LOST, study  # noqa: F401  # the survey and network of the workflows' tests
from typer.testing import CliRunner

from gz2interp.cli import app
from gz2interp.errors import Gz2interpError, InputError
from gz2interp.network.layer_scores import channel
from gz2interp.network.scores import logit
from gz2interp.workflows.score_text import score_from
from gz2interp.workflows.study import Study


def test_outputs_and_layers_are_read(study: Study) -> None:
    assert score_from(study, "logit(long) - 0.5 * logit(round)") == logit("long") - 0.5 * logit("round")
    assert score_from(study, "channel(conv, 2)") == channel("conv", 2)


def test_likeness_to_another_galaxy_is_one_for_itself(study: Study) -> None:
    score = score_from(study, f"similarity({FIRST_ID + 5})")
    said = study.probe.scores(study.survey.images([5, 6]), score)
    assert said[0] == pytest.approx(1, abs=1e-5)
    assert said[1] < 1
    assert score.name == f"similarity({FIRST_ID + 5}, conv)"
    assert score_from(study, f"similarity({FIRST_ID + 5}, conv)") == score


def test_a_direction_is_read_from_its_file(study: Study, tmp_path: Path) -> None:
    file = tmp_path / "way.npy"
    np.save(file, np.eye(6)[2])
    said = study.probe.scores(study.survey.images([5]), score_from(study, f'direction("{file}")'))
    assert said[0] == pytest.approx(study.probe.scores(study.survey.images([5]), channel("conv", 2))[0], rel=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "logit(lens)",
        "channel(conv, 99)",
        "channel(deep, 1)",
        "similarity(1)",
        f"similarity({FIRST_ID + LOST})",
        'direction("nowhere.npy")',
        "logit(long",
        "long",
    ],
)
def test_what_is_not_there_is_told(study: Study, text: str) -> None:
    with pytest.raises(Gz2interpError):
        score_from(study, text)


def test_a_pickle_is_no_direction(study: Study, tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        score_from(study, f'direction("{tmp_path / "evil.npy"}")')


def test_the_command_line_takes_it(study: Study, tmp_path: Path) -> None:
    asked = ["explain", str(study.survey.path), str(FIRST_ID), "--model", study.model.name, "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*asked, "--method", "gradient", "--of", "channel(conv, 2)"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / f"{FIRST_ID}_gradient.fits").is_file()
    both = CliRunner().invoke(app, [*asked, "--of", "logit(long)", "--class", "long"])
    assert isinstance(both.exception, InputError)
