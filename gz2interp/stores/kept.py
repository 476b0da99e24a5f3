"""A folder inside an analysis that is complete once its ``provenance.json`` is there, which is written last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gz2interp.results import Provenance
from gz2interp.stores.files import read_record

__all__ = ["KeptFolder"]


@dataclass(frozen=True)
class KeptFolder:
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
