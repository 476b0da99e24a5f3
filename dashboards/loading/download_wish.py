"""What a person asks for in a new download, and the words of the command that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gz2interp.errors import InputError
from trainer.download.asking import ARCHIVES

__all__ = ["OPTIONS_FROM", "Wish", "wish_of"]

OPTIONS_FROM: Final = 6
"""Words of a started command in front of its options: Python, -m, trainer, download, the catalogue, the survey."""


@dataclass(frozen=True)
class Wish:
    """A new download.

    Attributes
    ----------
    catalog : str
        Path of the table.
    sources : tuple of str
        In the order in which they are asked.
    field : float or None
        Full width [arcsec]; None for what the command takes by itself.
    radii : float or None
        Full width in Petrosian radii instead.
    workers : int
        Galaxies at a time.
    rate : float
        Requests per second and host.
    """

    catalog: str = ""
    sources: tuple[str, ...] = ARCHIVES[:1]
    field: float | None = None
    radii: float | None = None
    workers: int = 8
    rate: float = 8.0

    def options(self) -> list[str]:
        """The command's words behind catalogue and survey.

        Raises
        ------
        InputError
            They contradict one another, or there is no source.
        """
        if not self.sources:
            raise InputError("No source was given", f"One or more of {', '.join(ARCHIVES)}")
        if self.field is not None and self.radii is not None:
            raise InputError(
                f"A field of {self.field:g} arcsec and one of {self.radii:g} Petrosian radii were given",
                "One of the two",
                "Empty the other",
            )
        words = [word for source in self.sources for word in ("--source", source)]
        words += ["--field", f"{self.field:g}"] if self.field is not None else []
        words += ["--radii", f"{self.radii:g}"] if self.radii is not None else []
        return [*words, "--workers", str(self.workers), "--rate", f"{self.rate:g}"]


def wish_of(command: Sequence[str]) -> Wish:
    """What was asked for with a command that the dashboard has started; the usual where that cannot be read."""
    if len(command) < OPTIONS_FROM:
        return Wish()
    options = command[OPTIONS_FROM:]
    pairs = list(zip(options[::2], options[1::2], strict=False))
    told = dict(pairs)
    try:
        return Wish(
            command[OPTIONS_FROM - 2],
            tuple(value for name, value in pairs if name == "--source" and value in ARCHIVES) or ARCHIVES[:1],
            float(told["--field"]) if "--field" in told else None,
            float(told["--radii"]) if "--radii" in told else None,
            int(told.get("--workers", Wish.workers)),
            float(told.get("--rate", Wish.rate)),
        )
    except ValueError:
        return Wish(command[OPTIONS_FROM - 2])
