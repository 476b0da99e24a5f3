"""``survey.json``: what a survey is, in one small file that is replaced last."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from gz2interp.errors import SurveyError
from gz2interp.results import digest_of
from gz2interp.schema import UNIT
from gz2interp.stores.files import read_json, write_json

__all__ = ["FORMAT", "Header"]

FORMAT = 1
"""Version of the folder's layout; a reader refuses a newer one."""


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
        record = read_json(file)
        version = record.get("format") if isinstance(record, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise SurveyError(
                f"{folder} has format {version}", f"This gz2interp reads formats up to {FORMAT}", "Update gz2interp"
            )
        try:
            return cls(**{**record, "bands": tuple(record["bands"]), "shape": tuple(record["shape"])})
        except (TypeError, KeyError, ValueError) as error:
            raise SurveyError(f"{file} does not describe a survey ({error})", remedy="Put back a copy of it") from None

    def write(self, folder: Path) -> None:
        """Replace the header on disk."""
        write_json(folder / "survey.json", asdict(self))
