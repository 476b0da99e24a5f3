"""Seeded damage to the bytes of a file, and to what stands in its place.

Half of the time the bytes are damaged without knowledge of the format; half of the time a valid value, key, card, shape
or column is replaced by one that a reader does not expect, and what was packed is packed again with a right checksum.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

__all__ = ["damaged", "in_its_place", "remove"]

Rng = np.random.Generator
_BOMB: Final = 200_000_000
"""Zeros that are packed in a small file [bytes]."""


def damaged(content: bytes, kind: str, rng: Rng) -> tuple[bytes, str]:
    """One damage: the bytes, and whether they are ``"bytes"`` that changed or it was ``"made"`` in its format."""
    if rng.random() < 0.02:
        return (gzip.compress(content) if rng.random() < 0.7 else _bomb()), "made"
    if kind in _MAKERS and rng.random() < 0.5:
        try:
            return _MAKERS[kind](content, rng), "made"
        except Exception:  # of a value that this writer cannot write: the bytes are damaged instead
            pass
    changed = _byte_damage(content, rng)
    # The checksums of FITS are sums: they are the same for words in another order.
    moved = content.startswith(b"SIMPLE") and len(changed) == len(content) and sorted(changed) == sorted(content)
    return changed, "made" if moved else "bytes"


def _one(choices: Any, rng: Rng) -> Any:
    return choices[int(rng.integers(len(choices)))]


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(_BOMB), 1)


# -- bytes ------------------------------------------------------------------------------------------------------------

_MARKS: Final = re.compile(
    rb"PK\x01\x02|PK\x03\x04|PK\x05\x06|IDAT|IEND|\xff[\xc0-\xc4\xd8-\xdb]|PAR1|TREE|HEAP|SNOD|\n"
)
"""Where a part of a ZIP, PNG, JPEG, Parquet, HDF5 or text file begins."""
_WORDS: Final = (
    *(b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\xff" * 8, b"\0" * 8, b"\x00\x00\x00\x80"),
    *(b"\x7f\xc0\0\0", b"\0\0\xc0\x7f", b"\xff\x80\0\0", b"\x7f\xf8" + bytes(6), bytes(6) + b"\xf0\x7f"),  # NaN, inf
)


def _byte_damage(content: bytes, rng: Rng) -> bytes:
    data, size = bytearray(content), len(content)
    at, length = int(rng.integers(size)), int(rng.integers(1, max(2, min(size, 600))))
    match int(rng.integers(12)):
        case 0 | 1 | 2:
            for _ in range(int(rng.choice([1, 1, 3, 20]))):
                data[int(rng.integers(size))] ^= 1 << int(rng.integers(8))
        case 3:
            del data[at:]
        case 4 | 5:
            del data[_boundary(content, rng) :]
        case 6:
            data[at : at + length] = bytes(len(data[at : at + length]))
        case 7:
            data[at:at] = data[at : at + length]
        case 8:
            data[at : at + length] = rng.bytes(len(data[at : at + length]))
        case 9:
            word = _one(_WORDS, rng)
            at = int(rng.integers(min(size, 4096))) if rng.random() < 0.5 else at
            data[at : at + len(word)] = word
        case 10:
            _swap_blocks(data, rng)
        case _:
            del data[at : at + length]
    return bytes(data)


def _boundary(content: bytes, rng: Rng) -> int:
    """Where one part of the file ends and another begins."""
    size, block = len(content), int(_one((512, 2880, 4096), rng))
    match int(rng.integers(3)):
        case 0:
            marks = [mark.start() + int(rng.integers(2)) * len(mark[0]) for mark in _MARKS.finditer(content)]
            return int(_one(marks or [0], rng))
        case 1:
            return int(rng.integers(size // block + 1)) * block
        case _:
            return max(0, int(_one((0, 1, 4, 8, 10, 16, 100, 128, size - 16, size - 8, size - 4, size - 1), rng)))


def _swap_blocks(data: bytearray, rng: Rng) -> None:
    block = int(_one((512, 2880, 4096), rng))
    one, other = (int(place) * block for place in rng.integers(len(data) // block + 1, size=2))
    first, second = data[one : one + block], data[other : other + block]
    if len(first) == len(second):
        data[one : one + block], data[other : other + block] = second, first


# -- JSON and text ----------------------------------------------------------------------------------------------------

_ODD: Final[tuple[Any, ...]] = (
    *(None, True, "", "x", -1, 0, 2**31 - 1, 2**40, 2**63, 10**30, 1e308, -1.5, [], {}, [1, "a", None], {"a": 1}),
    *("\x00", "\ud7ff", "../../etc/passwd", "9" * 400, float("nan"), float("inf"), "![a](http://localhost:1/a)"),
)


def _json_damage(content: bytes, rng: Rng) -> bytes:
    match int(rng.integers(20)):
        case 0:
            return b"[" * 200_000 if rng.random() < 0.5 else b'{"a":' * 5000
        case 1:
            return _other_encoding(content, rng)
    value = json.loads(content)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(value)
    node, key = places[int(rng.integers(len(places)))]
    match int(rng.integers(4)):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[f"{key}_of_tomorrow"] = _one(_ODD, rng)
        case _:
            node[key] = _one(_ODD, rng)
    return json.dumps(value).encode()


def _other_encoding(content: bytes, rng: Rng) -> bytes:
    text = content.decode()
    return bytes(
        _one(
            (
                b"\xef\xbb\xbf" + content,
                text.encode("utf-16"),
                text.encode("utf-32"),
                content.replace(b"\n", b"\r\n"),
                content.replace(b"\n", b"\r"),
                content.replace(b"\n", b" "),
                content.replace(b"a", b"\xe9"),
                content + b"\0" * 100,
            ),
            rng,
        )
    )


_CELLS: Final = (
    *(b"\xff\xfe", b"\0", b'"', b"1e999", b"9" * 5000, b"nan", b"inf", b"-inf", b"-1", b"", b"=1+1", b"<script>"),
    *(b"x" * 200_000, b"," * 20_000, b'"' + b"x\n" * 50, b"\xc2\xa0", b"0x1F", b"1_000", b"True", b"12:34:56"),
)


def _text_damage(content: bytes, rng: Rng) -> bytes:
    lines = content.split(b"\n")
    at = int(rng.integers(len(lines)))
    cells = lines[at].split(b",")
    match int(rng.integers(9)):
        case 0:
            lines[at] += b",1,2,3"
        case 1:
            del lines[at]
        case 2:
            lines[at:at] = [lines[at]] * 2
        case 3:
            lines = lines[:1]
        case 4:
            names = lines[0].split(b",")
            names[-1] = names[0]  # a name twice
            lines[0] = b",".join(names)
        case 5:
            return _other_encoding(content, rng)
        case _:
            cells[int(rng.integers(len(cells)))] = _one(_CELLS, rng)
            lines[at] = b",".join(cells)
    return b"\n".join(lines)


_LAUGHS: Final = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
_PROLOGUES: Final = (
    f'<?xml version="1.0"?><!DOCTYPE V [<!ENTITY l0 "lol">{_LAUGHS}]>'.encode(),
    b'<?xml version="1.0"?><!DOCTYPE V [<!ENTITY l9 SYSTEM "file:///etc/hostname">]>',
    b'<?xml version="1.0" encoding="UTF-16"?>',
    b'<?xml version="1.0" encoding="x-none"?>',
)


def _xml_damage(content: bytes, rng: Rng) -> bytes:
    match int(rng.integers(6)):
        case 0:
            start = content.index(b"?>") + 2 if content.startswith(b"<?xml") else 0
            return bytes(_one(_PROLOGUES, rng)) + content[start:].replace(b"<TD>", b"<TD>&l9;", 1)
        case 1:
            return content.replace(b"<TABLE", b"<G>" * 20_000 + b"<TABLE", 1)
        case 2:
            tags = list(re.finditer(rb"<[^>]*>", content))
            tag = tags[int(rng.integers(len(tags)))]
            return content[: tag.start()] + (tag[0] * 2 if rng.random() < 0.5 else b"") + content[tag.end() :]
        case 3:
            return _text_damage(content, rng)
        case _:
            values = list(re.finditer(rb'(?<==")[^"]*', content))
            value = values[int(rng.integers(len(values)))]
            odd = (
                b"",
                b"99999999999",
                b"-1",
                b"*",
                b"9999999999x9999999999*",
                b"double",
                b"bit",
                b"char",
                b"x" * 99_999,
            )
            return content[: value.start()] + bytes(_one(odd, rng)) + content[value.end() :]


_YAML: Final = (
    b"# a: &a [x,x,x,x,x,x,x,x,x]\n# b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n# c: [*b,*b,*b,*b,*b,*b,*b,*b,*b]",
    b"# - !!python/object/apply:os.system ['false']",
    b"# - {name: ra, datatype: object, subtype: json}",
    b"# - {name: ra, datatype: float64, subtype: 'float64[99999999999]'}",
    b"# datatype: 3",
    b"# " + b"[" * 20_000,
    b"# - {name: ra, datatype: string}",
    b"# meta: !!omap [{__serialized_columns__: {ra: {__class__: astropy.units.Quantity}}}]",
)


def _ecsv_damage(content: bytes, rng: Rng) -> bytes:
    lines = content.split(b"\n")
    header = [number for number, line in enumerate(lines) if line.startswith(b"#")]
    if rng.random() < 0.5:
        return _text_damage(content, rng)
    lines[int(_one(header, rng))] = _one(_YAML, rng)
    return b"\n".join(lines)


# -- FITS -------------------------------------------------------------------------------------------------------------

_VALUES: Final = (
    *("2147483647", "-1", "0", "99999999999999", "9223372036854775807", "-2147483648", "'text'", "T", "F", "1E400"),
    *("NaN", "3.7", "", "'", "1 2", "(1,2)", "7", "1", "-32", "'9999999999E'", "'1PE(99999999)'", "'A3D'", "'(-1,5)'"),
    *("'(99999999,99999999)'", "'RICE_1'", "'GALLERY'", "'0E'", "'1QD'", "-0.0", "1E-320"),
)
_KEYWORDS: Final = (
    *("NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "BITPIX", "PCOUNT", "GCOUNT", "GROUPS", "TFIELDS", "TFORM1", "TFORM2"),
    *("TDIM1", "TDIM2", "TNULL1", "TSCAL1", "TZERO1", "TTYPE1", "TTYPE2", "THEAP", "ZIMAGE", "ZNAXIS", "ZNAXIS1"),
    *("ZTILE1", "ZTILE2", "ZVAL1", "ZVAL2", "ZBITPIX", "ZCMPTYPE", "ZSCALE", "ZZERO", "ZBLANK", "ZQUANTIZ", "ZDITHER0"),
    *("BLANK", "BSCALE", "BZERO", "CRVAL1", "CRPIX2", "CD1_1", "CDELT1", "CTYPE1", "CUNIT1", "WCSAXES", "EQUINOX"),
    *(
        "RADESYS",
        "EXTEND",
        "XTENSION",
        "SIMPLE",
        "INHERIT",
        "A_ORDER",
        "PV1_1",
        "LONPOLE",
        "EXTNAME",
        "FILTER",
        "BUNIT",
    ),
)


def _fits_damage(content: bytes, rng: Rng) -> bytes:
    data = bytearray(content)
    cards = [m.start() for m in re.finditer(rb"[A-Z0-9_-]{1,8} *= ", content) if m.start() % 80 == 0]
    at = int(_one(cards, rng))
    match int(rng.integers(8)):
        case 0:
            other = int(_one(cards, rng))
            data[at : at + 80] = data[other : other + 80]
        case 1:
            data[at : at + 8] = b"COMMENT "
        case 2:
            headers = [m.start() for m in re.finditer(rb"SIMPLE  =|XTENSION=", content) if m.start() % 2880 == 0]
            one, other = (int(_one(headers, rng)) for _ in range(2))
            data[one : one + 2880], data[other : other + 2880] = data[other : other + 2880], data[one : one + 2880]
        case 3 | 4:
            _set_card(data, str(_one(_KEYWORDS, rng)), _card_value(rng), rng)
        case _:
            data[at + 10 : at + 80] = _card_value(rng)
    return bytes(data)


def _card_value(rng: Rng) -> bytes:
    return f"{_one(_VALUES, rng):>20}".ljust(70)[:70].encode()


def _set_card(data: bytearray, keyword: str, value: bytes, rng: Rng) -> None:
    """Add a card at the end of a header that has room for it, or replace the one that is there."""
    ends = [m.start() for m in re.finditer(rb"END {77}", bytes(data)) if m.start() % 80 == 0]
    end = int(_one(ends, rng))
    if (end + 80) % 2880 == 0:
        raise ValueError("no room")
    header = bytes(data[max(0, end - 2880 * 3) : end])
    there = [m.start() for m in re.finditer(f"{keyword:8}= ".encode(), header) if m.start() % 80 == 0]
    at = end - len(header) + there[-1] if there else end
    data[at : at + 80] = f"{keyword:8}= ".encode() + value
    if not there:
        data[end + 80 : end + 160] = b"END".ljust(80)


# -- NumPy, ZIP and gzip ----------------------------------------------------------------------------------------------

_SHAPES: Final = (
    *("(2147483647, 2147483647)", "(-1,)", "()", "(3, 4)", "(10**9,)", "('a',)", "(1.5,)", "(0,)"),
    *("(4611686018427387904,)", "(True,)", "(0, 9223372036854775807)"),
)
_TYPES: Final = (
    *("'|O'", "'<f8'", "'<i2'", "'>f4'", "'|V0'", "'<U9999999'", "[('a', '<f4')]", "'x'", "3", "'<M8[ns]'", "'|b1'"),
    *("'<c8'", "[('a', '|O')]", "'|S0'"),
)


def _npy_damage(content: bytes, rng: Rng) -> bytes:
    if rng.random() < 0.25:
        return _other_array(content, rng)
    head = content[:10] + content[10 : 10 + int.from_bytes(content[8:10], "little")]
    text = head[10:].decode("latin-1")
    if rng.random() < 0.5:
        text = re.sub(r"\(.*?\)", str(_one(_SHAPES, rng)), text, count=1)
    else:
        text = re.sub(r"'descr': [^,]*", f"'descr': {_one(_TYPES, rng)}", text, count=1)
    text = text.rstrip() + " " * (-(len(text.rstrip()) + 11) % 64) + "\n"
    return content[:8] + len(text).to_bytes(2, "little") + text.encode("latin-1") + content[len(head) :]


def _other_array(content: bytes, rng: Rng) -> bytes:
    """A valid file with another array."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    out = io.BytesIO()
    match int(rng.integers(6)):
        case 0:
            array = array[: len(array) // 2]
        case 1:
            array = array[..., None]
        case 2:
            array = array.astype(str)
        case 3:
            array = np.full_like(array, np.nan if array.dtype.kind == "f" else -1)
        case 4:
            array = array.astype(np.float64) * 1e300
        case _:
            array = np.zeros(0, array.dtype)
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _inner(content: bytes, rng: Rng) -> bytes:
    """What is packed, damaged before it is packed: its checksum is right."""
    if rng.random() < 0.02:
        return bytes(_BOMB)
    kinds = {b"SIMPLE": "fits", b"\x93NUMPY": "npy", b"\x89HDF": "hdf5", b"{": "json", b"[": "json"}
    kind = next((kind for start, kind in kinds.items() if content.startswith(start)), "text")
    return damaged(content, kind, rng)[0]


def _zip_damage(content: bytes, rng: Rng) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        chosen, change = str(_one(names, rng)), rng.random()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED) as new:
            for name in names:
                if name != chosen:
                    new.writestr(name, archive.read(name))
                elif change < 0.1:
                    new.writestr(
                        str(_one(("../../out.npy", "/out.npy", "other.npy", "x" * 5000), rng)), archive.read(name)
                    )
                elif change > 0.2:
                    new.writestr(name, _inner(archive.read(name), rng))
    return out.getvalue()


def _gzip_damage(content: bytes, rng: Rng) -> bytes:
    plain = gzip.decompress(content)
    return gzip.compress(content) if rng.random() < 0.1 else gzip.compress(_inner(plain, rng), 1)


def _bzip2_damage(content: bytes, rng: Rng) -> bytes:
    plain = bz2.decompress(content)
    return bz2.compress(content) if rng.random() < 0.1 else bz2.compress(_inner(plain, rng))


# -- SQLite, Parquet and HDF5 -----------------------------------------------------------------------------------------

_ENDLESS: Final = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS row, x AS galaxy_id FROM n"
)
_COLUMN_VALUES: Final = (None, "x", -1, 2**62, 1e308, b"\xff\x00", "9" * 3000, 1.5, "nan", "\x00", float("inf"))


def _sqlite_damage(content: bytes, rng: Rng) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.sqlite"
        file.write_bytes(content)
        connection = sqlite3.connect(file)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = str(_one([name for name in names if not name.startswith("sqlite_")], rng))
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        _change_table(connection, table, str(_one(columns, rng)), rng)
        connection.commit()
        connection.close()
        return file.read_bytes()


def _change_table(connection: sqlite3.Connection, table: str, column: str, rng: Rng) -> None:
    match int(rng.integers(9)):
        case 0:
            connection.execute(f"DROP TABLE {table}")
        case 1:
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}_new")
        case 2:
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"CREATE VIEW {table} AS {_ENDLESS}")
        case 3:
            act = _one(("INSERT", "DELETE"), rng)
            connection.execute("CREATE TABLE sink (row)")
            body = f"INSERT INTO sink SELECT row FROM ({_ENDLESS});"
            connection.execute(f"CREATE TRIGGER endless AFTER {act} ON {table} BEGIN {body} END")
        case _:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            value = _one(_COLUMN_VALUES, rng)
            connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid % 3 = 1", (value,))


def _parquet_damage(content: bytes, rng: Rng) -> bytes:
    frame = pd.read_parquet(io.BytesIO(content))
    name = str(frame.columns[int(rng.integers(frame.shape[1]))])
    match int(rng.integers(8)):
        case 0:
            frame = frame.drop(columns=name)
        case 1:
            frame[name] = frame[name].astype(str)
        case 2:
            frame[name] = None
        case 3:
            frame = frame.rename(columns={name: "other"})
        case 4:
            frame = frame.iloc[: len(frame) // 2]
        case 5:
            frame[name] = [[1, 2]] * len(frame)
        case 6:
            return _hostile_schema(content, name, rng)
        case _:
            return _run_of_one_value(name)
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def _hostile_schema(content: bytes, name: str, rng: Rng) -> bytes:
    """A name twice, or a column of a type that a catalogue never has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    n, place = len(table), table.column_names.index(name)
    columns = (
        pa.array([{"a": {"b": [1.0]}}] * n),
        pa.array([[("k", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        pa.array([b"\xff\xfe"] * n),
        pa.array(["9"] * n).cast(pa.decimal128(38, 10)),
        pa.array([2**62] * n, pa.timestamp("s")),
        pa.array(["x"] * n).dictionary_encode(),
        pa.array([float("nan"), float("inf")] * n, pa.float64())[:n],
        pa.nulls(n),
        pa.array([2**64 - 1] * n, pa.uint64()),
        pa.array([True] * n),
    )
    table = table.set_column(place, name, columns[int(rng.integers(len(columns)))])
    if rng.random() < 0.25:
        table = table.append_column(name, table.column(place))
    if rng.random() < 0.25:
        table = table.replace_schema_metadata({"pandas": '{"columns": 3, "index_columns": [{"kind": "range"}]}'})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _run_of_one_value(name: str) -> bytes:
    """A bomb: one value 30,000,000 times takes no room."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    with pq.ParquetWriter(out, pa.schema([(name, pa.int64())]), compression="zstd") as writer:
        part = pa.table({name: np.full(3_000_000, 7)})
        for _ in range(10):
            writer.write_table(part)
    return out.getvalue()


def _hdf5_damage(content: bytes, rng: Rng) -> bytes:
    import h5py

    data = io.BytesIO(content)
    with h5py.File(data, "r+") as file:
        name = str(_one([name for name in file if isinstance(file[name], h5py.Dataset)] or list(file), rng))
        match int(rng.integers(10)):
            case 0:
                del file[name]
            case 1:
                file[name] = _popped(file, name).astype("f4")
            case 2:
                file[name] = _popped(file, name)[:1]
            case 3:
                shape = _popped(file, name).shape
                file.create_dataset(name, (100_000, *shape[1:]), "u1", chunks=(1000, *shape[1:]), compression="gzip")
            case 4:
                del file[name]
                file[name] = h5py.ExternalLink("/etc/hostname", "/")
            case 5:
                del file[name]
                file[name] = h5py.SoftLink(f"/{name}")
            case 6:
                values = _popped(file, name)
                file.create_dataset(name, data=[str(value)[:5] for value in np.ravel(values)[:12]])
            case 7:
                shape = _popped(file, name).shape
                file.create_virtual_dataset(name, h5py.VirtualLayout(shape, "u1"))
            case 8:
                del file[name]
                file.create_group(name)
            case _:
                shape = _popped(file, name).shape
                file.create_dataset(name, (2**40,), "u1", chunks=(2**28,))
    return data.getvalue()


def _popped(file: Any, name: str) -> Any:
    values = file[name][()]
    del file[name]
    return values


# -- pictures ---------------------------------------------------------------------------------------------------------


def _picture_damage(content: bytes, rng: Rng) -> bytes:
    from PIL import Image, PngImagePlugin

    form = "PNG" if content.startswith(b"\x89PNG") else "JPEG"
    picture, out = Image.open(io.BytesIO(content)), io.BytesIO()
    match int(rng.integers(9)):
        case 0:
            return _large_png()
        case 1 if form == "JPEG":
            at = content.index(b"\xff\xc0")
            return content[: at + 5] + b"\xff\xff\xff\xff" + content[at + 9 :]
        case 2:
            picture.convert(str(_one(("L", "1", "P", "CMYK", "LA", "I;16", "RGBA"), rng))).save(out, form)
        case 3:
            picture.save(out, str(_one(("GIF", "BMP", "TIFF", "EPS", "ICO", "WEBP", "PPM"), rng)))
        case 4:
            exif = picture.getexif()
            exif[0x0112], exif[0x010E] = int(rng.integers(10)), "x" * 30_000
            picture.save(out, form, exif=exif)
        case 5:
            picture.save(out, form, icc_profile=rng.bytes(40_000))
        case 6 if form == "PNG":
            words = PngImagePlugin.PngInfo()
            words.add_text("bomb", "x" * 90_000_000, zip=True)
            picture.save(out, form, pnginfo=words)
        case 7 if form == "PNG":
            picture.save(out, form, save_all=True, append_images=[picture.rotate(90)] * 3)
        case _:
            picture.resize((1, 1)).save(out, form)
    return out.getvalue()


def _large_png() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few kilobytes."""
    header = (30_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(20_000_000), 1)), (b"IEND", b"")]
    parts = [
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


_MAKERS: Final[dict[str, Callable[[bytes, Rng], bytes]]] = {
    "json": _json_damage,
    "text": _text_damage,
    "xml": _xml_damage,
    "ecsv": _ecsv_damage,
    "fits": _fits_damage,
    "npy": _npy_damage,
    "zip": _zip_damage,
    "gz": _gzip_damage,
    "bz2": _bzip2_damage,
    "sqlite": _sqlite_damage,
    "parquet": _parquet_damage,
    "hdf5": _hdf5_damage,
    "picture": _picture_damage,
}


# -- what is no file --------------------------------------------------------------------------------------------------


def in_its_place(path: Path, rng: Rng) -> None:
    """Something else in the place of a file: nothing, a folder, a pipe, a device, a link, or a file without rights."""
    content = path.read_bytes()
    path.unlink()
    match int(rng.integers(8)):
        case 0:
            path.touch()
        case 1:
            path.mkdir()
        case 2:
            os.mkfifo(path)
        case 3:
            path.symlink_to(str(_one(("/dev/zero", "/dev/null", "/dev/stdin"), rng)))
        case 4:
            path.symlink_to(path.name)  # to itself
        case 5:
            path.symlink_to(f"{path.name}-nowhere")
        case 6:
            path.with_name(f"{path.name}-elsewhere").write_bytes(content)
            path.symlink_to(f"{path.name}-elsewhere")
        case _:
            path.write_bytes(content)
            path.chmod(0)


def remove(path: Path) -> None:
    """Remove what is in the place of a file, and what was left beside it."""
    for each in (path, *path.parent.glob(f"{path.name}-*")):
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)
