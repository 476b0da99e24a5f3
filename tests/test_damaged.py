"""Damaged files of every kind through every reader: a sentence or the right values, and never the end of a process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import damaged

SEED = 5
EACH = 3
NAMES = [subject.name for subject in (*damaged.subjects(), *damaged.subjects(heavy=True))]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """A few of the files that ``benchmarks/damaged.py`` makes."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for record in damaged.run(EACH * len(NAMES), SEED, "", tmp_path_factory.mktemp("damaged")):
        found[record["name"]].append(record)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_refused_in_a_sentence_or_read_rightly(
    records: dict[str, list[dict[str, Any]]], name: str
) -> None:
    assert len(records[name]) == EACH
    for record in records[name]:
        assert record["outcome"] in ("refused", "same", "unnoticeable", "slow"), record  # no test is about time


def test_most_damage_is_noticed(records: dict[str, list[dict[str, Any]]]) -> None:
    counts = Counter(record["outcome"] for found in records.values() for record in found)
    assert counts["refused"] > 0.6 * counts.total()


def test_the_same_seed_makes_the_same_damage(tmp_path: Path) -> None:
    import numpy as np

    content = bytes(range(256)) * 8
    once, again = (damaged.damaged(content, "", np.random.default_rng([1, 2])) for _ in range(2))
    assert once == again
    assert once[0] != content
