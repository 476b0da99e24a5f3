"""Results as frozen records, with their provenance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.records import record_from_json

__all__ = [
    "Activations",
    "Attribution",
    "BandAttribution",
    "Cutout",
    "Embedding",
    "FeatureImages",
    "Galaxy",
    "Neighbours",
    "Provenance",
    "Search",
    "Whitening",
    "digest_of",
    "versions_of",
]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Galaxy:
    """Identity, position and size of a galaxy, from which a source finds its image.

    Attributes
    ----------
    row : int
        Its row in the catalogue.
    galaxy_id : int
        Exceeds 2**53: never a float.
    ra, dec : float
        J2000 [deg]; NaN where unknown.
    petro_radius : float
        [arcsec]; NaN where unknown.
    """

    row: int
    galaxy_id: int
    ra: float
    dec: float
    petro_radius: float = float("nan")


@dataclass(frozen=True, eq=False)
class Cutout:
    """The image of one galaxy, with properties of its pixels.

    Attributes
    ----------
    image : float32 (y, x, band)
        Nanomaggies per cutout pixel; 0 where not valid. Array order (y, x), not FITS order.
    valid : bool (y, x)
        False where not every band was imaged.
    source : str
        The source's name.
    pixel_scale : float
        [arcsec].
    position_angle : float
        Of the +y axis, east of north [deg].
    native_unit : str
        The unit in which the source gave the pixels.
    sky_sigma : float per band
        Scatter of the sky [nanomaggies per cutout pixel]; NaN where unknown.
    psf_fwhm : float per band
        [arcsec]; NaN where unknown.
    note : str
        A remark on the pixels, such as a resampling or a unit without a zero point.
    """

    image: Floats
    valid: Bools
    source: str
    pixel_scale: float
    position_angle: float = 0.0
    native_unit: str = "nanomaggy"
    sky_sigma: tuple[float, ...] = ()
    psf_fwhm: tuple[float, ...] = ()
    note: str = ""

    @property
    def field(self) -> float:
        """Full width of the cutout [arcsec]."""
        return self.pixel_scale * float(self.image.shape[1])


@dataclass(frozen=True)
class Provenance:
    """How a result was made; its digest is the name of the result's folder.

    Attributes
    ----------
    data, model : str
        Digests of the survey's pixels and of the model file; "" where none is used.
    layer : str
        "" where none is used.
    method : str
        For example ``"umap"``.
    parameters : mapping
        Everything else that changes the numbers. JSON values only.
    seed : int or None
        None where nothing is random.
    versions : mapping
        Package versions. They are not part of the digest: a bug-fix release of a library does not make another result.
    """

    data: str
    model: str
    layer: str
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of all fields but the versions."""
        record = self.to_json()
        del record["versions"]
        return digest_of(record)[:12]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "data": self.data,
            "model": self.model,
            "layer": self.layer,
            "method": self.method,
            "parameters": dict(self.parameters),
            "seed": self.seed,
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Provenance:
        """The inverse of `to_json`; a ValueError where a field is missing or of another type."""
        return record_from_json(cls, record)


@dataclass(frozen=True, eq=False)
class Attribution:
    """Attribution of a score to the pixels of each image.

    Attributes
    ----------
    values : float32 (n, y, x, band) or (n, y, x)
        Signed and not normalised; the unit is the score's per unit of `domain`, or the score's own for methods that
        multiply by the input.
    scores : float32 (n,)
        The explained score of each image.
    method, score : str
        Names of the method and of the score.
    layer : str
        "" for methods that use none.
    domain : str
        The input the attribution refers to: ``"scaled"`` or ``"input"``.
    parameters : mapping
        Of the method.
    total : float32 (n,) or None
        The sum that each map should have, for methods with completeness; the difference is `gap`.
    variance : float32, as `values`, or None
        Variance over a galaxy's rotated and mirrored views, where the map is their mean.
    steps : int64 (n,) or None
        Gradient evaluations of each map, for methods that integrate.
    """

    values: Floats
    scores: Floats
    method: str
    score: str
    layer: str = ""
    domain: str = "scaled"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    total: Floats | None = None
    variance: Floats | None = None
    steps: Ids | None = None

    @property
    def gap(self) -> Floats:
        """Absolute difference of each map's sum and its `total`, in the score's unit, float32 (n,); NaN without one."""
        if self.total is None:
            return np.full(len(self.scores), np.nan, np.float32)
        sums = self.values.sum(axis=tuple(range(1, self.values.ndim)), dtype=np.float64)
        return np.asarray(np.abs(sums - self.total), np.float32)


@dataclass(frozen=True, eq=False)
class BandAttribution:
    """Attribution of a score to the bands.

    Attributes
    ----------
    values : float32 (n, band)
        In the unit of the score, signed; they sum to `total`.
    scores : float32 (n,)
        The explained score of each image.
    total : float32 (n,)
        Score with all bands minus score with none.
    """

    values: Floats
    scores: Floats
    method: str
    score: str
    total: Floats
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Activations:
    """Activations of a layer.

    Attributes
    ----------
    values : float32 (n, channel) pooled, or (n, y, x, channel) spatial
    """

    values: Floats
    layer: str


@dataclass(frozen=True)
class Search:
    """The method of a neighbour search, and its recall.

    Attributes
    ----------
    kind : str
        ``"exact"`` (all distances are computed) or ``"approximate"``.
    index : str
        As faiss names it.
    parameters : mapping
        Of the index.
    recall : float
        Share of the true neighbours that are found; 1 where the search is exact.
    low, high : float
        The 95 % interval of `recall`, over the galaxies of the sample.
    sample : int
        Galaxies on which `recall` was measured; 0 where the search is exact.
    neighbours : int
        Neighbours of each of these galaxies.
    """

    kind: str
    index: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    recall: float = 1.0
    low: float = 1.0
    high: float = 1.0
    sample: int = 0
    neighbours: int = 0

    @property
    def words(self) -> str:
        """One line of text."""
        if self.kind == "exact":
            return f"exact ({self.index})"
        parameters = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return (
            f"approximate ({self.index}; {parameters}): recall {self.recall:.4f} ({self.low:.4f} to {self.high:.4f}) "
            f"of {self.neighbours} neighbours, measured on {self.sample:,} galaxies"
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**vars(self), "parameters": dict(self.parameters)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Search:
        """The inverse of `to_json`; a ValueError where a field is missing or of another type."""
        return record_from_json(cls, record)


@dataclass(frozen=True, eq=False)
class Whitening:
    """Linear transformation after which activations are uncorrelated with unit variance.

    Attributes
    ----------
    mean : float32 (channel,)
    matrix : float32 (channel, direction)
        ``(activations - mean) @ matrix`` is white.
    """

    mean: Floats
    matrix: Floats

    def __call__(self, activations: Floats) -> Floats:
        """Whitened activations, float32 (n, direction)."""
        white: Floats = np.asarray(activations - self.mean, np.float32) @ self.matrix
        return white


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest galaxies in a layer's activations, nearest first, never the galaxy itself.

    Attributes
    ----------
    rows : int64 (n, k)
        Rows of the searched set; a galaxy with fewer than k neighbours is padded with -1.
    distances : float32 (n, k)
        In the metric's own unit; NaN beside -1.
    metric : str
        ``"cosine"`` (1 - cosine similarity), ``"euclidean"``, or ``"whitened"`` (that between whitened activations).
    search : Search or None
        None in results of earlier versions.
    """

    rows: Ids
    distances: Floats
    metric: str
    search: Search | None = None

    def without(self, queries: Ids) -> Neighbours:
        """Each list without the query galaxy, (n,) rows, or where that is not in it, without the farthest."""
        keep = self.rows != queries[:, None]
        keep[keep.all(axis=1), -1] = False
        shape = len(queries), self.rows.shape[1] - 1
        return replace(self, rows=self.rows[keep].reshape(shape), distances=self.distances[keep].reshape(shape))


@dataclass(frozen=True, eq=False)
class Embedding:
    """Map coordinates of a layer's activations.

    Attributes
    ----------
    coordinates : float32 (n, 2)
    """

    coordinates: Floats
    method: str


@dataclass(frozen=True, eq=False)
class FeatureImages:
    """Images that maximise objectives, and the values reached.

    Attributes
    ----------
    images : float32 (n, y, x, band)
        Nanomaggies per cutout pixel, above the sky, without noise.
    objectives : tuple of str
        Names of the objectives.
    reached : float32 (n,)
        Value of the objective.
    transformed : float32 (n,)
        Mean value over random transformations.
    steps : int64 (n,)
        Optimisation steps.
    silent : bool (n,)
        True where the gradient was zero in every step: the image is the start of the optimisation, no feature image.
    failed : int64 (n,)
        Skipped steps, in which the objective or its gradient was not finite.
    parameters : mapping
        Everything else that changes the images. JSON values only.
    finished : bool
        False where the optimisation was stopped; images that were not begun are missing.
    """

    images: Floats
    objectives: tuple[str, ...]
    reached: Floats
    transformed: Floats
    steps: Ids
    silent: Bools
    failed: Ids
    parametrisation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    finished: bool = True

    def __len__(self) -> int:
        return len(self.images)


def digest_of(record: Any) -> str:
    """SHA-256 of a JSON value in canonical form, as 64 hexadecimal digits."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def versions_of(*packages: str) -> dict[str, str]:
    """Installed versions by name, without importing the packages; "absent" for one that is not installed."""
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
