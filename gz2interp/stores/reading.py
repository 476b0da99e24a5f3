"""Failures of other packages over a file, turned into errors of this one.

Every file that may be damaged, cut short or made up is read inside `reading`:

    with reading(path, InputError, remedy="Download it again"):
        table = pd.read_csv(path)

On entry the sizes in the file's header (of FITS images and tables, NumPy arrays, members of a ZIP or Parquet file,
SQLite pages) are compared with the size of the file, before another package allocates memory by them. Any exception of
another package inside becomes one error with a readable message, with its cause chained. Packed files (gzip, bzip2,
compressed FITS) are read through `unpacked`, which unpacks within limits.
"""

from __future__ import annotations

import bz2
import gzip
import io
import os
import re
import sqlite3
import stat
import struct
import time
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from gz2interp.errors import CutoutUnavailable, Gz2interpError, InputError, SurveyError
from gz2interp.stores.decoding import decode_fits
from gz2interp.stores.fits_claims import DamagedFile, Hdu, check_fits

__all__ = [
    "DamagedFile",
    "SqliteFile",
    "check_claims",
    "check_npy",
    "check_zip",
    "errors_as",
    "first_bytes",
    "limit",
    "reading",
    "reading_sqlite",
    "unpacked",
]

FREE_BYTES: Final = 96 << 20
"""Bytes that any packed file may unpack to, however small it is."""
MOST_RATIO: Final = 60
"""Beyond that, the limit as a multiple of the packed size: tables shrink 5 times, masks 50 times, bombs 1,000."""
MOST_TEXT: Final = 64 << 20
"""Largest JSON or TOML file that is read [bytes]."""
_TRIES: Final = 5
"""Of a SQLite file whose header contradicts its size, before it counts as damaged."""
_WCSLIB: Final = re.compile(r"ERROR \d+ in \w+\(\) at line \d+ of file .*")
"""Lines of wcslib's messages that name its source code."""
_REMEDY: Final = "The file may be cut short or damaged: fetch or write it again"


@contextmanager
def reading(
    path: Path,
    error: type[Gz2interpError] = InputError,
    *,
    expected: str = "",
    remedy: str = "",
    most: int | None = None,
) -> Iterator[Path]:
    """A block in which other packages read a file; their exceptions become one error of this package.

    Parameters
    ----------
    path : Path
        The file; a folder (of a Zarr array) is not checked on entry.
    error : type of Gz2interpError
        What a failure becomes: `InputError` for a user's file, `SurveyError` for a part of a survey,
        `CutoutUnavailable` (with the status ``"failed"``) for the pixels of one galaxy.
    expected, remedy : str
        Parts of the message, as in `Gz2interpError`.
    most : int, optional
        The largest file that is read [bytes]; by default files may be of any size.

    Raises
    ------
    error
        The file is absent, is no file, contradicts its header, or cannot be read. Errors of this package that are
        raised inside pass unchanged.
    """
    with errors_as(error, path.name, expected, remedy), warnings.catch_warnings(action="ignore"):
        check_claims(path, most)
        yield path


@contextmanager
def errors_as(
    error: type[Gz2interpError], name: str, expected: str = "", remedy: str = "", verb: str = "read"
) -> Iterator[None]:
    """A block whose exceptions become one error of this package, as in `reading`, without a check on entry.

    Parameters
    ----------
    name : str
        Name of the file or array in the message.
    verb : str
        ``"read"`` or ``"written"``.
    """
    try:
        yield
    except Gz2interpError:
        raise
    except FileNotFoundError as cause:
        raise _error(error, f"There is no file {cause.filename or name}", expected, "Check the path") from cause
    except Exception as cause:
        raise _error(error, f"{name} cannot be {verb}: {_cause(cause)}", expected, remedy or _REMEDY) from cause


@contextmanager
def reading_sqlite(
    path: Path, *, tables: Sequence[str] = (), remedy: str = "Put back a copy of it", mode: str = "mode=rw"
) -> Iterator[sqlite3.Connection]:
    """A connection to an existing SQLite file of a survey; failures become a `SurveyError`.

    Parameters
    ----------
    tables : sequence of str
        Tables that the file must have; a view of that name, which may compute without end, is refused.
    mode : str
        How SQLite opens it; by default for writing, so that it rolls back what a killed writer left.

    Notes
    -----
    The processor time of queries is limited by the size of the file: pages of a damaged one may refer to each other.
    """
    with errors_as(SurveyError, path.name, "A SQLite file of a survey", remedy):
        _check_database(path)
        address = f"{path.resolve().as_uri()}?{mode}"
        with closing(sqlite3.connect(address, timeout=60, isolation_level=None, uri=True)) as connection:
            end = time.thread_time() + _seconds(path)
            connection.set_progress_handler(lambda: time.thread_time() > end, 20_000)
            _distrust(connection)
            _check_tables(connection, tables)
            yield connection


class SqliteFile:
    """A SQLite file that one process keeps open for reading and writing; failures become a `SurveyError`.

    Parameters
    ----------
    path : Path
        Created if it does not exist.
    tables : mapping
        Tables to create if they do not exist: name to columns, as in ``CREATE TABLE``.
    remedy : str
        What to try where the file is damaged.

    Notes
    -----
    With a write-ahead log a change needs one flush, and a killed process loses nothing that was written.
    The processor time of each statement is limited by the size of the file, as in `reading_sqlite`.
    """

    def __init__(self, path: Path, tables: Mapping[str, str], remedy: str) -> None:
        self.path, self._remedy, self._end = path, remedy, 0.0
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.failing():
            if path.exists():
                _check_database(path)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            try:
                self._connection.set_progress_handler(lambda: time.thread_time() > self._end, 20_000)
                _distrust(self._connection)
                self.execute("PRAGMA journal_mode = WAL")
                self.execute("PRAGMA synchronous = NORMAL")
                for name, columns in tables.items():
                    self.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
                _check_tables(self._connection, list(tables))
            except BaseException:
                self.close()
                raise

    def failing(self) -> AbstractContextManager[None]:
        """A block in which values of the file are used; exceptions become an error about the file."""
        return errors_as(SurveyError, str(self.path), "A SQLite file of a survey", self._remedy)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement returns."""
        with self.failing():
            self._end = time.thread_time() + _seconds(self.path)
            return self._connection.execute(statement, values).fetchall()

    def execute_for(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each sequence of values, in one transaction."""
        with self.failing():
            self._end = time.thread_time() + _seconds(self.path)
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(statement, values)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _seconds(path: Path) -> float:
    """Processor time that a statement may take [s]."""
    return 1.0 + path.stat().st_size / 5e6


def _distrust(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def _check_tables(connection: sqlite3.Connection, tables: Sequence[str]) -> None:
    for table in tables:
        kinds = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchall()
        if kinds != [("table",)]:
            raise DamagedFile(f"it has no table {table}")


def _check_database(path: Path) -> None:
    """As `check_claims`, while another process may be writing: header and size do not change at once."""
    for tries_left in reversed(range(_TRIES)):
        if _has_log(path):
            return
        try:
            check_claims(path)
            return
        except DamagedFile:
            if not tries_left:
                raise
            time.sleep(0.02)


def _has_log(path: Path) -> bool:
    """Whether a part of a SQLite file's pages is in a journal beside it."""
    for suffix in ("-wal", "-journal"):
        with suppress(FileNotFoundError):  # a writer that ends removes it
            if path.with_name(path.name + suffix).stat().st_size:
                return True
    return False


def _error(error: type[Gz2interpError], problem: str, expected: str, remedy: str) -> Gz2interpError:
    if issubclass(error, CutoutUnavailable):
        return error("failed", problem)
    return error(problem, expected, remedy)


def _cause(cause: Exception) -> str:
    """A short message for an exception of another package."""
    if isinstance(cause, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(cause, RecursionError):
        return "it is nested too deeply"
    if isinstance(cause, UnicodeError):
        return "it holds bytes that are no text in UTF-8"
    if isinstance(cause, zlib.error):
        return "what is packed in it is damaged"
    if isinstance(cause, KeyError):
        return f"it lacks {cause}"
    lines = [line.strip() for line in str(cause)[:4000].splitlines()]
    words = " ".join(line for line in lines if line and not _WCSLIB.fullmatch(line)).strip(" .")
    return words[:240].strip(" .") or type(cause).__name__


# -- headers and sizes ------------------------------------------------------------------------------------------------


def check_claims(path: Path, most: int | None = None) -> None:
    """Compare the sizes in the header of a file with its content.

    Raises
    ------
    DamagedFile
        They do not agree, it is no file (but a pipe or a device), or it is larger than `most` bytes.
    FileNotFoundError, PermissionError
    """
    traits = path.stat()
    if stat.S_ISDIR(traits.st_mode):
        return
    if not stat.S_ISREG(traits.st_mode):
        raise DamagedFile("it is a pipe or a device, and no file")
    if most is not None and traits.st_size > most:
        raise DamagedFile(f"it has {traits.st_size:,} bytes, and at most {most:,} are read")
    with path.open("rb") as file:
        _check_content(file, traits.st_size)


def _check_content(file: BinaryIO, size: int) -> None:
    start = file.read(16)
    file.seek(0)
    if start.startswith(b"SIMPLE  "):
        check_fits(file, size)
    elif start.startswith(b"\x93NUMPY"):
        check_npy(file, size)
    elif start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        check_zip(file, size)
    elif start.startswith(b"SQLite format 3\0"):
        _check_sqlite(file, size)
    elif start.startswith(b"PAR1"):
        _check_parquet(file, size)


def check_npy(file: BinaryIO, size: int) -> None:
    """Compare the shape in the header of a ``.npy`` file, of `size` bytes from the current position on, with its data.

    Raises
    ------
    DamagedFile
        There are more or fewer bytes than the array has, or its values are Python objects.
    """
    import numpy as np

    start = file.tell()
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):  # 3.0 is for tables whose columns have names beyond ASCII
        raise DamagedFile(f"it is of version {version}, and 1.0 and 2.0 are read")
    first = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise DamagedFile("it holds Python objects, which are never loaded")
    count = 1
    for length in shape:
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise DamagedFile(f"its header claims the shape {shape}")
        count *= length
    held = size - (file.tell() - start)
    if count * dtype.itemsize != held:
        raise DamagedFile(f"its header claims {count * dtype.itemsize:,} bytes of numbers, and it holds {held:,}")


def check_zip(file: BinaryIO, size: int) -> None:
    """Check the directory of a ZIP file (``.npz``, ``.keras``) and the shapes of the arrays in it.

    Raises
    ------
    DamagedFile
        It unpacks to far more than its size, two members have one name, or an array in it claims another size.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len({member.filename for member in members}) != len(members):
            raise DamagedFile("it holds two members of one name")
        packed_size = sum(member.compress_size for member in members)
        if packed_size > size:
            raise DamagedFile("its members overlap")
        if not members or size - packed_size > 4096 * (1 + len(members)):
            raise DamagedFile(f"its list names {len(members)} members, which are not all of what it holds")
        packed = [member for member in members if member.compress_type != zipfile.ZIP_STORED]
        unpacked = sum(member.file_size for member in packed)
        if unpacked > limit(size):
            raise DamagedFile(f"its {size:,} bytes would become {unpacked:,}")
        for member in members:
            if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
                raise DamagedFile(f"the sizes of {member.filename} in it contradict each other")
            if member.filename.endswith(".npy"):
                with archive.open(member) as stream:
                    check_npy(stream, member.file_size)  # type: ignore[arg-type]


def _check_sqlite(file: BinaryIO, size: int) -> None:
    header = file.read(100)
    if len(header) < 100:
        raise DamagedFile("it ends within its header")
    page, pages = struct.unpack(">H", header[16:18])[0], struct.unpack(">I", header[28:32])[0]
    page = 65536 if page == 1 else page
    current = header[24:28] == header[92:96]  # else a writer before SQLite 3.7 has left the count as it was
    if current and pages * page > size:
        raise DamagedFile(f"it has {pages:,} pages of {page:,} bytes by its header, and is {size:,} bytes long")


def _check_parquet(file: BinaryIO, size: int) -> None:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(file)
    # Of row groups only: reading those of a column ends the process where its statistics are damaged.
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    if sum(group.num_rows for group in groups) != metadata.num_rows:
        raise DamagedFile(f"it has {metadata.num_rows:,} rows by its header and others by its parts")
    cells = metadata.num_rows * metadata.num_columns * 8  # runs of one value take no space in the file
    unpacked = max(cells, sum(group.total_byte_size for group in groups))
    if min((group.total_byte_size for group in groups), default=0) < 0 or unpacked > 2 * limit(size):
        raise DamagedFile(f"its {size:,} bytes would become {unpacked:,}")


def limit(size: int) -> int:
    """Bytes that a packed file of `size` bytes may unpack to."""
    return max(FREE_BYTES, MOST_RATIO * size)


# -- packed files -----------------------------------------------------------------------------------------------------


def unpacked(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked if they are gzip or bzip2, with compressed FITS images as plain ones.

    Parameters
    ----------
    path : Path
        Packed or not: the content decides, not the suffix.

    Returns
    -------
    seekable binary file
        Unpacked completely, with the checksums of gzip and bzip2 and the headers inside checked. A file that is not
        packed is opened as it is.

    Raises
    ------
    DamagedFile, OSError, EOFError, zlib.error
        To be called inside `reading`.

    Notes
    -----
    A compressed FITS image is decoded in another process with limited memory and time, because the decoders in C write
    out of bounds where the bytes are damaged.
    """
    file = path.open("rb")
    try:
        start = file.read(3)
        file.seek(0)
        if start.startswith((b"\x1f\x8b", b"BZh")):
            with file:
                content: BinaryIO = io.BytesIO(_inflate(file, start.startswith(b"BZh"), path.stat().st_size))
            size = content.seek(0, os.SEEK_END)
            content.seek(0)
            _check_content(content, size)
            content.seek(0)
            return _decompress(content, size)
        return _decompress(file, path.stat().st_size)
    except BaseException:
        file.close()
        raise


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, unpacked if it is gzip or bzip2; to be called inside `reading`."""
    with path.open("rb") as file:
        start = file.read(3)
        file.seek(0)
        packed = start.startswith((b"\x1f\x8b", b"BZh"))
        return _stream(file, start.startswith(b"BZh")).read(count) if packed else file.read(count)


def _stream(file: BinaryIO, is_bzip2: bool) -> Any:
    return bz2.BZ2File(file) if is_bzip2 else gzip.GzipFile(fileobj=file)


def _inflate(file: BinaryIO, is_bzip2: bool, size: int) -> bytes:
    parts, length, most = [], 0, limit(size)
    stream = _stream(file, is_bzip2)
    while part := stream.read(1 << 20):
        length += len(part)
        if length > most:
            raise DamagedFile(f"its {size:,} bytes become more than {most:,} when they are unpacked")
        parts.append(part)
    return b"".join(parts)


def _decompress(file: BinaryIO, size: int) -> BinaryIO:
    """Decode compressed images in a FITS file; any other file stays as it is."""
    if file.read(8) != b"SIMPLE  ":
        file.seek(0)
        return file
    file.seek(0)
    hdus = check_fits(file, size)
    file.seek(0)
    if not any(hdu.is_compressed for hdu in hdus):
        return file
    with file:
        return io.BytesIO(decode_fits(file.read(), _memory(hdus)))


def _memory(hdus: list[Hdu]) -> int:
    """Size of the decoded images [bytes]."""
    total = 0
    for hdu in hdus:
        if hdu.is_compressed:
            pixels = abs(hdu.integer("ZBITPIX", -64, 64)) // 8
            for i in range(hdu.integer("ZNAXIS", 1, 9)):
                pixels *= hdu.integer(f"ZNAXIS{i + 1}", 1, 2**31)
            total += pixels
    return total
