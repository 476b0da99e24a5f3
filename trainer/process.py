"""Configuration of a training process: threads, determinism and the seed of initial weights."""

from __future__ import annotations

import os
import warnings

from gz2interp.network.quiet import keras, tf

__all__ = ["configure_process", "threads_in_use"]


def configure_process(threads: int, seed: int) -> None:
    """Configure this process for reproducible training.

    Parameters
    ----------
    threads : int
        Threads of TensorFlow; 0 leaves them unchanged.
    seed : int
        Seed of the networks built next.

    Warns
    -----
    UserWarning
        TensorFlow already runs with another number of threads, which cannot be changed.
    """
    if threads:
        _set_threads(threads)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def threads_in_use() -> int:
    """Threads per operation; their number changes the weights slightly."""
    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1


def _set_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow has begun to compute in this process
        if threads_in_use() != threads:
            warnings.warn(
                f"threads = {threads} comes too late: TensorFlow already runs with {threads_in_use()} in this process. "
                "Train in a separate process, as python -m trainer fit does.",
                stacklevel=4,
            )
