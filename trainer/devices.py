"""Data-parallel training on several GPUs of one machine, or on several machines.

The loss of a part is divided by the size of the whole batch, gradients are summed over the devices, and the moments of
batch normalisation are computed over all parts, so that a step is the same for any number of devices, up to rounding,
except that dropout draws one pattern for all parts.

Notes
-----
All hosts read the survey and its checkpoint from a shared folder, and read and augment whole batches, of which their
devices take parts. Only the chief writes.
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
    """The `tf.distribute.Strategy` of the setting ``devices``.

    Parameters
    ----------
    devices : str
        ``"one"``; ``"mirrored"`` for all GPUs of this machine, or all logical processors without GPU;
        ``"hosts"`` for the machines of ``TF_CONFIG``.
    batch_size : int
        Size of whole batches.

    Raises
    ------
    InputError
        ``TF_CONFIG`` is missing or invalid, or a batch has too few galaxies for the number of devices.
    """
    if devices == "one":
        return tf.distribute.get_strategy()
    if devices == "hosts":
        _task()
    strategy = _strategy(devices)
    if batch_size < 2 * strategy.num_replicas_in_sync:  # batches may have half this size
        raise InputError(
            f"batch_size = {batch_size} was given for {strategy.num_replicas_in_sync} devices",
            "At least two galaxies per device",
        )
    return strategy


def is_chief(devices: str) -> bool:
    """Whether this process writes files: the chief, if there are several hosts."""
    if devices != "hosts":
        return True
    cluster, kind, index = _task()
    return kind == "chief" or (index == 0 and "chief" not in cluster)


def local_batch(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """The part of a batch, tensors (n, ...), of the present device inside `tf.distribute.Strategy.run`.

    Parts are contiguous, in the order of the devices; their sizes differ by at most one.
    """
    context = tf.distribute.get_replica_context()
    of = context.num_replicas_in_sync
    if of == 1:
        return batch
    with tf.device("CPU:0"):  # so that only the part is copied to the device
        index, count = context.replica_id_in_sync_group, tf.shape(batch[0])[0]
        return tuple(tensor[index * count // of : (index + 1) * count // of] for tensor in batch)


def barrier(strategy: Any) -> None:
    """Wait for all hosts."""

    @tf.function
    def count() -> Any:
        return strategy.reduce("SUM", strategy.run(lambda: tf.constant(1.0)), axis=None)

    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        count()


@contextmanager
def hosts_together(devices: str) -> Iterator[None]:
    """Context manager that turns the loss of a host into a `Gz2interpError`."""
    try:
        yield
    except tf.errors.OpError as error:
        if devices != "hosts" or isinstance(error, tf.errors.ResourceExhaustedError):
            raise
        raise Gz2interpError(
            f"The hosts lost one another ({error.message.splitlines()[0][:200]})",
            "Whole epochs are kept in the checkpoint",
            "Start the same command on all of them to resume from there",
        ) from None


@cache
def _strategy(devices: str) -> Any:
    """The strategy of this process; a second one would reuse the collective keys of the first, and fail."""
    if devices == "hosts":
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices_found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices_found])


def _task() -> tuple[dict[str, Any], str, int]:
    """The cluster, and the type and index of the task of this process."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        settings = json.loads(text)
        cluster, kind, index = dict(settings["cluster"]), str(settings["task"]["type"]), int(settings["task"]["index"])
    except (ValueError, KeyError, TypeError):
        cluster, kind, index = {}, "", -1
    if kind not in ("chief", "worker") or not 0 <= index < len(cluster.get(kind, ())):
        raise InputError(
            f'devices = "hosts" was given, and TF_CONFIG is {text!r}',
            f"On each host a value such as {EXAMPLE}",
            'Or devices = "mirrored", for the GPUs of this machine',
        )
    return cluster, kind, index
