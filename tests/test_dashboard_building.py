"""The demo, built by a process of its own: progress, end, failure, stop, and another look after a reload."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboards import building

PAINTS = """
import json, sys, time
for done in range(3):
    print(json.dumps({"stage": "paint", "done": done + 1, "total": 3, "message": "galaxies"}), flush=True)
print("a library talks", flush=True)
print(json.dumps({"stage": "fit", "done": 1, "total": 4}), flush=True)
"""


def builder(*lines: str) -> list[str]:
    return [sys.executable, "-c", PAINTS + "\n".join(lines)]


def until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def state(survey: Path) -> str:
    known = building.read_state(survey)
    return known.state if known else ""


def test_progress_is_read_and_the_end_is_noticed(tmp_path: Path) -> None:
    survey = tmp_path / "surveys" / "demo"
    building.start(survey, builder("time.sleep(0.5)"))
    until(lambda: state(survey) == "finished")
    known = building.read_state(survey)
    assert known is not None
    assert known.stages["paint"].share == 1.0
    assert (known.stages["fit"].done, known.stages["fit"].total) == (1, 4)
    building.forget(survey)
    assert building.read_state(survey) is None
    assert list(survey.parent.iterdir()) == []


def test_a_failure_shows_its_last_words(tmp_path: Path) -> None:
    survey = tmp_path / "demo"
    building.start(survey, builder("raise SystemExit('the disc is full')"))
    until(lambda: state(survey) == "failed")
    known = building.read_state(survey)
    assert known is not None
    assert known.words.endswith("the disc is full")
    building.forget(survey)


def test_a_keeper_that_has_not_said_who_it_is_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survey = tmp_path / "demo"
    building.start(survey, builder("time.sleep(600)"))
    asked, read = [], building._read

    def late(path: Path) -> dict[str, Any]:
        asked.append(path)
        return read(path) | ({"keeper": 0} if len(asked) < 3 else {})

    monkeypatch.setattr(building, "_read", late)
    building.stop(survey)
    assert state(survey) == "stopped"
    building.forget(survey)


def test_it_can_be_stopped_and_is_not_started_twice(tmp_path: Path) -> None:
    survey = tmp_path / "demo"
    building.start(survey, builder("time.sleep(600)"))
    until(lambda: "fit" in (known.stages if (known := building.read_state(survey)) else {}))
    building.start(survey, builder("raise SystemExit('a second one')"))
    assert state(survey) == "running"
    building.stop(survey)
    assert state(survey) == "stopped"
    building.forget(survey)


def test_a_command_that_does_not_exist_is_a_failure(tmp_path: Path) -> None:
    survey = tmp_path / "demo"
    building.start(survey, ["/no/such/program"])
    until(lambda: state(survey) == "failed")
    known = building.read_state(survey)
    assert known is not None
    assert "/no/such/program" in known.words
    building.forget(survey)


def test_a_keeper_that_was_killed_is_noticed(tmp_path: Path) -> None:
    survey = tmp_path / "demo"
    building.start(survey, builder("time.sleep(5)"))
    until(lambda: state(survey) == "running")
    keeper = building._children[str(survey)]
    keeper.kill()
    keeper.wait()
    assert state(survey) == "failed"
    building.forget(survey)
