"""Jobs run shard by shard, in this process or by the workers of a Dask cluster.

The same function is called with the same rows in both cases, so the results are the same. A worker opens survey and
network by itself, once per process, from a path or address and a digest; only the results of jobs are transferred. A
shard whose worker dies is given to another one.
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
    "check_versions",
    "cluster_at",
    "over_shards",
    "run_job",
    "shards_of",
    "versions_here",
]


PACKAGES = ("gz2interp", "tensorflow", "keras", "faiss-cpu", "numpy", "zarr")
"""Packages whose version may change the results."""

_open_lock = Lock()

Thing = TypeVar("Thing")

Answer = TypeVar("Answer")

_CONNECTING: Final = 10
"""Timeout of the connection to a scheduler [s]."""

_PATIENCE: Final = 60
"""Time without any worker after which jobs fail [s]: a batch system may be about to start others."""

_AHEAD: Final = 3
"""Shards submitted for each thread of a worker: no thread has to wait, and memory here stays bounded."""


def versions_here() -> dict[str, str]:
    """The installed versions of `PACKAGES`."""
    return dict(versions_of(*PACKAGES))


def run_job(job: Callable[[Any, Any], Any], location: Callable[[], Any], shard: Any, versions: dict[str, str]) -> Any:
    """Run one job for one shard on a worker; survey and network stay open in the process for the next.

    Parameters
    ----------
    job, location, shard
        See `over_shards`.
    versions : dict
        Of the process that submits the job; they are checked here too, as workers may join later.
    """
    check_versions(versions, versions_here())
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # TensorFlow would use all cores for each of many workers
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    with _open_lock:
        thing = _opened(location)
    return job(thing, shard)


def check_versions(ours: dict[str, str], theirs: dict[str, str], worker: str = "A worker") -> None:
    """Raise SurveyError where the versions of a worker differ from ours."""
    other = [f"{name} {theirs.get(name, 'none')}, not {ours[name]}" for name in ours if theirs.get(name) != ours[name]]
    if other:
        raise SurveyError(
            f"{worker} has {', '.join(other)}",
            "The same versions everywhere, or the numbers are not the same",
            "pip install 'gz2interp[cluster]' -c constraints.txt on each machine, and start the workers again",
        )


@lru_cache(maxsize=2)
def _opened(location: Callable[[], Any]) -> Any:
    """What `location` opens; a worker caches two, such as a survey with its network and an index of its galaxies."""
    return location()


@dataclass(frozen=True, eq=False)
class Shard:
    """Galaxies that are processed together.

    Attributes
    ----------
    number : int
        From 0.
    rows : int64 (n,)
        Of the survey, or positions among the analysed galaxies.
    """

    number: int
    rows: NDArray[np.int64]


class Workers(Protocol):
    """Workers that run jobs in other processes, such as a `DaskCluster`."""

    def map(
        self, job: Callable[[Any, Shard], Answer], location: Callable[[], Any], shards: Iterable[Shard]
    ) -> Iterator[tuple[Shard, Answer]]:
        """The result of a job for each shard, in any order."""


def shards_of(rows: NDArray[np.int64], size: int = SHARD_ROWS) -> Iterator[Shard]:
    """Rows, `size` at a time, on which the results may depend."""
    for number, start in enumerate(range(0, len(rows), size)):
        yield Shard(number, rows[start : start + size])


def over_shards(
    job: Callable[[Thing, Shard], Answer],
    thing: Thing,
    shards: Iterable[Shard],
    cluster: Workers | None = None,
    location: Callable[[], Thing] | None = None,
) -> Iterator[tuple[Shard, Answer]]:
    """Run a job for each shard, and yield the results to be stored by the caller.

    Parameters
    ----------
    job : callable
        Called with the thing and a shard, on which alone its result depends. On a cluster it is sent by name: a
        function of a module, or a ``functools.partial`` of one with small arguments.
    thing : object
        The open argument of the job: a survey, a survey with its network, an index.
    cluster : Workers, optional
        By default jobs run in this process.
    location : callable, optional
        Opens the thing on a worker, once per process; it is sent too, so it holds paths and digests only.

    Yields
    ------
    Shard, result
        In order in this process; on a cluster as they are ready.
    """
    if cluster is None:
        for shard in shards:
            yield shard, job(thing, shard)
    else:
        assert location is not None
        yield from cluster.map(job, location, shards)


class DaskCluster:
    """The workers of a scheduler.

    Parameters
    ----------
    patience : float
        Time without any worker after which jobs fail [s].
    """

    def __init__(self, client: Any, patience: float = _PATIENCE) -> None:
        self._client, self._patience = client, patience
        self._missed: float | None = None  # time since which there is no worker

    @property
    def threads(self) -> int:
        """Number of shards that can be processed at a time."""
        return int(sum(self._client.nthreads().values()))

    def can_read(self, path: Path) -> bool:
        """Whether a file or folder of this machine exists on every worker, under the same path."""
        return all(self._client.run(path.exists).values())

    def map(
        self, job: Callable[[Any, Shard], Answer], location: Callable[[], Any], shards: Iterable[Shard]
    ) -> Iterator[tuple[Shard, Answer]]:
        """See `over_shards`.

        Raises
        ------
        SurveyError
            The scheduler or all workers are gone, or every worker that got a shard died.
        """
        versions, waiting = versions_here(), iter(shards)
        submitted: dict[Any, Shard] = {}
        try:
            while True:
                with _scheduler_errors():
                    room = _AHEAD * max(self.threads, 1) - len(submitted)
                    for shard in itertools.islice(waiting, max(room, 0)):
                        submitted[self._client.submit(run_job, job, location, shard, versions, pure=False)] = shard
                if not submitted:
                    return
                for future in self._ready(submitted):
                    try:
                        result = self._result(future)
                    except TimeoutError:
                        if future.status == "error":  # raised by the job
                            raise
                        continue  # the worker is gone with its result: the scheduler runs the shard again
                    yield submitted.pop(future), result
        finally:
            with suppress(OSError, RuntimeError):
                self._client.cancel(list(submitted))

    def _ready(self, submitted: dict[Any, Shard]) -> list[Any]:
        """The futures that are done, at least one."""
        from distributed import wait

        while True:
            self._check_workers_left()
            with suppress(TimeoutError), self._client.as_current():
                return list(wait(list(submitted), timeout=1, return_when="FIRST_COMPLETED").done)

    def _check_workers_left(self) -> None:
        if self._client.status != "running":
            raise _scheduler_gone(self._client.status)
        with _scheduler_errors():
            self._missed = None if self.threads else self._missed or time.monotonic()
        if self._missed and time.monotonic() - self._missed > self._patience:
            raise SurveyError(
                "The scheduler has no workers any more",
                f"At least one within {self._patience:.0f} s",
                "Look at the workers' logs (memory, most often), start them again, and run the same command: "
                "finished shards are kept",
            )

    def _result(self, future: Any) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return future.result(timeout=self._patience)
        except (Gz2interpError, TimeoutError):
            raise
        except KilledWorker as error:
            raise SurveyError(
                f"Every worker that was given the same shard died ({error})"[:300],
                "Workers with enough memory",
                "Look at their logs; finished shards are kept",
            ) from None
        except CancelledError as error:
            raise _scheduler_gone(error) from None
        except ModuleNotFoundError as error:
            raise _missing_package(error) from None


@contextmanager
def _scheduler_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _scheduler_gone(error) from None


@contextmanager
def cluster_at(address: str) -> Iterator[DaskCluster | None]:
    """The workers of the scheduler at an address, such as ``tcp://host:8786``; None for "", this process.

    Raises
    ------
    InputError
        No scheduler answers, it has no workers, they have other versions, or Dask is not installed.
    """
    if not address:
        yield None
        return
    client = _connect(address)
    try:
        _check_workers(client, address)
        yield DaskCluster(client)
    finally:
        client.close()


def _connect(address: str) -> Any:
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


def _check_workers(client: Any, address: str) -> None:
    if not client.nthreads():
        raise InputError(
            f"The scheduler at {address} has no workers",
            "At least one",
            f"Start some on each machine: dask worker {address} --nthreads 1 --nworkers -1",
        )
    try:
        versions = client.run(versions_here)
    except ModuleNotFoundError as error:
        raise _missing_package(error) from None
    ours = _ours()
    for worker, theirs in versions.items():
        check_versions(ours, theirs, f"The worker {worker}")


def _ours() -> dict[str, str]:
    return versions_here()


def _missing_package(error: Exception) -> InputError:
    return InputError(
        f"The workers cannot import the job ({error})",
        "gz2interp on each machine, of the same version",
        "pip install 'gz2interp[cluster]' -c constraints.txt there, and start the workers again",
    )


def _scheduler_gone(reason: object) -> SurveyError:
    return SurveyError(
        f"The scheduler is gone ({reason or type(reason).__name__})",
        remedy="Start it and its workers again, and run the same command: finished shards are kept",
    )


@dataclass(frozen=True)
class SurveyAt:
    """Path or address of a survey that a worker opens, and its digest."""

    path: str
    data: str

    @classmethod
    def of(cls, survey: Survey) -> SurveyAt:
        """The location of an open survey."""
        return cls(survey.address or str(survey.path), survey.digest)

    def __call__(self) -> Survey:
        """Open the survey.

        Raises
        ------
        SurveyError
            It cannot be opened on the worker, or has another digest there.
        """
        try:
            survey = Survey.open(self.path)
        except Gz2interpError as error:
            raise SurveyError(
                f"A worker cannot open {self.path}: {error}",
                "A survey that all workers can open under the same path or address",
                "Put it on a disk that all machines share, or into an object store",
            ) from None
        if survey.digest != self.data:
            raise SurveyError(
                f"A worker has another survey at {self.path} (digest {survey.digest}, not {self.data})",
                "The same survey on all machines, which no process is writing",
            )
        return survey


@dataclass(frozen=True)
class StudyAt:
    """A survey and one of its networks.

    Attributes
    ----------
    model, network : str
        The name of the model, and the digest of its file.
    """

    survey: SurveyAt
    model: str
    network: str

    @classmethod
    def of(cls, study: Study) -> StudyAt:
        """The location of an open study."""
        return cls(SurveyAt.of(study.survey), study.model.name, study.model.digest)

    def __call__(self) -> Study:
        """Open survey and network.

        Raises
        ------
        Gz2interpError
            As `SurveyAt`, or the network is missing or has another digest.
        """
        survey = self.survey()
        model = survey.model(self.model)
        if model.digest != self.network:
            raise SurveyError(
                f"A worker has another network {self.model} (digest {model.digest}, not {self.network})",
                "The same file on all machines",
                "A local network of a remote survey does not exist on other machines: copy it there too",
            )
        return Study(survey, model)
