"""The demo from nothing to a dashboard's survey, as the dashboard builds it: a process that tells its progress."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.checking import check_survey
from gz2interp.stores.survey import Survey

GALAXIES = 700


def begun(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trainer", "demo", str(path), "--galaxies", str(GALAXIES), "--progress", "json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_in(process: subprocess.Popen[str], stage: str, after: float) -> None:
    """SIGKILL some seconds after a stage has begun."""
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["stage"] == stage:
            break
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.long
def test_the_demo_is_built_killed_in_every_stage_and_ends_whole(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    for stage, after in (("paint", 0.5), ("fit", 20.0), ("analyse", 1.0)):
        kill_in(begun(path), stage, after)
    process = begun(path)
    said, errors = process.communicate()
    assert process.returncode == 0
    assert errors.startswith("Survey("), errors
    assert errors.count("\n") == 3, errors  # what came of it, and no warning
    records = [json.loads(line) for line in said.splitlines()]
    assert [set(record) for record in records] == [{"stage", "done", "total", "message"}] * len(records)
    assert records[-1] == {"stage": "analyse", "done": 4, "total": 4, "message": "done"}
    survey = Survey.open(path)
    model = survey.model()
    assert survey.rows_committed == GALAXIES
    assert not [finding.words for finding in check_survey(path) if finding.is_damage]
    assert latest_analysis(model.path, survey.digest, model.digest) is not None
    assert set(model.predictions["split"]) == {"train", "validation", "test", "none"}
    accuracy = json.loads((model.path / "evaluation.json").read_text())["accuracy"]
    assert accuracy["value"] > 0.5  # five classes, a few hundred galaxies: it has learnt something
    (model.path / "evaluation.json").unlink()  # as if it had been killed just before
    again = begun(path)
    again.communicate()
    assert again.returncode == 0
    assert (model.path / "evaluation.json").is_file()
    assert Survey.open(path).model().digest == model.digest  # and what is there is left alone
