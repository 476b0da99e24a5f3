"""One job for one shard of galaxies after the other, here or on a cluster.

Here and there the same function is asked about the same rows, so the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gz2interp.stores.arrays import SHARD_ROWS

__all__ = ["Shard", "Workers", "over_shards", "shards_of"]

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Shard:
    """Some galaxies that are asked about together.

    Attributes
    ----------
    number : int
        From 0 on.
    rows : int64 (n,)
        Of the survey, or positions among those that are analysed.
    """

    number: int
    rows: NDArray[np.int64]


class Workers(Protocol):
    """Who does the work elsewhere, such as `gz2interp.workflows.cluster.Cluster`."""

    def each(
        self, job: Callable[[Any, Shard], Answer], place: Callable[[], Any], shards: Iterable[Shard]
    ) -> Iterator[tuple[Shard, Answer]]:
        """The answer to a job for each shard, in any order."""


def shards_of(rows: NDArray[np.int64], size: int = SHARD_ROWS) -> Iterator[Shard]:
    """The given rows, `size` at a time; it has to stay the same for the numbers to stay the same."""
    for number, start in enumerate(range(0, len(rows), size)):
        yield Shard(number, rows[start : start + size])


def over_shards(
    job: Callable[[Thing, Shard], Answer],
    thing: Thing,
    shards: Iterable[Shard],
    cluster: Workers | None = None,
    place: Callable[[], Thing] | None = None,
) -> Iterator[tuple[Shard, Answer]]:
    """The answer to a job for each shard; whoever asks keeps it, so that nobody who answers can lose any.

    Parameters
    ----------
    job : callable
        Its answer follows from the thing and the shard alone. On a cluster it is sent by name: a function of a module,
        or a ``functools.partial`` of one with small arguments.
    thing : object
        What is asked about, open: a survey, a survey with its network, an index.
    shards : iterable of Shard
    cluster : Workers, optional
        Where it is done; by default here.
    place : callable, optional
        Opens the thing where the work is done, once per process; it is sent too, so it holds paths and digests only.

    Yields
    ------
    Shard, answer
        Here in order; on a cluster as they are ready.
    """
    if cluster is None:
        for shard in shards:
            yield shard, job(thing, shard)
    else:
        assert place is not None
        yield from cluster.each(job, place, shards)
