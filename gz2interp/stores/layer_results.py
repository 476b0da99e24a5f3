"""Results that are kept in the folder of an analysis and removed with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.grouping import Clusters
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis, ResultFolder
from gz2interp.stores.arrays import create_array, new_memmap, open_array, read_npy, read_npz, read_rows
from gz2interp.stores.files import read_record, storage_errors, write_json

__all__ = [
    "AlignedMap",
    "BatchFiles",
    "BlocksFolder",
    "ClusterFolder",
    "FeaturesFolder",
    "UnusualFolder",
    "agreement_folder",
    "blocks_folder",
    "cluster_numbers",
    "features_folder",
    "unusual_folder",
]

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

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
"""Arrays of each file of `BlocksFolder`, as `gz2interp.stores.arrays.read_npz` checks them."""

_IMAGES: Final = {"number": "i n", "seed": "i n", "images": "f n y x band", "silent": "b n"}
_UNUSUAL: Final = {"row": "i", GALAXY_ID: "i", "rank": "i", "score": "f", "reason": ""}


@dataclass(frozen=True)
class BlocksFolder(ResultFolder):
    """``blocks/``: the building blocks of a layer.

    It holds ``channels.parquet`` (a row per channel), ``tops.npz`` (the most and least activating galaxies of each),
    ``correlates.parquet`` and ``artefacts.parquet`` (all tests), ``groups.npz`` (directions), ``places.npz`` (sampled
    places and their layout), ``atlas-0.npz`` of all places, and ``atlas-1.npz`` and so on of those that increase the
    logit of each class most.
    """

    @cached_property
    def channels(self) -> pd.DataFrame:
        """A row per channel, in order: see `gz2interp.workflows.building_blocks`."""
        return self.read_table("channels")

    @cached_property
    def correlates(self) -> pd.DataFrame:
        """Every test of a channel with a column."""
        return self.read_table("correlates")

    @cached_property
    def artefacts(self) -> pd.DataFrame:
        """Every test of a channel with a column of image quality."""
        return self.read_table("artefacts")

    def arrays(self, name: str) -> Arrays:
        """The arrays of ``NAME.npz``.

        Raises
        ------
        InputError
            There is no such file.
        """
        if not self.has(f"{name}.npz"):
            names = sorted(file.stem for file in self.path.glob("*.npz"))
            raise InputError(f"The blocks {name!r} were requested", f"There are {choices(names)}")
        return self.read_arrays(name, _ARRAYS[name.split("-")[0]])


def blocks_folder(analysis: Analysis) -> BlocksFolder:
    """The building blocks of an analysis, complete or not."""
    return BlocksFolder(analysis.path / "blocks")


@dataclass(frozen=True)
class FeaturesFolder(ResultFolder):
    """``features/``: feature images of a layer.

    It holds ``question.json`` (the provenance of the sheet, written first), ``KIND-000.npz`` and so on (feature images
    of channels, groups, atlas cells or classes, some dozen a file), ``light.npz`` (the image prior) and
    ``judged.parquet`` (a row per image). A sheet that was interrupted is continued with the files that it lacks.
    """

    @property
    def judged(self) -> pd.DataFrame:
        """A row per image: see `gz2interp.workflows.make_feature_sheet`."""
        return self.read_table("judged")

    @property
    def question(self) -> Provenance | None:
        """The provenance of the sheet, complete or not; None where none was begun."""
        file = self.path / "question.json"
        return read_record(file, Provenance.from_json) if file.is_file() else None

    def begin(self, provenance: Provenance, keep: bool) -> None:
        """Write ``question.json``, and remove earlier files unless `keep`."""
        (self.path / "provenance.json").unlink(missing_ok=True)  # first: from here on the folder is not complete
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)
        write_json(self.path / "question.json", provenance.to_json())

    def has_images(self, kind: str, part: int) -> bool:
        """Whether a file of images has been written."""
        return self.has(f"{kind}-{part:03d}.npz")

    def write_images(self, kind: str, part: int, arrays: Mapping[str, Any]) -> None:
        """Write a file of images, and remove the batches of unfinished files."""
        self.write_arrays(f"{kind}-{part:03d}", arrays)
        for batch in self.path.glob(".batch-*.npz"):
            batch.unlink()

    def batches(self, kind: str, part: int) -> BatchFiles:
        """The finished batches of an unfinished file of images."""
        return BatchFiles(self, f".batch-{kind}-{part:03d}")

    def parts(self, kind: str) -> Iterator[Arrays]:
        """The files of a kind one after another, so that memory does not grow with the layer."""
        for file in sorted(self.path.glob(f"{kind}-*.npz")):
            yield read_npz(file, _IMAGES)

    def read_images(self, kind: str) -> Arrays:
        """All arrays of a kind, its files joined; {} where there are none."""
        parts = list(self.parts(kind))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}

    def images(self, kind: str, seed: int = 0) -> dict[int, Floats]:
        """Feature images (y, x, band) of a kind by number, nanomaggies, of the first or of a later seed."""
        arrays = self.read_images(kind)
        if not arrays:
            return {}
        of_seed = np.flatnonzero(arrays["seed"] == seed)
        return dict(zip(arrays["number"][of_seed].tolist(), arrays["images"][of_seed], strict=True))


@dataclass(frozen=True)
class BatchFiles:
    """Batches of an unfinished file of feature images, a file ``NAME-NUMBER.npz`` each."""

    folder: ResultFolder
    name: str

    def read(self, number: int) -> Arrays | None:
        """The arrays of a batch; None where it is absent or damaged."""
        with suppress(SurveyError):
            return self.folder.read_arrays(f"{self.name}-{number}")
        return None

    def write(self, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the arrays of a batch."""
        self.folder.write_arrays(f"{self.name}-{number}", arrays)


def features_folder(analysis: Analysis) -> FeaturesFolder:
    """The feature images of an analysis, complete or not."""
    return FeaturesFolder(analysis.path / "features")


def agreement_folder(features: FeaturesFolder, other: Analysis) -> ResultFolder:
    """``agreements/HASH/`` of a sheet: its agreement with another network, in ``channels.parquet``.

    HASH is the digest of the other network's analysis. See `gz2interp.workflows.feature_agreement`.
    """
    return ResultFolder(features.path / "agreements" / other.provenance.digest)


class AlignedMap:
    """``aligned/HASH/`` of an analysis: its map, fitted to the map of another analysis.

    Parameters
    ----------
    analysis : Analysis
        The one whose map is fitted.
    reference : Analysis
        The one whose map it is fitted to.
    """

    def __init__(self, analysis: Analysis, reference: Analysis) -> None:
        digests = {"analysis": analysis.provenance.digest, "beside": reference.provenance.digest}
        self.provenance = replace(
            analysis.provenance,
            method="aligned map",
            parameters={**digests, "fit": "procrustes with scale"},
            versions=versions_of("gz2interp", "umap-learn", "numpy"),
        )
        self._folder = ResultFolder(analysis.path / "aligned" / self.provenance.digest)

    def read(self) -> Floats | None:
        """Coordinates of all galaxies of the analysis (n, 2); None where they have not been written."""
        provenance = self._folder.provenance
        if provenance is None or provenance.digest != self.provenance.digest:
            return None
        return self._folder.read_table("map", {"x": "f", "y": "f"})[["x", "y"]].to_numpy(np.float32)

    def write(self, coordinates: Floats) -> None:
        """Write the coordinates (n, 2)."""
        x, y = coordinates.T
        self._folder.write(self.provenance, {"map": pd.DataFrame({"x": x, "y": y})})


@dataclass(frozen=True)
class ClusterFolder(ResultFolder):
    """``clusters/``: clusters on the map of a layer.

    It holds ``members.parquet`` (each galaxy's cluster at each scale), ``clusters.json``, ``comparisons.parquet`` (all
    comparisons of a cluster with the rest) and ``means.zarr`` (mean images).
    """

    @cached_property
    def clusters(self) -> Clusters:
        """The clusters with their properties."""
        return read_record(self.path / "clusters.json", Clusters.from_json)

    @cached_property
    def members(self) -> pd.DataFrame:
        """A row per galaxy of the analysis, in order: row, galaxy_id, and its cluster's number at each scale, or 0."""
        return self.read_table("members", {"row": "i", GALAXY_ID: "i"})

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Every comparison of a cluster with the rest."""
        return self.read_table("comparisons")

    def mean_image(self, name: str) -> Floats:
        """The mean image of a cluster, float32 (y, x, band), in shares of each galaxy's flux."""
        return np.asarray(read_rows(open_array(self.path / "means.zarr"), [self._index(name)])[0], np.float32)

    def is_member(self, name: str) -> NDArray[np.bool_]:
        """Which galaxies of the analysis belong to a cluster, bool (n,)."""
        cluster = self.clusters.clusters[self._index(name)]
        return (self._numbers(cluster.scale) == cluster.number).to_numpy(np.bool_)

    def write_clusters(
        self,
        clusters: Clusters,
        members: pd.DataFrame,
        comparisons: pd.DataFrame,
        means: Floats,
        provenance: Provenance,
    ) -> None:
        """Write everything; `means` float32 (cluster, y, x, band) in the clusters' order."""
        if len(means):
            with storage_errors(self.path):
                create_array(self.path / "means.zarr", means.shape, np.float32)[:] = means
        write_json(self.path / "clusters.json", clusters.to_json())
        self.write(provenance, {"members": members, "comparisons": comparisons})

    def _numbers(self, scale: str) -> pd.Series[Any]:
        if scale not in self.members or self.members[scale].dtype.kind not in "iu":
            raise SurveyError(
                f"members.parquet in {self.path} has no whole numbers in a column {scale}",
                remedy="Look for clusters again",
            )
        return self.members[scale]

    def _index(self, name: str) -> int:
        names = [cluster.name for cluster in self.clusters.clusters]
        if name not in names:
            raise InputError(f"The cluster {name!r} was requested", f"There are {choices(names, like=name)}")
        return names.index(name)


def cluster_numbers(labels: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int32]]:
    """Labels of each scale as they are stored: from 1, with 0 for galaxies in no cluster (instead of 0 and -1)."""
    return {scale: (values + 1).astype(np.int32) for scale, values in labels.items()}


@dataclass(frozen=True)
class UnusualFolder(ResultFolder):
    """``unusual/``: how unusual each galaxy of an analysis is.

    It holds ``scores.parquet`` (a row per analysed galaxy), ``vectors.npy``, ``numbers.npy`` and ``frozen.npz`` (the
    fitted statistics, with which other galaxies are scored).
    """

    @cached_property
    def provenance(self) -> Provenance:
        """How the results were made; a SurveyError where they are not complete."""
        return read_record(self.path / "provenance.json", Provenance.from_json)

    @cached_property
    def table(self) -> pd.DataFrame:
        """row, galaxy_id, rank (from 1), score, reason; each score, and as ``normal_...`` its normal score by rank."""
        return self.read_table("scores", _UNUSUAL)

    @cached_property
    def vectors(self) -> Floats:
        """Representation of each galaxy, float32 (n, component): a memory map."""
        return read_npy(self.path / "vectors.npy", mapped=True)

    @cached_property
    def numbers(self) -> Floats | None:
        """Measurements on the pixels, float32 (n, measurement): a memory map; None where there are none."""
        return read_npy(self.path / "numbers.npy", mapped=True) if self.has("numbers.npy") else None

    @cached_property
    def frozen(self) -> Arrays:
        """The arrays of the fitted statistics."""
        return self.read_arrays("frozen")

    def create_array(self, name: str, n: int, columns: int) -> Floats:
        """Create ``vectors`` or ``numbers``, to be filled."""
        return new_memmap(self.path / f"{name}.npy", (n, columns))


def unusual_folder(analysis: Analysis) -> UnusualFolder:
    """The unusual galaxies of an analysis, complete or not."""
    return UnusualFolder(analysis.path / "unusual")
