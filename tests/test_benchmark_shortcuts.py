"""The program that plants shortcuts and lets the check find them, on two planted cases and a clean one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.shortcuts import Case, run, table


@pytest.mark.long
def test_two_planted_shortcuts_are_named_and_a_clean_survey_raises_no_alarm(tmp_path):
    cases = [
        Case("background", "strong", "round", 60, "asinh"),
        Case("noise", "strong", "in_between", 61, "asinh"),
        Case("clean", "", "", 62, "asinh"),
    ]
    results = [run(case, tmp_path, galaxies=600, epochs=6) for case in cases]
    assert [each["named"] for each in results] == [True, True, False]
    assert results[2]["alarms"] == []
    assert run(cases[0], tmp_path, galaxies=600, epochs=6) == results[0]  # read, not run again
    assert next(table(results)).startswith("strong: 2 of 2 ")
