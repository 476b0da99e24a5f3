"""Detection of identical pixels for two galaxies, which are requested again or rejected."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from astropy.coordinates import angular_separation

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Cutout, Galaxy
from gz2interp.stores.reading import DamagedFile, SqliteFile
from gz2interp.stores.survey import Survey
from trainer.download.staging import Outcome

__all__ = ["DuplicateCounter", "DuplicateOutcome", "ImageFingerprints"]


_SAME_GALAXY: Final = 1.0
"""Separation [arcsec] below which galaxies may have the same pixels: catalogues list some galaxies twice."""


class ImageFingerprints:
    """Hashes of all stored images, eight bytes per band, in a SQLite file of the survey.

    Notes
    -----
    Among the images of 300,000 galaxies, the probability of a collision is 1e-7.
    """

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        columns = "digest INTEGER PRIMARY KEY, row INTEGER NOT NULL"
        path = survey.path / "download" / "planes.sqlite"
        self._file = SqliteFile(path, {"plane": columns}, "Remove it, and start the download again")
        self._file.execute("CREATE INDEX IF NOT EXISTS plane_row ON plane (row)")

    def __enter__(self) -> ImageFingerprints:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def find(self, outcome: Outcome) -> Galaxy | None:
        """Another galaxy, at another position, with an identical image; None if there is none."""
        for digest in _digests(outcome):
            for (row,) in self._file.execute("SELECT row FROM plane WHERE digest = ?", (digest,)):
                if row == outcome.row:
                    continue
                with self._file.failing():
                    if not isinstance(row, int) or not 0 <= row < len(self._survey):
                        raise DamagedFile(f"it names the row {row!r}, which the survey does not have")
                other = self.galaxy(row)
                if _separation(self.galaxy(outcome.row), other) > _SAME_GALAXY:
                    return other
        return None

    def galaxy(self, row: int) -> Galaxy:
        """The galaxy of a row."""
        return next(self._survey.galaxies(row))

    def add(self, outcome: Outcome) -> None:
        """Add the images of an outcome."""
        values = [(digest, outcome.row) for digest in _digests(outcome)]
        self._file.execute_for("INSERT OR IGNORE INTO plane VALUES (?, ?)", values)

    def remove(self, rows: Iterable[int]) -> None:
        """Remove the images of galaxies that are requested again."""
        self._file.execute_for("DELETE FROM plane WHERE row = ?", ((row,) for row in rows))


def _separation(one: Galaxy, other: Galaxy) -> float:
    """Angular separation [arcsec]."""
    places = np.radians([one.ra, one.dec, other.ra, other.dec])
    return float(np.degrees(angular_separation(*places)) * 3600.0)


def _digests(outcome: Outcome) -> Iterator[int]:
    """Iterate over the hashes of the bands, signed integers of eight bytes."""
    if isinstance(outcome.result, Cutout):
        for plane in np.moveaxis(outcome.result.image, -1, 0):
            content = np.ascontiguousarray(plane, "<f4").tobytes()
            yield int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


_REQUESTS: Final = 3


@dataclass(frozen=True)
class DuplicateOutcome:
    """An outcome whose image is identical to that of another galaxy.

    Attributes
    ----------
    galaxy, other : Galaxy
        The galaxy of the outcome, and the earlier one with the same image.
    refused : tuple of Outcome
        Failed outcomes of both, if repeated requests gave the same; else empty.
    """

    galaxy: Galaxy
    other: Galaxy
    refused: tuple[Outcome, ...] = ()


class DuplicateCounter:
    """Counts how often a galaxy was returned with the pixels of another one."""

    def __init__(self, fingerprints: ImageFingerprints) -> None:
        self._fingerprints, self._counts = fingerprints, Counter[int]()

    def check(self, outcome: Outcome) -> DuplicateOutcome | None:
        """Check an outcome; None if its image is unique."""
        other = self._fingerprints.find(outcome)
        if other is None:
            return None
        galaxy = self._fingerprints.galaxy(outcome.row)
        self._counts[galaxy.row] += 1
        if self._counts[galaxy.row] < _REQUESTS:
            return DuplicateOutcome(galaxy, other)
        del self._counts[galaxy.row]
        of_other = replace(outcome, row=other.row, result=_refusal(galaxy))
        return DuplicateOutcome(galaxy, other, (replace(outcome, result=_refusal(other)), of_other))


def _refusal(other: Galaxy) -> CutoutUnavailable:
    reason = f"the service returned identical pixels for galaxy {other.galaxy_id} in {_REQUESTS} requests: one is wrong"
    return CutoutUnavailable("failed", reason)
