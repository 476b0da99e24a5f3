"""Whether memory grows with the number of figures, and how many there are in a second.

    python benchmarks/figures.py SURVEY --figures 1000

Draws one figure after the other, as ``gz2interp figure --each`` does, of galaxies of a survey with a network, with its
caption, numbers and maps beside it, into a folder that is removed afterwards.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Draw, and print the peak memory after a tenth of the figures and after all of them."""
    options = arguments()
    from gz2interp.workflows.explain import AttributionSettings
    from gz2interp.workflows.figure_parts import FigureSettings
    from gz2interp.workflows.figures import draw_each
    from gz2interp.workflows.study import open_study

    study = open_study(options.survey, options.model)
    wish = FigureSettings(options.layout, AttributionSettings(options.method), most=options.figures)
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw_each(study, [], wish, Path(folder), f".{options.format}")
        next(drawn)  # TensorFlow and the network are loaded
        begun, tenth = time.perf_counter(), 0.0
        for done, _ in enumerate(drawn, start=2):
            if done == max(options.figures // 10, 2):
                tenth = peak()
        seconds = time.perf_counter() - begun
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / done
    what = f"{options.layout}, {options.method}, {options.format}"
    print(f"{done} figures ({what}), {size / 1024:.0f} KiB each, data and all")
    print(f"peak memory after a tenth {tenth:.0f} MiB, after all {peak():.0f} MiB: x {peak() / tenth:.3f}")
    print(f"{(done - 1) / seconds:.2f} figures/s")


def arguments() -> argparse.Namespace:
    """What the user chose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("survey", help="a survey's folder, or its name")
    parser.add_argument("--model", help="may be left out if there is one")
    parser.add_argument("--figures", type=int, default=1000)
    parser.add_argument("--layout", default="galaxies")
    parser.add_argument("--method", default="integrated_gradients")
    parser.add_argument("--format", default="pdf")
    return parser.parse_args()


def peak() -> float:
    """Of this process [MiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
