"""Compressed FITS images decoded in a process of their own: damaged bytes may break a decoder, but not this process.

The decoders of RICE, PLIO and HCOMPRESS in C trust what they decode and write beyond their memory where it is damaged.
One process decodes for as long as this one runs; it is replaced when it broke or took too long. Run as a script, this
file is that process: it reads FITS files from its standard input and writes them back with plain images.
"""

from __future__ import annotations

import atexit
import io
import os
import select
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any, BinaryIO, Final

__all__ = ["decode"]

_HEAD: Final = struct.Struct(">BQ")
_START_SECONDS: Final = 60.0
_BASE_BYTES: Final = 300 << 20
_lock = threading.Lock()
_running: list[subprocess.Popen[bytes]] = []


def decode(content: bytes, size: int) -> bytes:
    """A FITS file with plain images in the place of compressed ones.

    Parameters
    ----------
    content : bytes
        The file.
    size : int
        Of the images in it when they are decoded [bytes]. It limits memory, and time: 5 s, and 1 s for each 10 MB.

    Raises
    ------
    ValueError
        It cannot be decoded.
    """
    with _lock:
        process = _process()
        try:
            _write(process, _HEAD.pack(0, size), _HEAD.pack(0, len(content)), content)
            status, length = _HEAD.unpack(_read(process, _HEAD.size, 5.0 + size / 1e7))
            answer = _read(process, length, 5.0 + size / 1e7)
        except (OSError, EOFError) as error:
            _end(process)
            raise ValueError("its compressed pixels are damaged") from error
    if status:
        raise ValueError(f"its compressed pixels are damaged ({answer.decode('utf-8', 'replace')})")
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
    _read(process, 1, _START_SECONDS)  # it has imported what it needs
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


# -- the other process ------------------------------------------------------------------------------------------------


def _serve(stdin: BinaryIO, stdout: BinaryIO) -> None:
    from astropy.io import fits

    stdout.write(b"!")
    stdout.flush()
    while len(head := stdin.read(_HEAD.size)) == _HEAD.size:
        _, size = _HEAD.unpack(head)
        _, length = _HEAD.unpack(stdin.read(_HEAD.size))
        content = stdin.read(length)
        _limit_memory(6 * size + 3 * length + _BASE_BYTES)
        try:
            status, answer = 0, _plain(fits, content)
        except Exception as error:
            status, answer = 1, str(error)[:200].encode()
        stdout.write(_HEAD.pack(status, len(answer)))
        stdout.write(answer)
        stdout.flush()


def _plain(fits: Any, content: bytes) -> bytes:
    out = io.BytesIO()
    with fits.open(io.BytesIO(content)) as hdus:
        plain = fits.HDUList()
        for hdu in hdus:
            if isinstance(hdu, fits.CompImageHDU):
                image = fits.ImageHDU(hdu.data, hdu.header)
                for card in ("CHECKSUM", "DATASUM"):  # of the compressed image; they have been compared with it
                    image.header.remove(card, ignore_missing=True)
                hdu = image
            plain.append(hdu)
        plain.writeto(out, output_verify="silentfix")
    return out.getvalue()


def _limit_memory(more: int) -> None:
    """Let this process have so many bytes more than it has."""
    try:
        import resource

        with open("/proc/self/statm") as file:  # noqa: PTH123
            now = int(file.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (now + more, hard))
    except (ImportError, OSError, ValueError):
        return  # not on this system; the decoder's process is still its own


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    _serve(sys.stdin.buffer, sys.stdout.buffer)
