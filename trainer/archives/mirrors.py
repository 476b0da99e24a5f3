"""Several addresses of one service: whichever is up is asked."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.archives.service import Service
from trainer.archives.trouble import Stopped, Trouble

__all__ = ["available"]

_LOOK_AGAIN = 0.25


def available(services: Sequence[Service]) -> Service:
    """The first that is up, or whose turn it is to be asked whether it is back; while there is none, wait.

    Parameters
    ----------
    services : sequence of Service
        In the order of preference.

    Raises
    ------
    Trouble
        All have been down for longer than the patience allows.
    Stopped
        The run is being ended.
    """
    while True:
        for service in services:
            if not service.breaker.is_open or service.breaker.claim():
                return service
        if all(service.breaker.down_for > service.limits.patience for service in services):
            told = "; ".join(f"{service.name} is down ({service.breaker.words})" for service in services)
            raise Trouble("down", told)
        if services[0].stop.wait(_LOOK_AGAIN):
            raise Stopped
