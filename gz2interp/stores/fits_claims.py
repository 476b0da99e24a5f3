"""Check of a FITS file's headers against its size and content, before astropy allocates memory by them.

With an ``NAXIS1`` of 2147483647 astropy allocates all memory, and a decoder with a ``BYTEPIX`` of that size writes out
of bounds. The FITS standard 4.0 (Pence et al. 2010, A&A 524, A42; version of 2018) defines the sizes, appendix J the
checksums, section 10 tile compression.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

__all__ = ["DamagedFile", "Hdu", "check_fits"]

_BLOCK: Final = 2880
_CARD: Final = 80
_MOST_BLOCKS: Final = 2000
"""Of one header, which is 72,000 cards."""
_MOST_HDUS: Final = 5000
_BITPIX: Final = (8, 16, 32, 64, -32, -64)
_WIDTHS: Final = {
    "L": 1,
    "X": 1,
    "B": 1,
    "I": 2,
    "J": 4,
    "K": 8,
    "A": 1,
    "E": 4,
    "D": 8,
    "C": 8,
    "M": 16,
    "P": 8,
    "Q": 16,
}
_TFORM: Final = re.compile(r"(\d*)([LXBIJKAEDCMPQ])(?:([LXBIJKAEDCM])(?:\((\d*)\))?)?")
_INTEGER: Final = re.compile(r"[+-]?\d{1,19}")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?")
_COMPRESSED: Final = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS")
_MOST_PIXELS_PER_BYTE: Final = 512
"""Of a compressed image; a constant one reaches it."""
_FEW_PIXELS: Final = 1 << 24
_LIMITS: Final = (
    (re.compile(r"WCSAXES[A-Z]?"), 0, 9),
    (re.compile(r"[AB]P?_ORDER"), 0, 9),
    (re.compile(r"BLANK|TNULL\d+|ZBLANK"), -(2**63), 2**63 - 1),
)
"""Limits of integers that determine what is allocated or converted."""
_REALS: Final = re.compile(
    r"BSCALE|BZERO|TSCAL\d+|TZERO\d+|CRVAL\d|CRPIX\d|CDELT\d|CD\d_\d|PC\d_\d|CROTA\d|LONPOLE|LATPOLE"
)
_EQUINOX: Final = re.compile(r"\s*[JB]?\d{4}(?:\.\d*)?\s*")
_WORDS: Final = re.compile(r"CTYPE\d|CUNIT\d|TTYPE\d+|TFORM\d+|TUNIT\d+|EXTNAME|BUNIT|RADESYS|ZCMPTYPE|ZQUANTIZ")

_STALE: Final = " (if a program changed it and left the sum as it was, write it once more with checksum=True)"

Value = bool | int | float | str | None


class DamagedFile(ValueError):
    """The header of a file contradicts its content; `gz2interp.stores.reading.reading` adds the name of the file."""


@dataclass(frozen=True)
class Hdu:
    """A header and the position of its data.

    Attributes
    ----------
    cards : mapping
        Keyword to value: the first of several.
    start : int
        Of the header in the file [bytes].
    data : int
        Start of the data [bytes].
    size : int
        Of the data without padding [bytes].
    """

    cards: dict[str, Value] = field(repr=False)
    start: int
    data: int
    size: int

    @property
    def end(self) -> int:
        """Start of the next header [bytes]."""
        return self.data + -(-self.size // _BLOCK) * _BLOCK

    @property
    def is_compressed(self) -> bool:
        """Whether it is a table with a tile-compressed image."""
        return self.cards.get("ZIMAGE") is True

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """The value of a card that must be an integer within limits."""
        value = self.cards.get(name, default)
        if value is None:
            raise DamagedFile(f"its header lacks {name}")
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise DamagedFile(f"its header has {name} = {value!r}, and an integer from {low} to {high} is needed")
        return value


def check_fits(file: BinaryIO, size: int) -> list[Hdu]:
    """Compare the headers of a FITS file with its size, and its checksums, if any, with its content.

    Parameters
    ----------
    file : binary file
        Seekable; its position is undefined afterwards.
    size : int
        Its length [bytes].

    Returns
    -------
    list of Hdu

    Raises
    ------
    DamagedFile
        The file is shorter than by its headers, a card that determines sizes is invalid, or a CHECKSUM or DATASUM card
        does not agree with the content.
    """
    hdus: list[Hdu] = []
    position = 0
    while position < size:
        file.seek(position)
        if hdus and (not (start := file.read(_BLOCK)).strip(b"\0 ") or len(start) < _CARD):
            break  # padding
        file.seek(position)
        hdu = _hdu(file, position)
        _check_size(hdu, size)
        _check_cards(hdu)
        _check_table(file, hdu)
        _check_sums(file, hdu)
        if not hdus and hdu.cards.get("SIMPLE") is not True:
            raise DamagedFile("its header has SIMPLE = F: it does not keep to the FITS standard")
        hdus.append(hdu)
        if len(hdus) > _MOST_HDUS:
            raise DamagedFile(f"it has more than {_MOST_HDUS} extensions")
        position = hdu.end
    return hdus


def _hdu(file: BinaryIO, start: int) -> Hdu:
    cards: dict[str, Value] = {}
    expected = b"XTENSION" if start else b"SIMPLE  "
    for number in range(_MOST_BLOCKS):
        block = file.read(_BLOCK)
        if number == 0 and not block.startswith(expected):
            raise DamagedFile(f"no header begins where one must, at byte {start}")
        if len(block) < _BLOCK:
            raise DamagedFile(f"it ends within the header that begins at byte {start}")
        for keyword, value in _cards(block):
            if keyword == "END":
                hdu = Hdu(cards, start, start + (number + 1) * _BLOCK, 0)
                return Hdu(cards, start, hdu.data, _data_size(hdu))
            cards.setdefault(keyword, value)
    raise DamagedFile(f"the header that begins at byte {start} has no end")


def _cards(block: bytes) -> Iterator[tuple[str, Value]]:
    for at in range(0, _BLOCK, _CARD):
        card = block[at : at + _CARD]
        keyword = card[:8].rstrip().decode("latin-1")
        if keyword == "END" and not card[3:].strip():
            yield "END", None
            return
        if card[8:10] == b"= ":
            yield keyword, _value(card[10:].decode("latin-1"))
        elif card[8:9] == b"=":
            yield keyword, _value(card[9:].decode("latin-1"))


def _value(text: str) -> Value:
    text = text.lstrip()
    if text.startswith("'"):
        words = re.match(r"'((?:[^']|'')*)", text)
        return words[1].replace("''", "'").rstrip() if words else ""
    word = text.split("/", 1)[0].strip()
    if word in ("T", "F"):
        return word == "T"
    if _INTEGER.fullmatch(word):
        return int(word)
    if _NUMBER.fullmatch(word):
        return float(word.upper().replace("D", "E"))
    return word or None


def _data_size(hdu: Hdu) -> int:
    bitpix = hdu.integer("BITPIX", -64, 64)
    if bitpix not in _BITPIX:
        raise DamagedFile(f"its header has BITPIX = {bitpix}, and one of {_BITPIX} is needed")
    axes = [hdu.integer(f"NAXIS{i + 1}", 0, 2**48) for i in range(hdu.integer("NAXIS", 0, 99))]
    if not axes:
        return 0
    groups = axes[0] == 0 and hdu.cards.get("GROUPS") is True
    values = math.prod(axes[1:] if groups else axes) + hdu.integer("PCOUNT", 0, 2**48, 0)
    return abs(bitpix) // 8 * values * hdu.integer("GCOUNT", 0, 2**48, 1)


def _check_size(hdu: Hdu, size: int) -> None:
    if hdu.data + hdu.size > size:
        lack = hdu.data + hdu.size - size
        raise DamagedFile(f"its header promises {hdu.size:,} bytes of data, of which the last {lack:,} are not there")


def _check_cards(hdu: Hdu) -> None:
    for keyword, value in hdu.cards.items():
        for pattern, low, high in _LIMITS:
            if pattern.fullmatch(keyword):
                hdu.integer(keyword, low, high)
        if value is not None and _REALS.fullmatch(keyword):
            _check_real(keyword, value)
        if keyword == "EQUINOX" and value is not None and not (isinstance(value, str) and _EQUINOX.fullmatch(value)):
            _check_real(keyword, value)
        if value is not None and _WORDS.fullmatch(keyword) and not isinstance(value, str):
            raise DamagedFile(f"its header has {keyword} = {value!r}, and text in quotes is needed")


def _check_real(keyword: str, value: Value) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DamagedFile(f"its header has {keyword} = {value!r}, and a number is needed")


# -- tables -----------------------------------------------------------------------------------------------------------


def _check_table(file: BinaryIO, hdu: Hdu) -> None:
    """Check that the columns of a binary table fill its rows, and that its descriptors point into its heap."""
    if hdu.cards.get("XTENSION") != "BINTABLE":
        return
    width, rows = hdu.integer("NAXIS1", 0, 2**48), hdu.integer("NAXIS2", 0, 2**48)
    if hdu.cards.get("BITPIX") != 8 or hdu.cards.get("NAXIS") != 2:
        raise DamagedFile("its table does not have BITPIX = 8 and NAXIS = 2")
    columns = [_column(hdu, i + 1) for i in range(hdu.integer("TFIELDS", 0, 999))]
    if sum(column.width for column in columns) != width:
        raise DamagedFile(f"the columns of its table do not fill the {width} bytes of a row")
    heap = hdu.integer("THEAP", width * rows, 2**48, width * rows)
    heap_size = hdu.size - heap
    offset, longest = 0, 0
    for column in columns:
        if column.element and column.repeat and rows:
            longest = max(longest, _check_descriptors(file, hdu, column, offset, heap_size))
        offset += column.width
    if hdu.is_compressed:
        _check_compressed(hdu, heap_size, longest)


@dataclass(frozen=True)
class _Column:
    repeat: int
    width: int
    descriptor: str
    element: str


def _column(hdu: Hdu, number: int) -> _Column:
    form = hdu.cards.get(f"TFORM{number}")
    match = _TFORM.match(form.strip()) if isinstance(form, str) else None
    if match is None:
        raise DamagedFile(f"its header has TFORM{number} = {form!r}, which is no format of a column")
    repeat, code, element = int(match[1] or 1), match[2], match[3] or ""
    if repeat > 2**40 or (code in "PQ" and (repeat > 1 or not element)):
        raise DamagedFile(f"its header has TFORM{number} = {form!r}, which is no format of a column")
    _check_dimensions(hdu, number, repeat, code)
    width = -(-repeat // 8) if code == "X" else repeat * _WIDTHS[code]
    return _Column(repeat, width, code if code in "PQ" else "", element if code in "PQ" else "")


def _check_dimensions(hdu: Hdu, number: int, repeat: int, code: str) -> None:
    form = hdu.cards.get(f"TDIM{number}")
    if form is None or code in "PQ":
        return
    lengths = re.fullmatch(r"\(\s*\d{1,18}(?:\s*,\s*\d{1,18})*\s*\)", form.strip()) if isinstance(form, str) else None
    if lengths is None or math.prod(int(part) for part in lengths[0].strip("()").split(",")) > repeat:
        raise DamagedFile(f"its header has TDIM{number} = {form!r}, which does not fit the column")


def _check_descriptors(file: BinaryIO, hdu: Hdu, column: _Column, offset: int, heap_size: int) -> int:
    """Compare the descriptors of one column with the heap, and return the size of the longest array [bytes]."""
    import numpy as np

    width, rows = hdu.integer("NAXIS1", 1, 2**48), hdu.integer("NAXIS2", 1, 2**48)
    file.seek(hdu.data)
    table = np.frombuffer(file.read(width * rows), np.uint8).reshape(rows, width)
    kind = ">i4" if column.descriptor == "P" else ">i8"
    pairs = np.ascontiguousarray(table[:, offset : offset + column.width]).view(kind).astype(np.int64)
    count, start = pairs[:, 0], pairs[:, 1]
    size = 1 if column.element == "X" else _WIDTHS[column.element]
    filled = count != 0
    wrong = (
        (count < 0)
        | (count > heap_size // size)
        | (filled & ((start < 0) | (start > heap_size - np.minimum(count, heap_size) * size)))
    )
    if wrong.any():
        raise DamagedFile(f"row {int(np.flatnonzero(wrong)[0]) + 1} of its table points outside of the file's data")
    return int(count.max(initial=0)) * size


# -- compressed images ------------------------------------------------------------------------------------------------


def _check_compressed(hdu: Hdu, heap_size: int, longest: int) -> None:
    axes = [hdu.integer(f"ZNAXIS{i + 1}", 1, 2**31 - 1) for i in range(hdu.integer("ZNAXIS", 1, 9))]
    tiles = [hdu.integer(f"ZTILE{i + 1}", 1, 2**31 - 1, axis if i == 0 else 1) for i, axis in enumerate(axes)]
    bitpix, kind = hdu.integer("ZBITPIX", -64, 64), hdu.cards.get("ZCMPTYPE")
    if bitpix not in _BITPIX or kind not in _COMPRESSED:
        raise DamagedFile(f"its header has ZBITPIX = {bitpix} and ZCMPTYPE = {kind!r}, which is no compressed image")
    count = math.prod(-(-axis // tile) for axis, tile in zip(axes, tiles, strict=True))
    if count != hdu.cards.get("NAXIS2"):
        raise DamagedFile(f"its image has {count:,} tiles and {hdu.cards.get('NAXIS2')} rows that hold them")
    pixels = math.prod(axes)
    if pixels > max(_FEW_PIXELS, _MOST_PIXELS_PER_BYTE * heap_size):
        raise DamagedFile(f"its {heap_size:,} bytes would become {pixels:,} pixels")
    if longest > max(1 << 20, 16 * math.prod(min(pair) for pair in zip(axes, tiles, strict=True))):
        raise DamagedFile("a compressed tile is longer than its pixels")
    for number in range(1, 100):
        if f"ZNAME{number}" not in hdu.cards:
            break
        _check_parameter(hdu, number)


def _check_parameter(hdu: Hdu, number: int) -> None:
    name, value = hdu.cards[f"ZNAME{number}"], f"ZVAL{number}"
    allowed = {"BLOCKSIZE": (16, 32), "BYTEPIX": (1, 2, 4, 8)}.get(str(name))
    if allowed and hdu.cards.get(value) not in allowed:
        raise DamagedFile(f"its header has {name} = {hdu.cards.get(value)!r}, and one of {allowed} is needed")
    if not allowed and value in hdu.cards and not isinstance(hdu.cards[value], str):
        _check_real(value, hdu.cards[value])


# -- checksums --------------------------------------------------------------------------------------------------------


def _check_sums(file: BinaryIO, hdu: Hdu) -> None:
    data_sum, checksum = hdu.cards.get("DATASUM"), hdu.cards.get("CHECKSUM")
    if isinstance(data_sum, str) and data_sum.strip().isdigit():
        data_sum = int(data_sum.strip())
    has_data, has_checksum = (
        isinstance(data_sum, int) and data_sum > 0,
        isinstance(checksum, str) and len(checksum) == 16,
    )
    if not (has_data or has_checksum):
        return
    data = _ones_complement(file, hdu.data, hdu.end)
    if has_data and data != data_sum:
        raise DamagedFile(f"its data do not agree with its DATASUM card{_STALE}")
    if has_checksum and _add(_ones_complement(file, hdu.start, hdu.data), data) not in (0, 0xFFFFFFFF):
        raise DamagedFile(f"its header does not agree with its CHECKSUM card{_STALE}")


def _ones_complement(file: BinaryIO, start: int, end: int) -> int:
    """The 32-bit ones' complement sum of a part of the file; missing padding counts as zeros."""
    import numpy as np

    file.seek(start)
    total, left = 0, end - start
    while left > 0:
        part = file.read(min(left, 1 << 22))
        if not part:
            break
        left -= len(part)
        words = np.frombuffer(part + bytes(-len(part) % 4), ">u4")
        total = _add(total, int(words.sum(dtype=np.uint64)))
    return total


def _add(a: int, b: int) -> int:
    total = a + b
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total
