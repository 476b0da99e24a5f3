"""``gz2interp send``: a selection of galaxies sent to TOPCAT, Aladin or DS9 by SAMP (IVOA, version 1.3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final

from gz2interp.errors import Gz2interpError, InputError, choices
from gz2interp.schema import DEC, RA
from gz2interp.stores.locations import surveys_folder
from gz2interp.stores.tables import write_table
from gz2interp.workflows.export import write_cutout, write_regions
from gz2interp.workflows.selection import SelectedGalaxies

__all__ = ["MOST_IMAGES", "NO_HUB", "Program", "SampReply", "programs_of", "send"]


NO_HUB: Final = "No SAMP hub is running: open TOPCAT or Aladin first"
_OF_HUBS: Final = ("samp.", "x-samp.", "client.env.")
"""Prefixes of messages about the connection itself, the only ones that the hub, itself a client, accepts."""
_PATIENCE: Final = 60
"""Timeout for a program to read a table [s]."""

MOST_IMAGES: Final = 50

_KEPT_SECONDS = 24 * 3600
"""Age at which sent files are deleted [s]."""


@dataclass(frozen=True, eq=False)
class Program:
    """A program that is connected to the hub.

    Attributes
    ----------
    ident : str
        Its client id at the hub.
    mtypes : sequence of str
        Message types that it accepts; ``table.*`` stands for all messages of tables.
    client : SAMPIntegratedClient
        The client of gz2interp.
    """

    ident: str
    name: str
    mtypes: Sequence[str]
    client: Any

    def accepts(self, mtype: str) -> bool:
        """Whether it accepts messages of this type."""
        steps = mtype.split(".")
        broader = [".".join([*steps[:n], "*"]) for n in range(len(steps))]
        return any(accepted in (mtype, *broader) for accepted in self.mtypes)

    def call(self, mtype: str, params: Mapping[str, Any]) -> str:
        """Send a message and wait for the response; returns the error, "" if there is none."""
        from pyvo.samp import SAMPProxyError

        # Not the hub's synchronous call: in pyvo's hub, an immediate response to it can get lost.
        answers: Queue[Mapping[str, Any]] = Queue()
        tag = f"{self.ident} {mtype}"
        self.client.bind_receive_response(tag, lambda key, ident, tag, answer: answers.put(answer))
        try:
            self.client.ecall(self.ident, tag, mtype, **params)
            answer = answers.get(timeout=_PATIENCE)
        except (SAMPProxyError, OSError) as error:
            return f"{self.name} cannot be reached ({error})"
        except Empty:
            return f"{self.name} gave no answer within {_PATIENCE} s"
        if answer.get("samp.status") == "samp.ok":
            return ""
        return str(answer.get("samp.error", {}).get("samp.errortxt", "")) or f"{self.name} refused without a reason"


@contextmanager
def programs_of(to: str) -> Iterator[list[Program]]:
    """Connected programs whose name has `to` in it, or all; the connection ends with the block.

    Raises
    ------
    InputError
        No hub is running, or no such program is connected.
    """
    with _connect() as client:
        connected = [_program(client, ident) for ident in client.get_registered_clients()]
        connected = [program for program in connected if program.mtypes]
        programs = [program for program in connected if to == "all" or to.lower() in program.name.lower()]
        if not programs:
            raise InputError(
                f"No program {'' if to == 'all' else to + ' '}is connected to the SAMP hub".replace("  ", " "),
                f"Connected: {choices(program.name for program in connected)}",
                "Open it, and connect it to SAMP if it does not do so itself",
            )
        yield programs


@contextmanager
def _connect() -> Iterator[Any]:
    """A SAMP client on this machine only: otherwise pyvo checks for a network connection at google.com."""
    from pyvo.samp import SAMPHubError, SAMPIntegratedClient, conf

    with conf.set_temp("use_internet", False):
        client = SAMPIntegratedClient("gz2interp", "Interpretability of galaxy-morphology networks", addr="127.0.0.1")
        try:
            client.connect()
        except (SAMPHubError, OSError) as error:
            raise InputError(NO_HUB, remedy=str(error)) from None
        try:
            yield client
        finally:
            client.disconnect()


def _program(client: Any, ident: str) -> Program:
    about = client.get_metadata(ident)
    mtypes = [mtype for mtype in client.get_subscriptions(ident) if not mtype.startswith(_OF_HUBS)]
    return Program(ident, str(about.get("samp.name", ident)), mtypes, client)


@dataclass(frozen=True)
class SampReply:
    """The response of a program to a message.

    Attributes
    ----------
    to : str
        Name of the program.
    message : str
        The MType: ``"table.load.votable"``.
    error : str
        "" if there is none.
    """

    to: str
    message: str
    error: str = ""


@dataclass(frozen=True)
class _Message:
    """An MType and a factory of its parameters, so that files are written only for programs that accept them."""

    mtype: str
    params: Callable[[], Mapping[str, Any]]


def send(subset: SelectedGalaxies, to: str = "all", *, images: int = 0, highlight: bool = False) -> list[SampReply]:
    """Send galaxies to programs that are connected to the SAMP hub of this machine.

    Parameters
    ----------
    subset : SelectedGalaxies
        For a single galaxy the image is sent too.
    to : str
        ``"topcat"``, ``"aladin"``, ``"ds9"`` or any part of a program's name; ``"all"`` for all.
    images : int
        Number of galaxies whose cutouts are sent too, the first ones, at most `MOST_IMAGES`.
    highlight : bool
        Only highlight these galaxies in the table of the whole survey, which was sent before.

    Returns
    -------
    list of SampReply
        One for each message to each program: a table, a region file (DS9), images, and a position.

    Raises
    ------
    InputError
        No hub is running, no such program is connected to it, or it understands none of the messages.
    """
    messages = list(_highlights(subset) if highlight else _messages(subset, images))
    sent = []
    with programs_of(to) as programs:
        for program in programs:
            sent += [_send(program, message) for message in messages if program.accepts(message.mtype)]
        if not sent:
            raise InputError(
                f"{', '.join(program.name for program in programs)} accepts none of these messages",
                "A program that takes tables, images or positions by SAMP, as TOPCAT, Aladin and DS9 do",
            )
    return sent


def _send(program: Program, message: _Message) -> SampReply:
    try:
        params = message.params()
    except Gz2interpError as error:  # a galaxy without an image does not stop the others
        return SampReply(program.name, message.mtype, str(error))
    return SampReply(program.name, message.mtype, program.call(message.mtype, params))


def _messages(subset: SelectedGalaxies, images: int) -> Iterator[_Message]:
    folder = _sent_folder()
    yield _Message("table.load.votable", lambda: _table(subset, folder))
    for place in range(min(max(images, int(len(subset) == 1)), MOST_IMAGES, len(subset))):
        one = SelectedGalaxies(subset.survey, subset.rows[place : place + 1], subset.model)
        yield _Message("image.load.fits", lambda one=one: _image(one, folder))  # type: ignore[misc]
    yield _Message("ds9.set", lambda: {"cmd": f"regions load {{{_regions(subset, folder)}}}"})
    places = subset.joined((RA, DEC))[[RA, DEC]].dropna()
    if len(places):
        ra, dec = places.iloc[0]
        yield _Message("coord.pointAt.sky", lambda: {"ra": f"{ra:.7f}", "dec": f"{dec:.7f}"})


def _highlights(subset: SelectedGalaxies) -> Iterator[_Message]:
    """Messages that select rows in the table of the whole survey, whose rows are those of the survey."""
    table = {"table-id": _name_of_whole(subset)}
    yield _Message("table.select.rowList", lambda: {**table, "row-list": [str(row) for row in subset.rows.tolist()]})
    if len(subset) == 1:
        yield _Message("table.highlight.row", lambda: {**table, "row": str(int(subset.rows[0]))})


def _table(subset: SelectedGalaxies, folder: Path) -> Mapping[str, Any]:
    path = folder / f"{subset.survey.name}-{subset.digest}.vot"
    write_table(path, subset.table())
    ident = _name_of_whole(subset) if subset.is_whole else f"gz2interp:{subset.digest}"
    title = subset.survey.name if subset.is_whole else f"{subset.survey.name}: {subset.name}"
    return {"url": path.as_uri(), "table-id": ident, "name": title}


def _image(one: SelectedGalaxies, folder: Path) -> Mapping[str, Any]:
    galaxy_id = str(int(one.galaxy_ids[0]))
    path = folder / f"{one.survey.name}-{galaxy_id}.fits"
    write_cutout(one, path)
    return {"url": path.as_uri(), "image-id": f"gz2interp:{galaxy_id}", "name": galaxy_id}


def _regions(subset: SelectedGalaxies, folder: Path) -> Path:
    path = folder / f"{subset.survey.name}-{subset.digest}.reg"
    write_regions(subset, path)
    return path


def _name_of_whole(subset: SelectedGalaxies) -> str:
    return f"gz2interp:survey:{subset.survey.digest}"


def _sent_folder() -> Path:
    """The folder of sent files; files older than a day are deleted."""
    folder = surveys_folder() / ".sent"
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if time.time() - file.stat().st_mtime > _KEPT_SECONDS:
            file.unlink(missing_ok=True)
    return folder
