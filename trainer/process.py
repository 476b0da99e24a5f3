"""What must be settled for a whole process before it trains: threads, determinism, the seed of first weights."""

from __future__ import annotations

import os
import warnings

from gz2interp.network.quiet import keras, tf

__all__ = ["configure_process", "threads_in_use"]


def configure_process(threads: int, seed: int) -> None:
    """Make this process one in which the same training has the same result.

    Parameters
    ----------
    threads : int
        TensorFlow's; 0 leaves them as they are.
    seed : int
        Of the networks that are built next.

    Warns
    -----
    UserWarning
        TensorFlow already runs with other threads, which it cannot change.
    """
    if threads:
        _set_threads(threads)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def threads_in_use() -> int:
    """Threads with which one operation is computed: another number gives slightly other weights."""
    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1


def _set_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow has begun to compute in this process
        if threads_in_use() != threads:
            warnings.warn(
                f"threads = {threads} comes too late: TensorFlow already runs with {threads_in_use()} in this process. "
                "Train in a process of its own, as python -m trainer fit does.",
                stacklevel=4,
            )
