"""Decoding of files in a separate process, which damaged bytes may crash.

The decoders of RICE, PLIO and HCOMPRESS write out of bounds where the data are damaged, and HDF5 follows any address in
a file. One decoder process serves as long as this process runs; it is replaced when it crashes or takes too long. Run
as a script, this file is the decoder: it decodes FITS files with compressed images from its standard input, and reads
HDF5 files.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import select
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Dataset", "check_hdf5", "decode_fits", "hdf5_datasets", "hdf5_rows"]

_HEAD: Final = struct.Struct(">BQ")
_START_SECONDS: Final = 60.0
_BASE_BYTES: Final = 300 << 20
_WHOLE: Final = 256 << 20
"""Size of the arrays in an HDF5 file up to which they are read completely [bytes]."""
_FITS, _HDF5, _DATASETS, _ROWS = range(4)
_HDF5_WORDS: Final = "its HDF5 content is damaged"
_lock = threading.Lock()
_running: list[subprocess.Popen[bytes]] = []


def decode_fits(content: bytes, size: int) -> bytes:
    """A FITS file with plain images in the place of compressed ones.

    Parameters
    ----------
    content : bytes
        Of the file.
    size : int
        Of the decoded images [bytes]. It limits memory, and time: 5 s, and 1 s for each 10 MB.

    Raises
    ------
    ValueError
        It cannot be decoded.
    """
    return _request(_FITS, content, size, "its compressed pixels are damaged")


def check_hdf5(path: Path) -> int:
    """Read an HDF5 file, and compare the sizes of its arrays with its own.

    Parameters
    ----------
    path : Path
        An HDF5 file, such as the weights in a ``.keras`` file. Arrays may be as large as the file, packed ones 100
        times as large; the content is read if all together are below 256 MB.

    Returns
    -------
    int
        Size of all arrays [bytes].

    Raises
    ------
    ValueError
        It cannot be read, or claims more than it holds.
    """
    return int(_request(_HDF5, str(path.resolve()).encode(), path.stat().st_size, _HDF5_WORDS))


@dataclass(frozen=True)
class Dataset:
    """An array of an HDF5 file.

    Attributes
    ----------
    dtype : str
        As in NumPy, such as ``"|u1"``.
    chunks : tuple of int
        Shape of a chunk; () where there are none.
    """

    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...]


def hdf5_datasets(path: Path) -> dict[str, Dataset]:
    """The arrays in the root group of an HDF5 file by name; errors as in `check_hdf5`."""
    answer = json.loads(_request(_DATASETS, str(path.resolve()).encode(), path.stat().st_size, _HDF5_WORDS))
    return {name: Dataset(tuple(shape), dtype, tuple(chunks)) for name, (shape, dtype, chunks) in answer.items()}


def hdf5_rows(path: Path, name: str, first: int, last: int, size: int) -> NDArray[Any]:
    """Rows of an array of numbers in an HDF5 file.

    Parameters
    ----------
    name : str
        Of the array.
    first, last : int
        Rows `first` to `last` - 1.
    size : int
        Of those rows [bytes]; it limits time and memory.

    Raises
    ------
    ValueError
        They cannot be read.
    """
    import numpy as np

    request = json.dumps([str(path.resolve()), name, first, last]).encode()
    rows: NDArray[Any] = np.load(io.BytesIO(_request(_ROWS, request, size, _HDF5_WORDS)), allow_pickle=False)
    return rows


def _request(kind: int, content: bytes, size: int, words: str) -> bytes:
    seconds = 5.0 + size / 1e7
    with _lock:
        process = _process()
        try:
            _write(process, _HEAD.pack(kind, size), _HEAD.pack(kind, len(content)), content)
            status, length = _HEAD.unpack(_read(process, _HEAD.size, seconds))
            answer = _read(process, length, seconds)
        except (OSError, EOFError) as error:
            _end(process)
            raise ValueError(words) from error
    if status:
        raise ValueError(f"{words} ({answer.decode('utf-8', 'replace')})")
    return answer


def _process() -> subprocess.Popen[bytes]:
    if _running and _running[0].poll() is None:
        return _running[0]
    _running.clear()
    process = subprocess.Popen(
        [sys.executable, "-I", __file__],  # isolated: the modules beside this file are not on its path
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    _read(process, 1, _START_SECONDS)  # written after its imports
    _running.append(process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    _running.clear()


@atexit.register
def _end_all() -> None:
    for process in list(_running):
        _end(process)


def _write(process: subprocess.Popen[bytes], *parts: bytes) -> None:
    assert process.stdin is not None
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[process.stdin.write(view) or 0 :]


def _read(process: subprocess.Popen[bytes], length: int, seconds: float) -> bytes:
    assert process.stdout is not None
    parts = bytearray()
    while len(parts) < length:
        if not select.select([process.stdout], [], [], seconds)[0]:
            raise TimeoutError("the decoder does not answer")
        part = os.read(process.stdout.fileno(), min(length - len(parts), 1 << 20))
        if not part:
            raise EOFError("the decoder has ended")
        parts += part
    return bytes(parts)


# -- the decoder process ----------------------------------------------------------------------------------------------


def _serve(stdin: BinaryIO, stdout: BinaryIO) -> None:
    import h5py  # noqa: F401 - imported before the time of a request runs

    stdout.write(b"!")
    stdout.flush()
    while len(head := stdin.read(_HEAD.size)) == _HEAD.size:
        kind, size = _HEAD.unpack(head)
        _, length = _HEAD.unpack(stdin.read(_HEAD.size))
        content = stdin.read(length)
        answers = {_FITS: _decode, _HDF5: _check_arrays, _DATASETS: _list_arrays, _ROWS: _rows}
        try:
            status, answer = 0, answers[kind](content, size)
        except Exception as error:
            status, answer = 1, str(error)[:200].encode()
        stdout.write(_HEAD.pack(status, len(answer)))
        stdout.write(answer)
        stdout.flush()


def _check_arrays(content: bytes, size: int) -> bytes:
    import h5py

    _limit_memory(_WHOLE + _BASE_BYTES)
    sizes = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            most = size * (100 if item.compression or item.chunks else 1) + 4096
            if item.is_virtual or item.external:
                raise ValueError(f"{name} lies in another file")
            sizes.append(int(item.size or 0) * item.dtype.itemsize)
            if sum(sizes) > most:
                raise ValueError(f"its arrays claim {sum(sizes):,} bytes, and it has {size:,}")

    with h5py.File(content.decode(), "r") as file:
        file.visititems(visit)
        if sum(sizes) < _WHOLE:
            file.visititems(lambda name, item: item[()] is None if isinstance(item, h5py.Dataset) else None)
    return str(sum(sizes)).encode()


def _list_arrays(content: bytes, size: int) -> bytes:
    import h5py

    with h5py.File(content.decode(), "r") as file:
        arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
        traits = {name: [item.shape or (), item.dtype.str, item.chunks or ()] for name, item in arrays.items()}
    return json.dumps(traits).encode()


def _rows(content: bytes, size: int) -> bytes:
    import h5py
    import numpy as np

    path, name, first, last = json.loads(content)
    _limit_memory(4 * size + _BASE_BYTES)
    out = io.BytesIO()
    with h5py.File(path, "r") as file:
        np.save(out, np.asarray(file[name][first:last]), allow_pickle=False)
    return out.getvalue()


def _decode(content: bytes, size: int) -> bytes:
    from astropy.io import fits

    _limit_memory(6 * size + 3 * len(content) + _BASE_BYTES)
    out = io.BytesIO()
    with fits.open(io.BytesIO(content)) as hdus:
        plain = fits.HDUList()
        for hdu in hdus:
            if isinstance(hdu, fits.CompImageHDU):
                image = fits.ImageHDU(hdu.data, hdu.header)
                for card in ("CHECKSUM", "DATASUM"):  # those of the compressed image, already compared with it
                    image.header.remove(card, ignore_missing=True)
                hdu = image
            plain.append(hdu)
        plain.writeto(out, output_verify="silentfix")
    return out.getvalue()


def _limit_memory(more: int) -> None:
    """Limit the memory of this process to `more` bytes above its present size."""
    try:
        import resource

        with open("/proc/self/statm") as file:  # noqa: PTH123
            now = int(file.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (now + more, hard))
    except (ImportError, OSError, ValueError):
        return  # not supported by this system


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    _serve(sys.stdin.buffer, sys.stdout.buffer)
