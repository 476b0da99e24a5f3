"""What workers are asked in tests: a worker knows functions by the name of their module."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gz2interp.errors import InputError
from gz2interp.workflows.shards import Shard

opened: list[int] = []
"""What this process has opened, in order."""


@dataclass(frozen=True)
class Number:
    number: int

    def __call__(self) -> int:
        opened.append(self.number)
        return self.number


def add(thing: int, shard: Shard) -> np.ndarray:
    return shard.rows + thing


def refuse(thing: int, shard: Shard) -> None:
    raise InputError(f"Shard {shard.number} was given", "Another one")


def late(thing: int, shard: Shard) -> None:
    raise TimeoutError("the store is slow")
