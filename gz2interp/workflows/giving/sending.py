"""Galaxies to TOPCAT, Aladin, DS9 and whoever else listens on this machine, by SAMP (IVOA, version 1.3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gz2interp.errors import Gz2interpError, InputError
from gz2interp.schema import DEC, RA
from gz2interp.stores.locations import surveys_folder
from gz2interp.stores.tables import write_table
from gz2interp.workflows.giving.cutouts import write_cutout
from gz2interp.workflows.giving.hub import Program, programs_of
from gz2interp.workflows.giving.regions import write_regions
from gz2interp.workflows.giving.subset import Subset

__all__ = ["MOST_IMAGES", "Sent", "send"]

MOST_IMAGES: Final = 50
_KEPT_SECONDS = 24 * 3600
"""How long a program may take to read what was sent."""


@dataclass(frozen=True)
class Sent:
    """How a program answered a message.

    Attributes
    ----------
    to : str
        The program's own name.
    message : str
        Its MType: ``"table.load.votable"``.
    error : str
        What the program said against it; "" if it went well.
    """

    to: str
    message: str
    error: str = ""


@dataclass(frozen=True)
class _Message:
    """An MType, and what makes its parameters; files are written only for programs that want them."""

    mtype: str
    params: Callable[[], Mapping[str, Any]]


def send(subset: Subset, to: str = "all", *, images: int = 0, highlight: bool = False) -> list[Sent]:
    """Hand galaxies to programs that are connected to the SAMP hub of this machine.

    Parameters
    ----------
    subset : Subset
        A single galaxy's image is sent too.
    to : str
        ``"topcat"``, ``"aladin"``, ``"ds9"`` or any part of a program's name; ``"all"`` for all.
    images : int
        Also the cutouts of so many of the first galaxies, at most `MOST_IMAGES`.
    highlight : bool
        Only mark these galaxies in the table of the whole survey, which was sent before.

    Returns
    -------
    list of Sent
        One for each message to each program: a table, a region file (DS9), images, and where to look.

    Raises
    ------
    InputError
        No hub is running, no such program is connected to it, or it understands none of the messages.
    """
    messages = list(_marks(subset) if highlight else _messages(subset, images))
    sent = []
    with programs_of(to) as programs:
        for program in programs:
            sent += [_say(program, message) for message in messages if program.understands(message.mtype)]
        if not sent:
            raise InputError(
                f"{', '.join(program.name for program in programs)} understands nothing of what would be sent",
                "A program that takes tables, images or positions by SAMP, as TOPCAT, Aladin and DS9 do",
            )
    return sent


def _say(program: Program, message: _Message) -> Sent:
    try:
        params = message.params()
    except Gz2interpError as error:  # one galaxy without an image does not keep the others back
        return Sent(program.name, message.mtype, str(error))
    return Sent(program.name, message.mtype, program.ask(message.mtype, params))


def _messages(subset: Subset, images: int) -> Iterator[_Message]:
    folder = _outbox()
    yield _Message("table.load.votable", lambda: _table(subset, folder))
    for place in range(min(max(images, int(len(subset) == 1)), MOST_IMAGES, len(subset))):
        one = Subset(subset.survey, subset.rows[place : place + 1], subset.model)
        yield _Message("image.load.fits", lambda one=one: _image(one, folder))  # type: ignore[misc]
    yield _Message("ds9.set", lambda: {"cmd": f"regions load {{{_regions(subset, folder)}}}"})
    places = subset.known((RA, DEC))[[RA, DEC]].dropna()
    if len(places):
        ra, dec = places.iloc[0]
        yield _Message("coord.pointAt.sky", lambda: {"ra": f"{ra:.7f}", "dec": f"{dec:.7f}"})


def _marks(subset: Subset) -> Iterator[_Message]:
    """In the table of the whole survey a galaxy's row is the survey's."""
    table = {"table-id": _name_of_whole(subset)}
    yield _Message("table.select.rowList", lambda: {**table, "row-list": [str(row) for row in subset.rows.tolist()]})
    if len(subset) == 1:
        yield _Message("table.highlight.row", lambda: {**table, "row": str(int(subset.rows[0]))})


def _table(subset: Subset, folder: Path) -> Mapping[str, Any]:
    path = folder / f"{subset.survey.name}-{subset.digest}.vot"
    write_table(path, subset.table())
    ident = _name_of_whole(subset) if subset.is_whole else f"gz2interp:{subset.digest}"
    title = subset.survey.name if subset.is_whole else f"{subset.survey.name}: {subset.name}"
    return {"url": path.as_uri(), "table-id": ident, "name": title}


def _image(one: Subset, folder: Path) -> Mapping[str, Any]:
    galaxy_id = str(int(one.galaxy_ids[0]))
    path = folder / f"{one.survey.name}-{galaxy_id}.fits"
    write_cutout(one, path)
    return {"url": path.as_uri(), "image-id": f"gz2interp:{galaxy_id}", "name": galaxy_id}


def _regions(subset: Subset, folder: Path) -> Path:
    path = folder / f"{subset.survey.name}-{subset.digest}.reg"
    write_regions(subset, path)
    return path


def _name_of_whole(subset: Subset) -> str:
    return f"gz2interp:survey:{subset.survey.digest}"


def _outbox() -> Path:
    """Where files lie until programs have read them; what nobody reads any more is removed."""
    folder = surveys_folder() / ".sent"
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if time.time() - file.stat().st_mtime > _KEPT_SECONDS:
            file.unlink(missing_ok=True)
    return folder
