"""``survey.json``: what a survey is, in one small file that is replaced last."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gz2interp.errors import SurveyError
from gz2interp.records import record_from_json
from gz2interp.results import digest_of
from gz2interp.schema import UNIT
from gz2interp.stores.files import read_record, write_json

__all__ = ["FORMAT", "Header"]

FORMAT = 1
"""Version of the folder's layout; a reader refuses a newer one."""

_BAND = re.compile(r"[A-Za-z]\w*")
_MOST_PIXELS = 1 << 15
_MOST_ROWS = 1 << 31


@dataclass(frozen=True)
class Header:
    """The content of ``survey.json``.

    Attributes
    ----------
    bands : tuple of str
        Of the last axis of a cutout, in order.
    shape : (y, x)
        Of a cutout, in pixels.
    source : str
        Where the cutouts come from.
    rows : int
        Of the catalogue.
    catalog_digest, pixels_digest : str
        Of ``catalog.parquet``, and of the digests of the committed shards.
    rows_committed : int
        Rows beyond it are never read.
    unit : str
        Of the pixels: nanomaggies, or `gz2interp.schema.DISPLAY_UNIT` of colour images made for the eye.
    central : float
        Of such images: the share of their width that a cutout shows, about the middle.
    format : int
    """

    bands: tuple[str, ...]
    shape: tuple[int, int]
    source: str
    rows: int
    catalog_digest: str
    pixels_digest: str
    rows_committed: int = 0
    unit: str = UNIT
    central: float = 1.0
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with any pixel and any catalogue entry."""
        return digest_of([self.catalog_digest, self.pixels_digest, list(self.bands)])[:16]

    @classmethod
    def read(cls, folder: Path) -> Header:
        """Read the header of a survey folder.

        Raises
        ------
        SurveyError
            The folder is no survey, or a newer gz2interp wrote it.
        """
        file = folder / "survey.json"
        if not file.is_file():
            raise SurveyError(
                f"{folder} is not a survey: it has no survey.json",
                "A folder made by python -m trainer demo, paint or ingest",
                f"Run python -m trainer demo {folder} to make one",
            )

        def build(record: Any) -> Header:
            version = record.get("format") if isinstance(record, dict) else None
            if isinstance(version, int) and version > FORMAT:
                raise SurveyError(
                    f"{folder} has format {version}", f"This gz2interp reads formats up to {FORMAT}", "Update gz2interp"
                )
            if isinstance(record, dict):
                record = {"central": 1.0} | record  # surveys of before have no such field
            return record_from_json(cls, record)

        return read_record(file, build)

    def __post_init__(self) -> None:
        """Refuse what no survey can be, with a ValueError."""
        if not self.bands or len(set(self.bands)) != len(self.bands) or not all(map(_BAND.fullmatch, self.bands)):
            raise ValueError(f"it does not describe a survey: its bands are {self.bands}")
        if not all(1 <= side <= _MOST_PIXELS for side in self.shape):
            raise ValueError(f"it does not describe a survey: a cutout is {self.shape} pixels")
        if not 0 <= self.rows_committed <= self.rows <= _MOST_ROWS:
            raise ValueError(f"it does not describe a survey: {self.rows_committed} of {self.rows} rows are committed")
        if not 0.0 < self.central <= 1.0:
            raise ValueError(f"it does not describe a survey: a cutout shows {self.central} of an image's width")

    def write(self, folder: Path) -> None:
        """Replace the header on disk."""
        write_json(folder / "survey.json", asdict(self))
