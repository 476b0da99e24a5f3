"""Work done shard by shard, in this process or by the workers of a Dask cluster.

Here and there the same function is asked about the same rows, so the numbers are the same.

A worker opens survey and network by itself, from the path or address and the digest that it is told, once per process;
no network, no pixels and no results travel but what was asked for. A shard whose worker dies is given to another one,
whose answer is the same.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import Gz2interpError, InputError, SurveyError
from gz2interp.results import versions_of
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.survey import Survey
from gz2interp.workflows.study import Study

__all__ = [
    "PACKAGES",
    "DaskCluster",
    "Shard",
    "StudyAt",
    "SurveyAt",
    "Workers",
    "cluster_at",
    "do",
    "over_shards",
    "refuse_other_versions",
    "shards_of",
    "versions_here",
]


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
    """Who does the work elsewhere, such as `gz2interp.workflows.shards.DaskCluster`."""

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


_CONNECTING: Final = 10
"""Seconds in which a scheduler has to answer."""
_PATIENCE: Final = 60
"""Seconds for which no worker may be there: a batch system may be about to start others."""
_AHEAD: Final = 3
"""Shards given out for each thread of a worker: none waits for the next, and memory here stays flat."""


class DaskCluster:
    """The workers of a scheduler.

    Parameters
    ----------
    client : distributed.Client
    patience : float
        Seconds for which no worker may be there.
    """

    def __init__(self, client: Any, patience: float = _PATIENCE) -> None:
        self._client, self._patience = client, patience
        self._missed: float | None = None  # since when no worker has been there

    @property
    def threads(self) -> int:
        """How many shards can be worked on at a time."""
        return int(sum(self._client.nthreads().values()))

    def sees(self, path: Path) -> bool:
        """Whether every worker sees a file or folder of this machine, under the same path."""
        return all(self._client.run(path.exists).values())

    def each(
        self, job: Callable[[Any, Shard], Answer], place: Callable[[], Any], shards: Iterable[Shard]
    ) -> Iterator[tuple[Shard, Answer]]:
        """See `gz2interp.workflows.shards.over_shards`.

        Raises
        ------
        SurveyError
            The scheduler is gone, or all workers are, or one shard after the other kills them.
        """
        versions, waiting = versions_here(), iter(shards)
        given: dict[Any, Shard] = {}
        try:
            while True:
                with _connected_still():
                    room = _AHEAD * max(self.threads, 1) - len(given)
                    for shard in itertools.islice(waiting, max(room, 0)):
                        given[self._client.submit(do, job, place, shard, versions, pure=False)] = shard
                if not given:
                    return
                for future in self._ready(given):
                    try:
                        answer = self._answer(future)
                    except TimeoutError:
                        if future.status == "error":  # the job's own
                            raise
                        continue  # the worker went with its answer: the shard is with the others again
                    yield given.pop(future), answer
        finally:
            with suppress(OSError, RuntimeError):
                self._client.cancel(list(given))

    def _ready(self, given: dict[Any, Shard]) -> list[Any]:
        """The futures that are done, of which there is at least one."""
        from distributed import wait

        while True:
            self._look_for_workers()
            with suppress(TimeoutError), self._client.as_current():
                return list(wait(list(given), timeout=1, return_when="FIRST_COMPLETED").done)

    def _look_for_workers(self) -> None:
        if self._client.status != "running":
            raise _gone(self._client.status)
        with _connected_still():
            self._missed = None if self.threads else self._missed or time.monotonic()
        if self._missed and time.monotonic() - self._missed > self._patience:
            raise SurveyError(
                "The scheduler has no workers any more",
                f"At least one within {self._patience:.0f} s",
                "Look at the workers' logs (memory, most often), start them again, and run the same command: "
                "what is done is kept",
            )

    def _answer(self, future: Any) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return future.result(timeout=self._patience)
        except (Gz2interpError, TimeoutError):
            raise
        except KilledWorker as error:
            raise SurveyError(
                f"Every worker that was given one and the same shard died ({error})"[:300],
                "Workers with enough memory",
                "Look at their logs; what is done is kept",
            ) from None
        except CancelledError as error:
            raise _gone(error) from None
        except ModuleNotFoundError as error:
            raise _lacks(error) from None


@contextmanager
def _connected_still() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _gone(error) from None


@contextmanager
def cluster_at(address: str) -> Iterator[DaskCluster | None]:
    """The workers of the scheduler at an address, such as ``tcp://host:8786``; None for "", which is here.

    Raises
    ------
    InputError
        No scheduler answers, it has no workers, they have other versions, or Dask is not installed.
    """
    if not address:
        yield None
        return
    client = _connected(address)
    try:
        _look_at_workers(client, address)
        yield DaskCluster(client)
    finally:
        client.close()


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            f"--scheduler needs a package that is not installed ({error})", remedy="pip install 'gz2interp[cluster]'"
        ) from None
    try:
        return Client(address, timeout=_CONNECTING, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # ValueError, TypeError: it is not an address
        raise InputError(
            f"No Dask scheduler answers at {address} ({type(error).__name__})",
            "An address such as tcp://host:8786, as 'dask scheduler' prints it",
            "Start one with 'dask scheduler', and workers with 'dask worker ADDRESS --nthreads 1 --nworkers -1'",
        ) from None


def _look_at_workers(client: Any, address: str) -> None:
    if not client.nthreads():
        raise InputError(
            f"The scheduler at {address} has no workers",
            "At least one",
            f"Start some on each machine: dask worker {address} --nthreads 1 --nworkers -1",
        )
    try:
        said = client.run(versions_here)
    except ModuleNotFoundError as error:
        raise _lacks(error) from None
    ours = _ours()
    for worker, theirs in said.items():
        refuse_other_versions(ours, theirs, f"The worker {worker}")


def _ours() -> dict[str, str]:
    return versions_here()


def _lacks(error: Exception) -> InputError:
    return InputError(
        f"The workers cannot import what they are asked for ({error})",
        "gz2interp on each machine, of the same version",
        "pip install 'gz2interp[cluster]' -c constraints.txt there, and start the workers again",
    )


def _gone(reason: object) -> SurveyError:
    return SurveyError(
        f"The scheduler is gone ({reason or type(reason).__name__})",
        remedy="Start it and its workers again, and run the same command: what is done is kept",
    )


@dataclass(frozen=True)
class SurveyAt:
    """A survey that a worker opens.

    Attributes
    ----------
    path : str
        Or its address.
    data : str
        Its digest.
    """

    path: str
    data: str

    @classmethod
    def of(cls, survey: Survey) -> SurveyAt:
        """Where a survey is that is open here."""
        return cls(survey.address or str(survey.path), survey.digest)

    def __call__(self) -> Survey:
        """The survey, opened.

        Raises
        ------
        SurveyError
            The worker does not see it, or sees another one.
        """
        try:
            survey = Survey.open(self.path)
        except Gz2interpError as error:
            raise SurveyError(
                f"A worker cannot open {self.path}: {error}",
                "A survey that all workers see under the same path or address",
                "Put it on a disk that all machines share, or into an object store",
            ) from None
        if survey.digest != self.data:
            raise SurveyError(
                f"A worker sees another survey at {self.path} (digest {survey.digest}, not {self.data})",
                "The same survey everywhere, and nobody who writes it",
            )
        return survey


@dataclass(frozen=True)
class StudyAt:
    """A survey and one of its networks.

    Attributes
    ----------
    survey : SurveyAt
    model, network : str
        The name of the model, and the digest of its file.
    """

    survey: SurveyAt
    model: str
    network: str

    @classmethod
    def of(cls, study: Study) -> StudyAt:
        """Where survey and network are that are open here."""
        return cls(SurveyAt.of(study.survey), study.model.name, study.model.digest)

    def __call__(self) -> Study:
        """Both, opened.

        Raises
        ------
        Gz2interpError
            As `SurveyAt`, or the network is not there, or another one.
        """
        survey = self.survey()
        model = survey.model(self.model)
        if model.digest != self.network:
            raise SurveyError(
                f"A worker sees another network {self.model} (digest {model.digest}, not {self.network})",
                "The same file everywhere",
                "A network that was made here, of a survey at an address, is not seen elsewhere: copy it there too",
            )
        return Study(survey, model)
