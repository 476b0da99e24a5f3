"""A Dask scheduler and its workers, and what to say when they do not answer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from gz2interp.errors import Gz2interpError, InputError, SurveyError
from gz2interp.workflows.cluster.tasks import do, refuse_other_versions, versions_here
from gz2interp.workflows.shards import Shard

__all__ = ["Cluster", "cluster_at"]

Answer = TypeVar("Answer")

_CONNECTING: Final = 10
"""Seconds in which a scheduler has to answer."""
_PATIENCE: Final = 60
"""Seconds for which no worker may be there: a batch system may be about to start others."""
_AHEAD: Final = 3
"""Shards given out for each thread of a worker: none waits for the next, and memory here stays flat."""


class Cluster:
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
def cluster_at(address: str) -> Iterator[Cluster | None]:
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
        yield Cluster(client)
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
