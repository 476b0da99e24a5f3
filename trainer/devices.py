"""Several GPUs of one machine, or several machines: each takes a part of every batch, and all take the same step.

A batch's loss is divided by the size of the whole batch, gradients are summed over the devices, and batch normalisation
takes its moments over all parts. So any number of devices computes the step that one would, up to rounding. Two things
differ: dropout draws one pattern for all parts, and rounding adds up over the steps.

Notes
-----
Every host reads the survey and its checkpoint from a folder that they share, and reads and augments whole batches, of
which its devices take their parts: what is divided is the work of the network. Only the chief writes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from gz2interp.errors import Gz2interpError, InputError
from gz2interp.network.quiet import tf

__all__ = ["barrier", "hosts_together", "is_chief", "local_batch", "strategy_for"]

EXAMPLE = '{"cluster": {"worker": ["host-a:12345", "host-b:12345"]}, "task": {"type": "worker", "index": 0}}'


def strategy_for(devices: str, batch_size: int) -> Any:
    """The `tf.distribute.Strategy` that the setting ``devices`` names.

    Parameters
    ----------
    devices : str
        ``"one"``; ``"mirrored"`` for all GPUs of this machine, or all logical processors where it has no GPU;
        ``"hosts"`` for the machines of ``TF_CONFIG``.
    batch_size : int
        Of whole batches.

    Raises
    ------
    InputError
        ``TF_CONFIG`` is missing or says nothing useful, or a batch has too few galaxies for so many devices.
    """
    if devices == "one":
        return tf.distribute.get_strategy()
    if devices == "hosts":
        _task()
    strategy = _strategy(devices)
    if batch_size < 2 * strategy.num_replicas_in_sync:  # batches are of nearly equal size: down to half of it
        raise InputError(
            f"batch_size = {batch_size} was given for {strategy.num_replicas_in_sync} devices",
            "At least two galaxies a device",
        )
    return strategy


def is_chief(devices: str) -> bool:
    """Whether this process is the one that writes files: of several hosts, the chief."""
    if devices != "hosts":
        return True
    cluster, kind, index = _task()
    return kind == "chief" or (index == 0 and "chief" not in cluster)


def local_batch(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """The part of a batch that belongs to the device that asks, inside `tf.distribute.Strategy.run`.

    Parameters
    ----------
    batch : tuple of tensors (n, ...)

    Returns
    -------
    tuple of tensors (m, ...)
        Parts follow one another in the batch's order; their sizes differ by one at most.
    """
    context = tf.distribute.get_replica_context()
    of = context.num_replicas_in_sync
    if of == 1:
        return batch
    with tf.device("CPU:0"):  # so that only the part travels to the device
        own, count = context.replica_id_in_sync_group, tf.shape(batch[0])[0]
        return tuple(tensor[own * count // of : (own + 1) * count // of] for tensor in batch)


def barrier(strategy: Any) -> None:
    """Wait until every host has come to this line."""

    @tf.function
    def count() -> Any:
        return strategy.reduce("SUM", strategy.run(lambda: tf.constant(1.0)), axis=None)

    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        count()


@contextmanager
def hosts_together(devices: str) -> Iterator[None]:
    """A host that is lost ends the training of all, in words."""
    try:
        yield
    except tf.errors.OpError as error:
        if devices != "hosts" or isinstance(error, tf.errors.ResourceExhaustedError):
            raise
        raise Gz2interpError(
            f"The hosts lost one another ({error.message.splitlines()[0][:200]})",
            "Whole epochs are kept in the checkpoint",
            "Start the same command on all of them to go on from there",
        ) from None


@cache
def _strategy(devices: str) -> Any:
    """One for the whole process: a second one would number its sums over devices as the first did, and fail."""
    if devices == "hosts":
        return tf.distribute.MultiWorkerMirroredStrategy()
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in found])


def _task() -> tuple[dict[str, Any], str, int]:
    """The cluster, and which of its tasks this process is."""
    given = os.environ.get("TF_CONFIG", "")
    try:
        said = json.loads(given)
        cluster, kind, index = dict(said["cluster"]), str(said["task"]["type"]), int(said["task"]["index"])
    except (ValueError, KeyError, TypeError):
        cluster, kind, index = {}, "", -1
    if kind not in ("chief", "worker") or not 0 <= index < len(cluster.get(kind, ())):
        raise InputError(
            f'devices = "hosts" was given, and TF_CONFIG is {given!r}',
            f"On each host its own, such as {EXAMPLE}",
            'Or devices = "mirrored", for the GPUs of this machine',
        )
    return cluster, kind, index
