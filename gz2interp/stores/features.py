"""The feature images of an analysed layer: the folder ``features/`` of its analysis, which dies with it.

It holds ``question.json`` (what was asked, written first), ``KIND-000.npz`` and so on (feature images of channels,
groups, atlas cells or classes, some dozen a file), ``light.npz``, ``judged.parquet`` (a row per image: what it
reaches, and against what), and ``provenance.json``, which is written last. A sheet that was interrupted lacks that last
file, and goes on with the files that it lacks.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import SurveyError
from gz2interp.results import Provenance
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import read_npz
from gz2interp.stores.files import read_record, replaced, write_json
from gz2interp.stores.kept import KeptFolder
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["BatchFiles", "FeaturesFolder", "features_folder"]

Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FeaturesFolder(KeptFolder):
    """``features/`` of an analysis."""

    @property
    def judged(self) -> pd.DataFrame:
        """A row per image: see `gz2interp.workflows.features.judging`."""
        return read_parquet(self.path / "judged.parquet")

    @property
    def question(self) -> Provenance | None:
        """What was asked, of a sheet that is complete or not; None where nothing was."""
        file = self.path / "question.json"
        return read_record(file, Provenance.from_json) if file.is_file() else None

    def begin(self, provenance: Provenance, keep: bool) -> None:
        """Write down what is asked; what is there is kept if it belongs to the answer, and else removed."""
        (self.path / "provenance.json").unlink(missing_ok=True)  # first: what is taken apart is no longer complete
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)
        write_json(self.path / "question.json", provenance.to_json())

    def has(self, kind: str, part: int) -> bool:
        """Whether a file of images is there."""
        return self._file(kind, part).is_file()

    def write(self, kind: str, part: int, arrays: Arrays) -> None:
        """Keep some images, whole or not at all; batches of an unfinished file are removed."""
        with replaced(self._file(kind, part)) as aside:
            np.savez(aside, allow_pickle=False, **arrays)
        for batch in self.path.glob(".batch-*.npz"):
            batch.unlink()

    def batches(self, kind: str, part: int) -> BatchFiles:
        """Where the finished batches of a file of images are kept until the file is whole."""
        return BatchFiles(self.path, f".batch-{kind}-{part:03d}")

    def read(self, kind: str) -> dict[str, NDArray[Any]]:
        """All that was kept of a kind, file after file; nothing where there is none."""
        parts = list(self.parts(kind))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}

    def parts(self, kind: str) -> Iterator[dict[str, NDArray[Any]]]:
        """The same a file at a time, so that memory does not grow with the layer."""
        for file in sorted(self.path.glob(f"{kind}-*.npz")):
            yield read_npz(file, {"number": "i n", "seed": "i n", "images": "f n y x band", "silent": "b n"})

    def images(self, kind: str, seed: int = 0) -> dict[int, Floats]:
        """Feature images (y, x, band) of a kind by number, nanomaggies, of the first or of a later seed."""
        kept = self.read(kind)
        if not kept:
            return {}
        chosen = np.flatnonzero(kept["seed"] == seed)
        return dict(zip(kept["number"][chosen].tolist(), kept["images"][chosen], strict=True))

    def write_light(self, arrays: Arrays) -> None:
        """Keep what the survey's light is like."""
        with replaced(self.path / "light.npz") as aside:
            np.savez(aside, allow_pickle=False, **arrays)

    def light(self, names: Sequence[str]) -> dict[str, NDArray[Any]] | None:
        """The arrays of these names that `write_light` wrote, if it wrote any; a SurveyError where one is missing."""
        file = self.path / "light.npz"
        if not file.is_file():
            return None
        arrays = read_npz(file, names)
        return {name: arrays[name] for name in names}

    def complete(self, judged: pd.DataFrame, provenance: Provenance) -> None:
        """Say that everything is there."""
        write_parquet(self.path / "judged.parquet", judged)
        write_json(self.path / "provenance.json", provenance.to_json())

    def _file(self, kind: str, part: int) -> Path:
        return self.path / f"{kind}-{part:03d}.npz"


@dataclass(frozen=True)
class BatchFiles:
    """Batches of an unfinished file of feature images, each in a file of its own.

    Attributes
    ----------
    path : Path
        The folder.
    name : str
        With which the files' names begin.
    """

    path: Path
    name: str

    def read(self, number: int) -> dict[str, NDArray[Any]] | None:
        """The arrays of a batch; None where it is not there, or damaged."""
        file = self._file(number)
        with suppress(SurveyError):
            return read_npz(file) if file.is_file() else None
        return None

    def write(self, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the arrays of a batch."""
        with replaced(self._file(number)) as aside:
            np.savez(aside, allow_pickle=False, **arrays)

    def _file(self, number: int) -> Path:
        return self.path / f"{self.name}-{number}.npz"


def features_folder(analysis: Analysis) -> FeaturesFolder:
    """The folder of an analysis, made or not."""
    return FeaturesFolder(analysis.path / "features")
