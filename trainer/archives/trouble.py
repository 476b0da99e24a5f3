"""What can go wrong between a question to an archive and an answer worth keeping."""

from __future__ import annotations

__all__ = ["Stopped", "Trouble"]


class Trouble(Exception):
    """An answer that did not come, or is not what was asked for.

    Parameters
    ----------
    kind : str
        One word for counting. Of the service: ``"timeout"``, ``"connection"``, ``"busy"``, ``"server"``, ``"down"``;
        it asked to wait: ``"held"``; of this question: ``"passing"``, ``"refused"``; of this answer: ``"answer"``,
        ``"blank"``, and ``"address"``, which leads elsewhere, as the page of a hotel's network does.
    words : str
        What happened, in plain words.
    """

    def __init__(self, kind: str, words: str) -> None:
        self.kind, self.words = kind, words
        super().__init__(words)

    @property
    def of_service(self) -> bool:
        """Whether it says something of the service, and not of the one galaxy."""
        return self.kind in ("timeout", "connection", "busy", "server", "held")

    @property
    def lasting(self) -> bool:
        """Whether asking again would give the same."""
        return self.kind == "refused"


class Stopped(BaseException):
    """The run is being ended: whoever waits or asks lets go. It is no `Exception`: nothing takes it for an answer."""
