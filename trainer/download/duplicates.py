"""Identical pixels returned for two galaxies: found, requested again, or rejected."""

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


_APART: Final = 1.0
"""Galaxies nearer to each other than this [arcsec] may share their pixels: a catalogue lists some twice."""


class ImageFingerprints:
    """What every image that was kept looks like, eight bytes a band, on the disk beside the survey.

    Parameters
    ----------
    survey : Survey

    Notes
    -----
    Among the images of 300,000 galaxies two different ones share eight bytes with a chance of 1e-7.
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

    def of(self, outcome: Outcome) -> Galaxy | None:
        """Another galaxy, elsewhere on the sky, that was given one of the same images; None for none."""
        for digest in _digests(outcome):
            for (row,) in self._file.execute("SELECT row FROM plane WHERE digest = ?", (digest,)):
                if row == outcome.row:
                    continue
                with self._file.failing():
                    if not isinstance(row, int) or not 0 <= row < len(self._survey):
                        raise DamagedFile(f"it names the row {row!r}, which the survey does not have")
                other = self.galaxy(row)
                if _apart(self.galaxy(outcome.row), other) > _APART:
                    return other
        return None

    def galaxy(self, row: int) -> Galaxy:
        """The galaxy of a row."""
        return next(self._survey.galaxies(row))

    def remember(self, outcome: Outcome) -> None:
        """The images of an outcome that is being kept."""
        values = [(digest, outcome.row) for digest in _digests(outcome)]
        self._file.execute_for("INSERT OR IGNORE INTO plane VALUES (?, ?)", values)

    def forget(self, rows: Iterable[int]) -> None:
        """The images of galaxies that are asked for again."""
        self._file.execute_for("DELETE FROM plane WHERE row = ?", ((row,) for row in rows))


def _apart(one: Galaxy, other: Galaxy) -> float:
    """On the sky [arcsec]."""
    places = np.radians([one.ra, one.dec, other.ra, other.dec])
    return float(np.degrees(angular_separation(*places)) * 3600.0)


def _digests(outcome: Outcome) -> Iterator[int]:
    """One signed integer of eight bytes for each band."""
    if isinstance(outcome.result, Cutout):
        for plane in np.moveaxis(outcome.result.image, -1, 0):
            content = np.ascontiguousarray(plane, "<f4").tobytes()
            yield int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


_TRIES: Final = 3


@dataclass(frozen=True)
class DuplicateOutcome:
    """An outcome that has a twin.

    Attributes
    ----------
    galaxy, other : Galaxy
        The one that came, and the one that had come before it.
    refused : tuple of Outcome
        What becomes of both, if asking again did not help; else empty.
    """

    galaxy: Galaxy
    other: Galaxy
    refused: tuple[Outcome, ...] = ()


class DuplicateCounter:
    """Counts how often a galaxy came with another one's pixels.

    Parameters
    ----------
    twins : ImageFingerprints
    """

    def __init__(self, twins: ImageFingerprints) -> None:
        self._twins, self._met = twins, Counter[int]()

    def about(self, outcome: Outcome) -> DuplicateOutcome | None:
        """The doubt about an outcome; None where there is none."""
        other = self._twins.of(outcome)
        if other is None:
            return None
        galaxy = self._twins.galaxy(outcome.row)
        self._met[galaxy.row] += 1
        if self._met[galaxy.row] < _TRIES:
            return DuplicateOutcome(galaxy, other)
        del self._met[galaxy.row]
        of_other = replace(outcome, row=other.row, result=_refusal(galaxy))
        return DuplicateOutcome(galaxy, other, (replace(outcome, result=_refusal(other)), of_other))


def _refusal(other: Galaxy) -> CutoutUnavailable:
    words = f"the service gave the very same pixels for galaxy {other.galaxy_id}, asked {_TRIES} times: one is wrong"
    return CutoutUnavailable("failed", words)
