"""A survey in an object store, opened by an address such as ``s3://bucket/survey`` and read in place.

The stores are accessed through fsspec. Passwords and keys are taken from fsspec's configuration (files in
``~/.config/fsspec``, variables such as ``FSSPEC_S3_KEY``) or from that of the store; they are never part of an address.

Pixels are read from the store on demand. Files that SQLite, Parquet and Keras open (the journal, the catalogue, a
network) are copied on first use into a *companion*: a folder on this machine, in which results are also written. It is
a survey's folder without pixels, and ``remote.json`` in it has the address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import zarr
from filelock import FileLock

from gz2interp.errors import Gz2interpError, InputError, SurveyError
from gz2interp.results import digest_of
from gz2interp.stores.arrays import check_array
from gz2interp.stores.files import atomic_write, digest_of_file, read_json, read_record, write_json
from gz2interp.stores.header import Header, SurveyLocation
from gz2interp.stores.reading import MOST_TEXT, errors_as

__all__ = ["RemoteSurveyLocation", "address_of", "companion_of", "open_store", "store_errors"]


_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+(?:://|::)")
_SECRET = re.compile(r"//[^/@]*:[^/@]*@")
_REFUSED = ("401", "403", "AccessDenied", "Access Denied", "InvalidAccessKey", "credentials", "Forbidden")


def address_of(path: str | Path) -> str:
    """The address in the place of a path, without a slash at its end; "" for a path.

    Raises
    ------
    InputError
        It has a password, or a query.
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
    """Restore the slashes of an address that was converted to a `Path`."""
    return re.sub(r"(?<=[a-z0-9+.-]{2}):/(?!/)", "://", text.replace("file:/", "file:///", 1))


def open_store(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path within it.

    Raises
    ------
    InputError
        No installed package supports the protocol.
    """
    import fsspec
    from fsspec.core import url_to_fs

    protocol = re.split(r"::|://", address, maxsplit=1)[0]
    try:
        with store_errors(address):
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
def store_errors(address: str) -> Iterator[None]:
    """A block that reads from a store; any exception becomes a `SurveyError`.

    Raises
    ------
    SurveyError
        The store does not answer, or refuses access.
    """
    try:
        yield
    except Gz2interpError:
        raise
    except FileNotFoundError as error:
        raise SurveyError(f"There is no {error}", remedy="Look at the address") from error
    except Exception as error:
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, PermissionError) or any(word in message for word in _REFUSED):
            raise SurveyError(
                f"{address} may not be read ({message})",
                "A public address, or its keys in fsspec's configuration",
                "Put the keys into ~/.config/fsspec/conf.json, or the configuration of the store",
            ) from error
        raise SurveyError(
            f"{address} cannot be read ({message})",
            "A store that answers",
            "Look at the address and the network, and try again: what is done is kept",
        ) from error


RECORD = "remote.json"
_CATALOG = "catalog.parquet"
_OF_A_MODEL = (
    *("model.keras", "run.json", "history.csv", "evaluation.json"),
    *("predictions.parquet", "predictions.json", "uncertainty.parquet", "uncertainty.json"),
)
_TRAITS = ("size", "ETag", "etag", "LastModified", "mtime", "md5Hash", "content_md5", "created")
"""Properties of a file by which a change is detected; stores have some of them."""


@dataclass(frozen=True)
class RemoteSurveyLocation(SurveyLocation):
    """A survey at an address, and its companion on this machine.

    Attributes
    ----------
    folder : Path
        The companion.
    """

    url: str = ""
    _cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Answers of the store since the survey was opened."""

    @classmethod
    def of(cls, folder: Path) -> RemoteSurveyLocation | None:
        """The location of which a folder is the companion; None if it is none."""
        file = folder / RECORD
        return cls(folder, read_record(file, lambda record: str(record["url"]))) if file.is_file() else None

    @property
    def address(self) -> str:  # noqa: D102
        return self.url

    def header(self) -> Header:
        """The present header in the store; the companion is created if necessary."""
        store, root = self._store
        with store_errors(self.url):
            store.invalidate_cache()
            try:
                content = store.cat_file(f"{root}/survey.json", start=0, end=MOST_TEXT)
            except FileNotFoundError:
                raise SurveyError(
                    f"There is no survey at {self.url}: it has no survey.json",
                    "The address of a folder made by python -m trainer demo, paint, ingest or download",
                ) from None
            if len(store.cat_file(f"{root}/survey.json", start=0, end=1)) != 1:
                raise SurveyError(
                    f"{self.url} is on a server that gives files only whole",
                    "One that answers range requests: a single galaxy is a small part of a file",
                    "Serve it with another program (nginx, Apache, an object store), or copy the survey here",
                )
        if not _is_json(content):
            raise SurveyError(
                f"There is no survey at {self.url}: what is called survey.json there is something else",
                "The address of a survey's folder; many servers answer every request with a page",
            )
        file = self.folder / "survey.json"
        if not file.is_file() or file.read_bytes() != content:
            with atomic_write(file) as aside:
                aside.write_bytes(content)
        if not (self.folder / RECORD).is_file():
            write_json(self.folder / RECORD, {"url": self.url})
        self._cache.clear()
        return Header.read(self.folder)

    def has(self, name: str) -> bool:
        """Whether the companion or the store has such a file; the store is queried once."""
        if (self.folder / name).is_file():
            return True
        key = f"has {name}"
        if key not in self._cache:
            self._cache[key] = bool(self._info(name))
        return bool(self._cache[key])

    def file(self, name: str) -> Path:
        """A copy in the companion, replaced if the store's file has changed.

        A file that the store does not have, or that was written on this machine, is left as it is.
        """
        path, record = self.folder / name, self.folder / ".fetched" / f"{name.replace('/', '.')}.json"
        if f"at hand {name}" in self._cache and path.is_file():
            return path
        with self._lock():
            version, is_local = self._version(name), path.is_file() and not record.is_file()
            if version and not is_local and not (path.is_file() and read_json(record) == version):
                self._fetch(name, path)
                write_json(record, version)
        self._cache[f"at hand {name}"] = True
        return path

    def array(self, name: str, shape: tuple[int | None, ...] | None = None) -> Any:
        """One of its Zarr arrays, in the store."""
        from zarr.storage import FsspecStore

        store, root = self._store
        with store_errors(self.url):
            mapped = FsspecStore.from_mapper(store.get_mapper(f"{root}/{name}"), read_only=True)
            with errors_as(SurveyError, f"{self.url}/{name}", "A Zarr array", "Copy the survey there again"):
                array = zarr.open_array(mapped, mode="r")
                check_array(array, shape)
                return array

    def models(self) -> list[str]:
        """Names of the models in the companion and, if it can be listed, in the store."""
        if "models" not in self._cache:
            store, root = self._store
            with store_errors(self.url):
                self._cache["models"] = _list_names(store, f"{root}/models")
        remote = {name for name in self._cache["models"] if self.has(f"models/{name}/model.keras")}
        return sorted(remote | set(super().models()))

    def model(self, name: str) -> Path:
        """The folder of a model in the companion; a model of the store is copied, without the analyses."""
        for part in _OF_A_MODEL:
            if self.has(f"models/{name}/{part}"):
                self.file(f"models/{name}/{part}")
        return super().model(name)

    # -- the store ----------------------------------------------------------------------------------------------------

    @cached_property
    def _store(self) -> tuple[Any, str]:
        store, root = open_store(self.url)
        return store, root.rstrip("/")

    def _lock(self) -> FileLock:
        """The lock with which only one process copies files at a time."""
        (self.folder / ".fetched").mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".fetched" / "lock")

    def _version(self, name: str) -> str:
        """A digest that changes with the store's file; "" where there is none."""
        header = Header.read(self.folder)
        if name == _CATALOG:
            return header.catalog_digest
        info = self._info(name)
        if not info:
            return ""
        traits = {trait: str(info[trait]) for trait in _TRAITS if info.get(trait) is not None}
        return digest_of([traits] if name.startswith("models/") else [traits, asdict(header)])

    def _info(self, name: str) -> dict[str, Any]:
        """Fsspec's record of a file; empty where there is none.

        A store that may be read but not listed denies access to absent files, and fsspec reports every failure of an
        HTTP server as an absent file: the two are told apart here.
        """
        store, root = self._store
        with store_errors(self.url):
            try:
                return dict(store.info(f"{root}/{name}"))
            except PermissionError:
                return {}
            except FileNotFoundError as error:
                cause = error.__cause__
                if cause is None or isinstance(cause, FileNotFoundError) or getattr(cause, "status", 0) in (403, 404):
                    return {}
                raise cause from None

    def _fetch(self, name: str, path: Path) -> None:
        store, root = self._store
        with store_errors(self.url), atomic_write(path) as aside:
            store.get_file(f"{root}/{name}", str(aside))
            if name == _CATALOG and digest_of_file(aside) != Header.read(self.folder).catalog_digest:
                raise SurveyError(
                    f"{self.url}/{name} is not the catalogue that survey.json means",
                    "A complete survey that is not being written",
                    "Try again, or copy the survey there again",
                )


def companion_of(url: str, surveys: Path) -> RemoteSurveyLocation:
    """The location of an address, with its companion in the folder of surveys.

    Parameters
    ----------
    url : str
        As `gz2interp.stores.remote.address_of` gives it.
    surveys : Path
        The folder of surveys.
    """
    first = next((part for part in url.split("::") if "://" in part), url)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", first.rsplit("/", 1)[-1]).strip("-") or "survey"
    return RemoteSurveyLocation(surveys / f"{name}-{digest_of([url])[:8]}", url)


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def _list_names(store: Any, path: str) -> list[str]:
    """Names in a folder; [] where there is no such folder, or the store cannot list it."""
    try:
        return [str(name).rstrip("/").rsplit("/", 1)[-1] for name in store.ls(path, detail=False)]
    except (FileNotFoundError, NotImplementedError, PermissionError):
        return []
    except Exception as error:
        if getattr(error, "status", 0) in (403, 404, 405):  # a server that lists nothing
            return []
        raise
