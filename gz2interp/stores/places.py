"""Where the parts of a survey lie: a folder on this machine. `gz2interp.stores.remote` has the other kind of place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gz2interp.stores.arrays import open_array
from gz2interp.stores.header import Header

__all__ = ["Place"]


@dataclass(frozen=True)
class Place:
    """A survey's folder.

    Attributes
    ----------
    folder : Path
        On this machine; whatever is written is written here.
    """

    folder: Path

    @property
    def address(self) -> str:
        """Where its data are read from, if that is elsewhere; "" otherwise."""
        return ""

    def __str__(self) -> str:
        return self.address or str(self.folder)

    def header(self) -> Header:
        """What ``survey.json`` says now.

        Raises
        ------
        SurveyError
            There is no survey here.
        """
        return Header.read(self.folder)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / name).is_file()

    def file(self, name: str) -> Path:
        """A file of the survey as one on this machine."""
        return self.folder / name

    def array(self, name: str, shape: tuple[int | None, ...] | None = None) -> Any:
        """One of its Zarr arrays, to be read, of the given shape; None for an axis of any length."""
        return open_array(self.folder / name, shape=shape)

    def models(self) -> list[str]:
        """Names of its models, and of latents in a network's place, alphabetically."""
        models = self.folder / "models"
        files = (*models.glob("[!.]*/model.keras"), *models.glob("[!.]*/latents.json"))
        return sorted({file.parent.name for file in files})

    def model(self, name: str) -> Path:
        """The folder of one of its models, on this machine."""
        return self.folder / "models" / name
