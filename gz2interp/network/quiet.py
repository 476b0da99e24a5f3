"""Keras and TensorFlow, imported without log lines on the user's terminal.

Every module that needs them imports ``from gz2interp.network.quiet import keras, tf``, so that the order of imports
does not matter. A level set with ``TF_CPP_MIN_LOG_LEVEL`` is respected, and so is ``TF_ENABLE_ONEDNN_OPTS``.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["keras", "tf", "without_log_lines"]

LOG_LINE = re.compile(rb"^([IWEF]\d{4} |WARNING: All log messages before absl)")


@contextmanager
def without_log_lines() -> Iterator[None]:
    """Remove lines of TensorFlow's log, and nothing else, from the process's standard error.

    Notes
    -----
    While TensorFlow is being loaded its C++ parts write to file descriptor 2 whatever the log level, for example that
    oneDNN is on and that no GPU was found. So the descriptor points at a file inside the context, and all lines that
    are no log lines are written to standard error afterwards; after a failure all lines are.
    """
    sys.stderr.flush()
    stderr, succeeded = os.dup(2), False
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
            succeeded = True
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            aside.seek(0)
            os.write(2, b"".join(line for line in aside if not (succeeded and LOG_LINE.match(line))))


# "3" also hides the failed search for a GPU on a machine without one.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN off on processors without instructions for networks, where it makes them three times as fast
# too; with it on everywhere, all processors give the same numbers.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ["KERAS_BACKEND"] = "tensorflow"  # a user's keras.json may name another

if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0" or "tensorflow" in sys.modules:
    import keras
    import tensorflow as tf
else:
    with without_log_lines():
        import keras
        import tensorflow as tf

tf.get_logger().setLevel("ERROR")
