"""astroquery's client of SDSS' SkyServer, without its trust in what comes back."""

from __future__ import annotations

from typing import Any

from astroquery.sdss import SDSSClass

from trainer.archives.session import PoliteSession

__all__ = ["SkyServer"]


class SkyServer(SDSSClass):
    """The client, with a polite session.

    It keeps some answers on disk whatever it is told. And it gives an answer of one line to astropy's reader of tables,
    which takes such a line for the name of a file, or for an address, and opens it.

    Parameters
    ----------
    session : PoliteSession
    """

    def __init__(self, session: PoliteSession) -> None:
        super().__init__()
        self._session = session

    def _request(self, *arguments: Any, **options: Any) -> Any:
        return super()._request(*arguments, **{**options, "cache": False})

    def _parse_result(self, response: Any, verbose: bool = False) -> Any:
        if "\n" not in response.text.strip():
            raise ValueError("one line is no table")
        return super()._parse_result(response, verbose=verbose)
