"""What a check found so far, kept part by part, so that an interrupted one goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gz2interp.checks import Finding
from gz2interp.records import record_from_json
from gz2interp.stores.files import read_record, write_json

__all__ = ["Part", "Parts"]


@dataclass(frozen=True)
class Part:
    """The findings about one method, about shortcuts, or about maps that know nothing of the network.

    Attributes
    ----------
    findings : tuple of Finding
    lacking : str
        Why there are none, if the network cannot be asked so.
    """

    findings: tuple[Finding, ...] = ()
    lacking: str = ""


@dataclass(frozen=True)
class Parts:
    """A folder with a file for each part; one part is there whole or not at all.

    Attributes
    ----------
    folder : Path
        Named by the digest of what was asked.
    """

    folder: Path

    def __contains__(self, name: str) -> bool:
        return self._file(name).is_file()

    def known(self, names: Sequence[str]) -> list[str]:
        """Those of some names that are there, in their order."""
        return [name for name in names if name in self]

    def read(self, name: str) -> Part:
        """One part."""
        return read_record(self._file(name), lambda record: record_from_json(Part, record))

    def write(self, name: str, part: Part) -> None:
        """Keep one part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._file(name), asdict(part))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"
