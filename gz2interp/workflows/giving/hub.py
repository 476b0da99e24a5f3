"""The SAMP hub of this machine, and the programs that are connected to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any, Final

from gz2interp.errors import InputError, choices

__all__ = ["NO_HUB", "Program", "programs_of"]

NO_HUB: Final = "No SAMP hub is running: open TOPCAT or Aladin first"
_OF_HUBS: Final = ("samp.", "x-samp.", "client.env.")
"""Messages about the connection itself; the hub, which is among the connected, understands nothing else."""
_PATIENCE: Final = 60
"""How long a program may take to read a table [s]."""


@dataclass(frozen=True, eq=False)
class Program:
    """A program that is connected to the hub.

    Attributes
    ----------
    ident : str
        The hub's name for it.
    name : str
        Its own.
    mtypes : sequence of str
        What it understands; ``table.*`` stands for all tables.
    client : SAMPIntegratedClient
        Ours.
    """

    ident: str
    name: str
    mtypes: Sequence[str]
    client: Any

    def understands(self, mtype: str) -> bool:
        """Whether it takes such a message."""
        steps = mtype.split(".")
        broader = [".".join([*steps[:n], "*"]) for n in range(len(steps))]
        return any(known in (mtype, *broader) for known in self.mtypes)

    def ask(self, mtype: str, params: Mapping[str, Any]) -> str:
        """Send a message and wait for the answer; returns what the program said against it, "" if it went well."""
        from pyvo.samp import SAMPProxyError

        # Not the hub's own waiting call: in pyvo's hub, an answer that comes at once can get lost there.
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
    with _connected() as client:
        there = [_program(client, ident) for ident in client.get_registered_clients()]
        there = [program for program in there if program.mtypes]
        chosen = [program for program in there if to == "all" or to.lower() in program.name.lower()]
        if not chosen:
            raise InputError(
                f"No program {'' if to == 'all' else to + ' '}is connected to the SAMP hub".replace("  ", " "),
                f"Connected: {choices(program.name for program in there)}",
                "Open it, and connect it to SAMP if it does not do so itself",
            )
        yield chosen


@contextmanager
def _connected() -> Iterator[Any]:
    """Our client, on this machine only: otherwise pyvo asks google.com whether there is a network."""
    from pyvo.samp import SAMPHubError, SAMPIntegratedClient, conf

    with conf.set_temp("use_internet", False):
        client = SAMPIntegratedClient("gz2interp", "Galaxies, and what a network sees in them", addr="127.0.0.1")
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
