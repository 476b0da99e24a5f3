"""Results of an analysis: building blocks, clusters, feature images, agreements, aligned maps, unusual galaxies.

It holds ``question.json`` (what was asked, written first), ``KIND-000.npz`` and so on (feature images of channels,
groups, atlas cells or classes, some dozen a file), ``light.npz``, ``judged.parquet`` (a row per image: what it
reaches, and against what), and ``provenance.json``, which is written last. A sheet that was interrupted lacks that last
file, and goes on with the files that it lacks.

The folder bears the digest of the other network's analysis, and holds ``channels.parquet`` (a row per channel) and
``provenance.json``, which is written last.

It holds ``channels.parquet`` (a row per channel), ``tops.npz`` (loudest and quietest galaxies of each),
``correlates.parquet`` and ``artefacts.parquet`` (every test that was made), ``groups.npz`` (directions),
``places.npz`` (the sampled places and their layout), ``atlas-0.npz`` of all places and ``atlas-1.npz`` and so on of
those that speak most for each class, and ``provenance.json``, which is written last.

It holds ``members.parquet`` (each galaxy's cluster at each scale), ``clusters.json``, ``comparisons.parquet`` (every
comparison that was made), ``means.zarr`` (mean images), and ``provenance.json``, which is written last.

It holds ``scores.parquet`` (a row per analysed galaxy), ``vectors.npy`` (where each lies among the others, read as a
memory map), ``numbers.npy`` (what was measured on the pixels of each, likewise) and ``frozen.npz`` (what is needed to
judge other galaxies). It goes with the analysis.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.grouping import Clusters
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import create_array, new_memmap, open_array, read_npy, read_npz, read_rows
from gz2interp.stores.files import read_record, replaced, write_json, writing
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = [
    "AgreementFolder",
    "AlignedMap",
    "BatchFiles",
    "BlocksFolder",
    "ClusterFolder",
    "FeaturesFolder",
    "LayerResults",
    "UnusualFolder",
    "agreement_folder",
    "blocks_folder",
    "features_folder",
    "numbers_of",
    "unusual_folder",
]


@dataclass(frozen=True)
class LayerResults:
    """What was made of an analysis, and dies with it.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def provenance(self) -> Provenance | None:
        """How it was made; None where it is not complete."""
        file = self.path / "provenance.json"
        return read_record(file, Provenance.from_json) if file.is_file() else None


Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FeaturesFolder(LayerResults):
    """``features/`` of an analysis."""

    @property
    def judged(self) -> pd.DataFrame:
        """A row per image: see `gz2interp.workflows.make_feature_sheet`."""
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


@dataclass(frozen=True)
class AgreementFolder(LayerResults):
    """``agreements/HASH/`` of a sheet."""

    @property
    def table(self) -> pd.DataFrame:
        """A row per channel: see `gz2interp.workflows.feature_agreement`."""
        return read_parquet(self.path / "channels.parquet")

    def write(self, table: pd.DataFrame, provenance: Provenance) -> None:
        """Keep the answer, in place of what was there."""
        (self.path / "provenance.json").unlink(missing_ok=True)
        write_parquet(self.path / "channels.parquet", table)
        write_json(self.path / "provenance.json", provenance.to_json())


def agreement_folder(features: FeaturesFolder, other: Analysis) -> AgreementFolder:
    """The folder of a sheet for another network's analysis, made or not."""
    return AgreementFolder(features.path / "agreements" / other.provenance.digest)


class AlignedMap:
    """``aligned/HASH/`` of an analysis: places beside another analysis' map, and how they were found.

    Parameters
    ----------
    analysis : Analysis
        The one whose map is laid anew.
    beside : Analysis
        The one that it is laid beside.
    """

    def __init__(self, analysis: Analysis, beside: Analysis) -> None:
        made = analysis.provenance
        self.provenance = replace(
            made,
            method="aligned map",
            parameters={"analysis": made.digest, "beside": beside.provenance.digest, "fit": "procrustes with scale"},
            seed=made.seed,
            versions=versions_of("gz2interp", "umap-learn", "numpy"),
        )
        self._folder = analysis.path / "aligned" / self.provenance.digest

    def read(self) -> NDArray[np.float32] | None:
        """Places of all galaxies of the analysis (n, 2); None where they have not been found yet."""
        file = self._folder / "provenance.json"
        if not file.is_file() or read_record(file, Provenance.from_json).digest != self.provenance.digest:
            return None
        return read_parquet(self._folder / "map.parquet", needs={"x": "f", "y": "f"})[["x", "y"]].to_numpy(np.float32)

    def write(self, places: NDArray[np.float32]) -> None:
        """Keep the places and, behind them, how they were found."""
        write_parquet(self._folder / "map.parquet", pd.DataFrame({"x": places[:, 0], "y": places[:, 1]}))
        write_json(self._folder / "provenance.json", self.provenance.to_json())


BlockArrays = dict[str, NDArray[Any]]

TABLES = ("channels", "correlates", "artefacts")


_ARRAYS: Final[Mapping[str, Mapping[str, str]]] = {
    "groups": {"directions": "f group channel", "held": "f", "negative": "f"},
    "places": {"rows": "i m", "y": "i m", "x": "i m", "attributed": "f m class", "coordinates": "f m plane"},
    "tops": {
        f"{side}_{name}": f"{kind} channel {side}"
        for side in ("top", "bottom", "peak")
        for name, kind in {"values": "f", "rows": "i", "y": "i", "x": "i"}.items()
    },
    "atlas": {
        **dict.fromkeys(("column", "row", "counts"), "i cell"),
        **dict.fromkeys(("directions", "whitened"), "f cell channel"),
        "side": "i",
        "attributed": "f cell class",
        "patches": "i cell k",
        "held": "f cell",
        "scores": "U class",
    },
}
"""What ``NAME.npz`` holds, as in `gz2interp.stores.arrays.read_npz`; ``atlas-0.npz`` and so on hold the same."""


@dataclass(frozen=True)
class BlocksFolder(LayerResults):
    """``blocks/`` of an analysis."""

    @cached_property
    def channels(self) -> pd.DataFrame:
        """A row per channel, in order: see `gz2interp.workflows.building_blocks`."""
        return read_parquet(self.path / "channels.parquet")

    @cached_property
    def correlates(self) -> pd.DataFrame:
        """Every test of a channel with a column."""
        return read_parquet(self.path / "correlates.parquet")

    @cached_property
    def artefacts(self) -> pd.DataFrame:
        """Every test of a channel with a column of image quality."""
        return read_parquet(self.path / "artefacts.parquet")

    def arrays(self, name: str) -> BlockArrays:
        """The arrays of ``NAME.npz``.

        Raises
        ------
        InputError
            There is no such file.
        """
        file = self.path / f"{name}.npz"
        if not file.is_file():
            there = sorted(each.stem for each in self.path.glob("*.npz"))
            raise InputError(f"The blocks {name!r} were asked for", f"There are {choices(there)}")
        return read_npz(file, _ARRAYS[name.split("-")[0]])

    def has(self, file: str) -> bool:
        """Whether a file of it, such as ``groups.npz``, has been written."""
        return (self.path / file).is_file()

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write one of `TABLES`."""
        write_parquet(self.path / f"{name}.parquet", table)

    def write_arrays(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Write the arrays of ``NAME.npz``."""
        with replaced(self.path / f"{name}.npz") as aside:
            np.savez(aside, allow_pickle=False, **arrays)

    def complete(self, provenance: Provenance) -> None:
        """Write, last, how it was made."""
        write_json(self.path / "provenance.json", provenance.to_json())


def blocks_folder(analysis: Analysis) -> BlocksFolder:
    """The folder of an analysis, made or not."""
    return BlocksFolder(analysis.path / "blocks")


@dataclass(frozen=True)
class ClusterFolder(LayerResults):
    """``clusters/`` of an analysis."""

    @cached_property
    def clusters(self) -> Clusters:
        """What is known of each cluster."""
        return read_record(self.path / "clusters.json", Clusters.from_json)

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row per galaxy of the analysis, in its order: row, galaxy_id, and of each scale its number; 0 between."""
        return read_parquet(self.path / "members.parquet", needs={"row": "i", GALAXY_ID: "i"})

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Every comparison of a cluster with the rest."""
        return read_parquet(self.path / "comparisons.parquet")

    def mean_image(self, name: str) -> NDArray[np.float32]:
        """The mean image of a cluster, float32 (y, x, band), in shares of each galaxy's own light."""
        return np.asarray(read_rows(open_array(self.path / "means.zarr"), [self._place(name)])[0], np.float32)

    def is_member(self, name: str) -> NDArray[np.bool_]:
        """Which galaxies of the analysis belong to a cluster, bool (n,)."""
        found = self.clusters.clusters[self._place(name)]
        return (self._numbers(found.scale) == found.number).to_numpy(np.bool_)

    def write(
        self,
        clusters: Clusters,
        members: pd.DataFrame,
        comparisons: pd.DataFrame,
        means: NDArray[np.float32],
        provenance: Provenance,
    ) -> None:
        """Write everything; `means` float32 (cluster, y, x, band) in the clusters' order."""
        write_parquet(self.path / "members.parquet", members)
        write_parquet(self.path / "comparisons.parquet", comparisons)
        if len(means):
            with writing(self.path):
                create_array(self.path / "means.zarr", means.shape, np.float32)[:] = means
        write_json(self.path / "clusters.json", clusters.to_json())
        write_json(self.path / "provenance.json", provenance.to_json())

    def _numbers(self, scale: str) -> pd.Series[Any]:
        if scale not in self.members or self.members[scale].dtype.kind not in "iu":
            raise SurveyError(
                f"members.parquet in {self.path} has no whole numbers in a column {scale}",
                remedy="Look for clusters again",
            )
        return self.members[scale]

    def _place(self, name: str) -> int:
        names = [cluster.name for cluster in self.clusters.clusters]
        if name not in names:
            raise InputError(f"The cluster {name!r} was asked for", f"There are {choices(names, like=name)}")
        return names.index(name)


def numbers_of(labels: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int32]]:
    """Clusters counted from 0, with -1 between them, as they are stored: from 1, with 0 between them."""
    return {scale: (values + 1).astype(np.int32) for scale, values in labels.items()}


_NEEDED = {"row": "i", GALAXY_ID: "i", "rank": "i", "score": "f", "reason": ""}


@dataclass(frozen=True)
class UnusualFolder:
    """The folder ``unusual`` of an analysis.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def is_complete(self) -> bool:
        """Whether everything has been written."""
        return (self.path / "provenance.json").is_file()

    @cached_property
    def provenance(self) -> Provenance:
        """How it was made."""
        return read_record(self.path / "provenance.json", Provenance.from_json)

    @cached_property
    def table(self) -> pd.DataFrame:
        """row, galaxy_id, rank (from 1), score, reason; of each score its value and, as ``normal_...``, its place."""
        return read_parquet(self.path / "scores.parquet", needs=_NEEDED)

    @cached_property
    def vectors(self) -> Floats:
        """Where each galaxy lies, float32 (n, component): a memory map."""
        return read_npy(self.path / "vectors.npy", mapped=True)

    @cached_property
    def numbers(self) -> Floats | None:
        """What was measured on the pixels, float32 (n, number): a memory map; None where nothing was."""
        file = self.path / "numbers.npy"
        return read_npy(file, mapped=True) if file.is_file() else None

    @cached_property
    def frozen(self) -> dict[str, NDArray[np.generic]]:
        """The arrays that judge other galaxies."""
        return read_npz(self.path / "frozen.npz")

    def room(self, name: str, n: int, columns: int) -> Floats:
        """Room for ``vectors`` or ``numbers``."""
        return new_memmap(self.path / f"{name}.npy", (n, columns))

    def complete(self, table: pd.DataFrame, frozen: Mapping[str, NDArray[np.generic]], provenance: Provenance) -> None:
        """Write the rest, and last that everything is there."""
        write_parquet(self.path / "scores.parquet", table)
        with replaced(self.path / "frozen.npz") as aside:
            np.savez(aside, allow_pickle=False, **frozen)
        write_json(self.path / "provenance.json", provenance.to_json())


def unusual_folder(analysis: Analysis) -> UnusualFolder:
    """The folder of an analysis, made or not."""
    return UnusualFolder(analysis.path / "unusual")
