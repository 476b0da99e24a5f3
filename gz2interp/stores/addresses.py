"""Addresses of surveys that lie elsewhere, such as ``s3://bucket/survey``, and what to say when they do not answer.

fsspec speaks to the stores. Passwords and keys are its business: it finds them in its own configuration (files in
``~/.config/fsspec``, variables such as ``FSSPEC_S3_KEY``) or in that of the store. They are never part of an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gz2interp.errors import Gz2interpError, InputError, SurveyError

__all__ = ["address_of", "asking", "opened"]

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+(?:://|::)")
_SECRET = re.compile(r"//[^/@]*:[^/@]*@")
_REFUSED = ("401", "403", "AccessDenied", "Access Denied", "InvalidAccessKey", "credentials", "Forbidden")


def address_of(path: str | Path) -> str:
    """The address that was given in the place of a path, without a slash at its end; "" for a path.

    Raises
    ------
    InputError
        It holds a password, or a question, which no folder has.
    """
    text = _with_slashes(str(path)) if isinstance(path, Path) else path
    if not _ADDRESS.match(text):
        return ""
    if _SECRET.search(text):
        raise InputError(
            f"An address with a password was given: {_SECRET.sub('//...@', text)}",
            "An address alone: it is written down, and passwords should not be",
            "Put the password into fsspec's configuration (~/.config/fsspec/conf.json)",
        )
    if "?" in text or "#" in text:
        raise InputError(f"The address {text.split('?')[0]}?... was given", "That of a folder, without ? and #")
    return text.rstrip("/")


def _with_slashes(text: str) -> str:
    """An address that went through a `Path`, which makes one slash of two and of three."""
    return re.sub(r"(?<=[a-z0-9+.-]{2}):/(?!/)", "://", text.replace("file:/", "file:///", 1))


def opened(address: str) -> tuple[Any, str]:
    """The file system behind an address, and the path within it.

    Raises
    ------
    InputError
        Nothing here speaks this protocol.
    """
    import fsspec
    from fsspec.core import url_to_fs

    protocol = re.split(r"::|://", address, maxsplit=1)[0]
    try:
        with asking(address):
            store, root = url_to_fs(address)
            return store, str(root)
    except Gz2interpError as error:
        cause = error.__cause__
        if isinstance(cause, ImportError):
            package = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
            raise InputError(
                f"{address} needs a package that is not installed",
                f"fsspec says: {cause}",
                f"pip install {package.get(protocol, 'it')}",
            ) from None
        if isinstance(cause, ValueError) and protocol not in fsspec.available_protocols():
            raise InputError(
                f"{address} begins with {protocol}, which fsspec does not know",
                "s3://, gs://, abfs://, https://, http://, file://, memory:// and others",
            ) from None
        raise


@contextmanager
def asking(address: str) -> Iterator[None]:
    """Whatever a store answers that is not what was asked for becomes an error for people.

    Stores raise whatever their packages raise, so every exception is meant.

    Raises
    ------
    SurveyError
        Nothing answers, or it refuses.
    """
    try:
        yield
    except Gz2interpError:
        raise
    except FileNotFoundError as error:
        raise SurveyError(f"There is no {error}", remedy="Look at the address") from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, PermissionError) or any(word in said for word in _REFUSED):
            raise SurveyError(
                f"{address} may not be read ({said})",
                "An address that is public, or whose keys fsspec knows",
                "Put them into fsspec's configuration (~/.config/fsspec/conf.json), or that of the store",
            ) from error
        raise SurveyError(
            f"{address} cannot be read ({said})",
            "A store that answers",
            "Look at the address and the network, and try again: what is done is kept",
        ) from error
