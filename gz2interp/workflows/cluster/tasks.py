"""What is done on a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Any

from gz2interp.errors import SurveyError
from gz2interp.results import versions_of

__all__ = ["PACKAGES", "do", "refuse_other_versions", "versions_here"]

PACKAGES = ("gz2interp", "tensorflow", "keras", "faiss-cpu", "numpy", "zarr")
"""Other versions of these may give other numbers."""

_opening = Lock()


def versions_here() -> dict[str, str]:
    """The versions of what the numbers follow from."""
    return dict(versions_of(*PACKAGES))


def do(job: Callable[[Any, Any], Any], place: Callable[[], Any], shard: Any, versions: dict[str, str]) -> Any:
    """One job for one shard; survey and network stay open in this process for the next.

    Parameters
    ----------
    job, place, shard
        See `gz2interp.workflows.shards.over_shards`.
    versions : dict
        Those of who asks. A worker may have come after the others were looked at.
    """
    refuse_other_versions(versions, versions_here())
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # a worker is one of many, and TensorFlow takes all cores
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    with _opening:
        thing = _opened(place)
    return job(thing, shard)


def refuse_other_versions(ours: dict[str, str], theirs: dict[str, str], worker: str = "A worker") -> None:
    """Say what differs.

    Raises
    ------
    SurveyError
        Something does.
    """
    other = [f"{name} {theirs.get(name, 'none')}, not {ours[name]}" for name in ours if theirs.get(name) != ours[name]]
    if other:
        raise SurveyError(
            f"{worker} has {', '.join(other)}",
            "The same versions everywhere, or the numbers are not the same",
            "pip install 'gz2interp[cluster]' -c constraints.txt on each machine, and start the workers again",
        )


@lru_cache(maxsize=2)
def _opened(place: Callable[[], Any]) -> Any:
    """A survey with its network, and an index of its galaxies perhaps; a worker keeps no more."""
    return place()
