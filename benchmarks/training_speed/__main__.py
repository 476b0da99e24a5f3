"""How fast a network is taught, from how little memory, and how soon it is good.

    python -m benchmarks.training_speed throughput
    python -m benchmarks.training_speed streaming FOLDER --galaxies 100000
    python -m benchmarks.training_speed time-to-accuracy FOLDER

`throughput` sets our loop beside Keras' own `model.fit` on arrays in memory: the same network, optimiser and batches,
in turns, without augmentation on either side and with it (ours against Keras' layers for turning, flipping, shifting
and zooming; mixup on neither). `streaming` reads a survey from the disk in one epoch, N galaxies and N/4, each in a
process of its own that reads its peak memory from its own status. Its pixels are not N distinct paintings: some
thousand painted galaxies are repeated, each time with fresh noise as strong as the sky's. `time-to-accuracy` gives the
seconds until the validation accuracy with which the recipe `original` ends is reached, by it and by `default`.

`streaming` and `time-to-accuracy` go on where they were interrupted when they are started again with the same words.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.training_speed.accuracy import time_to_accuracy
from benchmarks.training_speed.streaming import streaming
from benchmarks.training_speed.throughput import throughput


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    measured = {
        "throughput": (throughput, 1000),
        "streaming": (streaming, 100_000),
        "time-to-accuracy": (time_to_accuracy, 3000),
    }
    for name, (_, galaxies) in measured.items():
        part = parts.add_parser(name)
        if name != "throughput":
            part.add_argument("folder", type=Path, help="where surveys are written, and left")
        part.add_argument("--galaxies", type=int, default=galaxies)
        part.add_argument("--threads", type=int, default=2)
        if name == "throughput":
            part.add_argument("--rounds", type=int, default=5)
        if name == "streaming":
            part.add_argument("--distinct", type=int, default=3000, help="galaxies that are painted")
        if name == "time-to-accuracy":
            part.add_argument("--epochs", type=int, default=9, help="of the recipe original")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    measured[options.part][0](options)


if __name__ == "__main__":
    main()
