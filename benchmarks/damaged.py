"""Damaged files through every reader: what is refused in a sentence, and what is not.

    python benchmarks/damaged.py --files 20000 --folder FOLDER [--seed 1] [--only catalogue]

Each kind of file is made valid, damaged in a seeded way, and read by the public function that reads it. Counted are
tracebacks (an error that is not of this package), crashes and hangs of the process, files that took more than 2 s of
processor time or 500 MB, and files that were accepted with other values than the undamaged one although the format has
a checksum of what was damaged. A format without checksums cannot notice that 0.31 became 0.81; such files are counted
by themselves. What was found stands in FOLDER: interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import hashlib
import io
import json
import os
import pickle
import queue
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SECONDS, MEGABYTES, PATIENCE = 2.0, 500, 30.0
"""Allowed for a file: processor time, memory; the process is taken for hung after so many seconds."""
OUTCOMES = ("refused", "same", "unnoticeable", "other", "traceback", "crash", "hang", "slow", "memory")
BAD = OUTCOMES[3:]
FIRST_ID = 588015507658768484
IMAGE_BANDS = ("u", "g", "r", "i", "z")
COMPRESSED = {"rice.fits": "RICE_1", "gzip.fits": "GZIP_1", "hcompress.fits": "HCOMPRESS_1", "plio.fits": "PLIO_1"}
Rng = np.random.Generator


@dataclass(frozen=True)
class Subject:
    """A kind of file, and the reader that reads it.

    Attributes
    ----------
    name : str
        ``group/kind``.
    file : str
        The file in the fixture's folder that is damaged.
    read : callable
        From the fixture's folder to what the reader gives.
    checked : bool
        Whether a checksum covers everything that decides on the values.
    kind : str
        How it can be damaged beside its bytes: ``"json"``, ``"fits"``, ``"npy"``, ``"zip"``, ``"gz"``, ``"bz2"``,
        ``"sqlite"``, ``"parquet"``, ``"text"``, or "".
    """

    name: str
    file: str
    read: Callable[[Path], Any]
    checked: bool = False
    kind: str = ""


# -- damage -----------------------------------------------------------------------------------------------------------


def damaged(content: bytes, kind: str, rng: Rng, spoil: bool = True) -> tuple[bytes, str]:
    """One damage: the bytes, and whether they are ``"bytes"`` that changed or it was ``"made"`` in its format."""
    makers: dict[str, Callable[[bytes, Rng], bytes]] = {
        "json": _json_damage,
        "fits": _fits_damage,
        "npy": _npy_damage,
        "zip": _zip_damage,
        "gz": lambda content, rng: gzip.compress(_inner(gzip.decompress(content), rng), 1),
        "bz2": lambda content, rng: bz2.compress(_inner(bz2.decompress(content), rng)),
        "sqlite": _sqlite_damage,
        "parquet": _parquet_damage,
        "text": _text_damage,
    }
    if spoil and kind in makers and rng.random() < 0.5:
        try:
            return makers[kind](content, rng), "made"
        except Exception:  # of a value that this writer cannot write: the bytes are damaged instead
            pass
    return _byte_damage(content, rng), "bytes"


def _byte_damage(content: bytes, rng: Rng) -> bytes:
    data, size = bytearray(content), len(content)
    at, length = int(rng.integers(size)), int(rng.integers(1, max(2, min(size, 600))))
    match int(rng.integers(10)):
        case 0 | 1 | 2:
            for _ in range(int(rng.choice([1, 1, 3, 20]))):
                data[int(rng.integers(size))] ^= 1 << int(rng.integers(8))
        case 3:
            del data[at:]
        case 4:
            del data[max(0, at // 512 * 512) :]
        case 5:
            data[at : at + length] = bytes(len(data[at : at + length]))
        case 6:
            data[at:at] = data[at : at + length]
        case 7:
            data[at : at + length] = rng.bytes(len(data[at : at + length]))
        case 8:
            huge = [b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\xff" * 8, b"\0" * 8, b"\x00\x00\x00\x80"]
            word = huge[int(rng.integers(len(huge)))]
            at = int(rng.integers(min(size, 4096))) if rng.random() < 0.5 else at
            data[at : at + len(word)] = word
        case _:
            del data[at : at + length]
    return bytes(data)


ODD: tuple[Any, ...] = (
    *(None, True, "", "x", -1, 0, 2**31 - 1, 2**40, 2**63, 10**30, 1e308, -1.5, [], {}, [1, "a", None], {"a": 1}),
    *("\x00", "\ud7ff", "../../etc/passwd", "9" * 400, float("nan"), float("inf")),
)


def _odd(rng: Rng) -> Any:
    return ODD[int(rng.integers(len(ODD)))]


def _json_damage(content: bytes, rng: Rng) -> bytes:
    if rng.random() < 0.05:
        return b"[" * 200_000 if rng.random() < 0.5 else b'{"a":' * 5000
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
            node[f"{key}_of_tomorrow"] = _odd(rng)
        case _:
            node[key] = _odd(rng)
    return json.dumps(value).encode()


CARDS = ("2147483647", "-1", "0", "99999999999999", "'text'", "T", "1E400", "NaN", "3.7", "", "'", "1 2", "(1,2)", "7")


def _fits_damage(content: bytes, rng: Rng) -> bytes:
    data = bytearray(content)
    starts = [m.start() // 80 * 80 for m in re.finditer(rb"[A-Z0-9_-]{1,8} *= ", content) if m.start() % 80 == 0]
    at = starts[int(rng.integers(len(starts)))]
    match int(rng.integers(6)):
        case 0:
            data[at : at + 80] = data[(other := starts[int(rng.integers(len(starts)))]) : other + 80]
        case 1:
            data[at : at + 8] = b"COMMENT "
        case _:
            value = CARDS[int(rng.integers(len(CARDS)))]
            data[at + 10 : at + 80] = f"{value:>20}".ljust(70)[:70].encode()
    return bytes(data)


def _npy_damage(content: bytes, rng: Rng) -> bytes:
    shapes = (
        "(2147483647, 2147483647)",
        "(-1,)",
        "()",
        "(3, 4)",
        "(10**9,)",
        "('a',)",
        "(1.5,)",
        "(0,)",
        "(4611686018427387904,)",
    )
    descr = ("'|O'", "'<f8'", "'<i2'", "'>f4'", "'|V0'", "'<U9999999'", "[('a', '<f4')]", "'x'", "3", "'<M8[ns]'")
    head = content[:10] + content[10 : 10 + int.from_bytes(content[8:10], "little")]
    text = head[10:].decode("latin-1")
    if rng.random() < 0.5:
        text = re.sub(r"\(.*?\)", shapes[int(rng.integers(len(shapes)))], text, count=1)
    else:
        text = re.sub(r"'descr': [^,]*", f"'descr': {descr[int(rng.integers(len(descr)))]}", text, count=1)
    text = text.rstrip() + " " * (-(len(text.rstrip()) + 11) % 64) + "\n"
    return content[:8] + len(text).to_bytes(2, "little") + text.encode("latin-1") + content[len(head) :]


def _inner(content: bytes, rng: Rng) -> bytes:
    """What is packed, damaged before it is packed: its checksum is right."""
    if rng.random() < 0.02:
        return bytes(200_000_000)
    if content.startswith(b"SIMPLE"):
        return damaged(content, "fits", rng)[0]
    if content.startswith(b"\x93NUMPY"):
        return damaged(content, "npy", rng)[0]
    return damaged(content, "json" if content[:1] in b"{[" else "text", rng)[0]


def _zip_damage(content: bytes, rng: Rng) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        chosen, drop = names[int(rng.integers(len(names)))], rng.random() < 0.15
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED) as new:
            for name in names:
                if name != chosen:
                    new.writestr(name, archive.read(name))
                elif not drop:
                    new.writestr(name, _inner(archive.read(name), rng))
    return out.getvalue()


def _sqlite_damage(content: bytes, rng: Rng) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.sqlite"
        file.write_bytes(content)
        connection = sqlite3.connect(file)
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = [name for name in tables if not name.startswith("sqlite_")]
        table = tables[int(rng.integers(len(tables)))]
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        column = columns[int(rng.integers(len(columns)))]
        values = (None, "x", -1, 2**62, 1e308, b"\xff\x00", "9" * 3000, 1.5, "nan", "\x00", float("inf"))
        endless = (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS row, x AS galaxy_id FROM n"
        )
        match int(rng.integers(8)):
            case 0:
                connection.execute(f"DROP TABLE {table}")
            case 1:
                connection.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}_new")
            case 2:
                connection.execute(f"DROP TABLE {table}")
                connection.execute(f"CREATE VIEW {table} AS {endless}")
            case _:
                value = values[int(rng.integers(len(values)))]
                connection.execute("PRAGMA ignore_check_constraints = ON")
                connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid % 3 = 1", (value,))
        connection.commit()
        connection.close()
        return file.read_bytes()


def _parquet_damage(content: bytes, rng: Rng) -> bytes:
    frame = pd.read_parquet(io.BytesIO(content))
    name = str(frame.columns[int(rng.integers(frame.shape[1]))])
    match int(rng.integers(7)):
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
        case _:
            return _run_of_one_value(name)
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
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


def _text_damage(content: bytes, rng: Rng) -> bytes:
    lines = content.split(b"\n")
    at = int(rng.integers(len(lines)))
    cells = lines[at].split(b",")
    odd = (b"\xff\xfe", b"\0", b'"', b"1e999", b"9" * 5000, b"nan", b"-1", b"", b"=1+1", b"<script>", b"x" * 200_000)
    match int(rng.integers(6)):
        case 0:
            lines[at] += b",1,2,3"
        case 1:
            del lines[at]
        case 2:
            lines[at:at] = [lines[at]] * 2
        case 3:
            lines = lines[:1]
        case _:
            cells[int(rng.integers(len(cells)))] = odd[int(rng.integers(len(odd)))]
            lines[at] = b",".join(cells)
    return b"\n".join(lines)


# -- the same values --------------------------------------------------------------------------------------------------


def digest(value: Any) -> str:
    """Of anything that a reader gives."""
    seen = hashlib.sha256()
    _digest(value, seen)
    return seen.hexdigest()


def _digest(value: Any, seen: Any) -> None:
    if isinstance(value, pd.DataFrame | pd.Series):
        seen.update(pickle.dumps(value.to_dict("list" if isinstance(value, pd.DataFrame) else "dict")))
    elif isinstance(value, np.ndarray):
        seen.update(f"{value.shape}{value.dtype.kind}".encode())
        plain = value.dtype.newbyteorder("=") if value.dtype.names is None else value.dtype
        seen.update(
            pickle.dumps(value.tolist()) if value.dtype.hasobject else np.ascontiguousarray(value, plain).tobytes()
        )
    elif is_dataclass(value) and not isinstance(value, type):
        for name in value.__dataclass_fields__:
            seen.update(name.encode())
            _digest(getattr(value, name), seen)
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            seen.update(str(key).encode())
            _digest(value[key], seen)
    elif isinstance(value, list | tuple):
        for each in value:
            _digest(each, seen)
    elif hasattr(value, "to_header"):  # a WCS
        seen.update(value.to_header_string().encode())
    else:
        seen.update(repr(value).encode())


# -- valid files ------------------------------------------------------------------------------------------------------


def subjects(heavy: bool = False) -> list[Subject]:
    """All kinds of files; those that need TensorFlow only with `heavy`."""
    from functools import partial

    if heavy:
        return [Subject("network/.keras", "net.keras", _network, True, "zip")]
    json_files = [
        ("survey/survey.json", "survey/survey.json", _survey_header),
        (
            "survey/provenance.json",
            f"{_ANALYSIS}/provenance.json",
            lambda at: {**vars(_analysis(at).provenance), "versions": ""},
        ),
        ("survey/search.json", f"{_ANALYSIS}/search.json", lambda at: _analysis(at).search),
        ("survey/quality.json", f"{_ANALYSIS}/quality.json", lambda at: _analysis(at).quality),
        ("survey/clusters.json", f"{_ANALYSIS}/clusters/clusters.json", lambda at: _clusters(at).clusters),
        ("survey/run.json", "survey/models/cnn/run.json", lambda at: (_model(at).run, _model(at).class_names)),
        ("survey/predictions.json", "survey/models/cnn/predictions.json", lambda at: _model(at).predictions_provenance),
        ("survey/evaluation.json", "survey/models/cnn/evaluation.json", lambda at: _model(at).evaluation),
        ("survey/check.json", "survey/models/cnn/check/check.json", _check),
        ("survey/latents.json", "survey/models/own/latents.json", _latents),
        ("survey/images zarr.json", "survey/cutouts.zarr/images/zarr.json", _images),
        (
            "survey/activations zarr.json",
            f"{_ANALYSIS}/activations.zarr/zarr.json",
            lambda at: _analysis(at).activations(),
        ),
        ("survey/truth zarr.json", "survey/truth.zarr/light/zarr.json", _truth),
        ("download/report.json", "survey/download/report.json", _report),
    ]
    cutouts = [
        ("fits", False, "fits"),
        ("sums.fits", True, ""),
        ("fits.gz", True, "gz"),
        ("fits.bz2", True, "bz2"),
        *((name, False, "fits") for name in COMPRESSED),
        ("npy", False, "npy"),
        ("npz", True, "zip"),
        ("jpg", False, ""),
        ("png", True, ""),
    ]
    tables = [
        ("csv", False, "text"),
        ("csv.gz", True, "gz"),
        ("csv.bz2", True, "bz2"),
        ("fits", False, "fits"),
        ("sums.fits", True, ""),
        ("vot", False, "text"),
        ("ecsv", False, "text"),
        ("parquet", False, "parquet"),
    ]
    return [
        *(Subject(name, file, read, name == "survey/provenance.json", "json") for name, file, read in json_files),
        Subject("survey/status.sqlite", "survey/status.sqlite", _status, False, "sqlite"),
        Subject("survey/ratings.sqlite", "survey/ratings.sqlite", _ratings, False, "sqlite"),
        Subject("survey/catalog.parquet", "survey/catalog.parquet", _catalog, False, "parquet"),
        Subject("survey/truth.parquet", "survey/truth.parquet", _truth, False, "parquet"),
        Subject(
            "survey/embedding.parquet",
            f"{_ANALYSIS}/embedding.parquet",
            lambda at: _analysis(at).table,
            False,
            "parquet",
        ),
        Subject("survey/members.parquet", f"{_ANALYSIS}/clusters/members.parquet", _members, False, "parquet"),
        Subject(
            "survey/predictions.parquet",
            "survey/models/cnn/predictions.parquet",
            lambda at: _model(at).predictions,
            False,
            "parquet",
        ),
        Subject(
            "survey/scores.parquet",
            f"{_ANALYSIS}/unusual/scores.parquet",
            lambda at: _unusual(at).table,
            False,
            "parquet",
        ),
        Subject(
            "survey/vectors.npy",
            f"{_ANALYSIS}/unusual/vectors.npy",
            lambda at: np.array(_unusual(at).vectors),
            False,
            "npy",
        ),
        Subject("survey/frozen.npz", f"{_ANALYSIS}/unusual/frozen.npz", lambda at: _unusual(at).frozen, True, "zip"),
        Subject("survey/whitening.npz", f"{_ANALYSIS}/whitening.npz", lambda at: _analysis(at).whitening, True, "zip"),
        Subject("survey/images shard", "survey/cutouts.zarr/images/c/0/0/0/0", _images),
        Subject("survey/valid shard", "survey/cutouts.zarr/valid/c/0/0/0", _images),
        Subject("survey/history.csv", "survey/models/cnn/history.csv", lambda at: _model(at).history, False, "text"),
        Subject("ratings/csv", "ratings.csv", partial(_import_ratings, name="ratings.csv"), False, "text"),
        Subject(
            "ratings/parquet", "ratings.parquet", partial(_import_ratings, name="ratings.parquet"), False, "parquet"
        ),
        *(
            Subject(
                f"latents/{suffix}",
                f"latents.{suffix}",
                partial(_read_latents, name=f"latents.{suffix}"),
                checked,
                kind,
            )
            for suffix, checked, kind in (
                ("npy", False, "npy"),
                ("npz", True, "zip"),
                ("parquet", False, "parquet"),
                ("fits", False, "fits"),
            )
        ),
        Subject("latents/ids.csv", "ids.csv", partial(_read_latents, name="latents.npy"), False, "text"),
        *(
            Subject(f"list of galaxies/{suffix}", f"list.{suffix}", partial(_named, name=f"list.{suffix}"), False, kind)
            for suffix, kind in (
                ("csv", "text"),
                ("txt", "text"),
                ("parquet", "parquet"),
                ("fits", "fits"),
                ("vot", "text"),
            )
        ),
        *(
            Subject(f"catalogue/{suffix}", f"table.{suffix}", partial(_table, name=f"table.{suffix}"), checked, kind)
            for suffix, checked, kind in tables
        ),
        *(
            Subject(f"cutout/{suffix}", f"cutout.{suffix}", partial(_pixels, name=f"cutout.{suffix}"), checked, kind)
            for suffix, checked, kind in cutouts
        ),
        Subject("folder/one of three", "folder/galaxy_1.fits", _folder, False, "fits"),
        Subject("frame/fits.bz2", "frame-r-001035-6-0017.fits.bz2", _frame, False, "bz2"),
        Subject("Galaxy10/h5", "galaxy10.h5", _galaxy10),
        Subject("training/checkpoint.npz", "training.npz", _checkpoint, True, "zip"),
        Subject("training/config.toml", "mine.toml", _config, False, "text"),
        Subject("answer/fits", "answer.fits", _answer, False, "fits"),
    ]


_ANALYSIS = "survey/models/cnn/block/HASH"


def _analysis(at: Path) -> Any:
    from gz2interp.stores.analyses import Analysis

    return Analysis(next(iter((at / "survey/models/cnn/block").iterdir())))


def _provenance(at: Path) -> Any:
    """Without the versions of packages, which are for the reader and not part of the digest."""
    return {**vars(_analysis(at).provenance), "versions": ""}


def _model(at: Path) -> Any:
    from gz2interp.stores.models import ModelFolder

    return ModelFolder(at / "survey/models/cnn")


def _clusters(at: Path) -> Any:
    from gz2interp.stores.clusters import ClusterFolder

    return ClusterFolder(_analysis(at).path / "clusters")


def _members(at: Path) -> Any:
    return _clusters(at).members, _clusters(at).is_member("coarse-1")


def _unusual(at: Path) -> Any:
    from gz2interp.stores.unusual import UnusualFolder

    return UnusualFolder(_analysis(at).path / "unusual")


def _survey(at: Path) -> Any:
    from gz2interp.stores.survey import Survey

    return Survey.open(at / "survey")


def _survey_header(at: Path) -> Any:
    survey = _survey(at)
    return asdict(survey.header), survey.status, survey.images([0, 1])


def _status(at: Path) -> Any:
    survey = _survey(at)
    return survey.status, survey.usable, survey.journal.counts(9), list(survey.journal.without_image(9))


def _catalog(at: Path) -> Any:
    survey = _survey(at)
    return survey.catalog, survey.galaxy_ids, list(survey.galaxies())


def _images(at: Path) -> Any:
    survey = _survey(at)
    return survey.images(np.arange(9)), survey.valid(np.arange(9)), survey.cutout(2).image


def _check(at: Path) -> Any:
    from gz2interp.checks import Check
    from gz2interp.stores.files import read_record

    return _model(at).check("x"), read_record(at / "survey/models/cnn/check/check.json", Check.from_json)


def _latents(at: Path) -> Any:
    from gz2interp.stores.models import ModelFolder

    latents = ModelFolder(at / "survey/models/own").latents
    return latents.record, latents.rows, latents.values([0, 3])


def _truth(at: Path) -> Any:
    from gz2interp.painting.recipe import Recipe
    from gz2interp.stores.truth import Truth

    truth = Truth.open(at / "survey")
    recipes = [Recipe.from_json(text) for text in truth.recipes([0, 5])]
    return truth.components, truth.settings, truth.galaxy_ids, recipes, truth.seeds([1]), truth.light([0, 3])


def _report(at: Path) -> Any:
    from trainer.download.report import read_report

    return read_report(at / "survey")


def _ratings(at: Path) -> Any:
    from gz2interp.stores.ratings import Ratings

    ratings = Ratings(at / "survey/ratings.sqlite")
    return ratings.table(), ratings.count()


def _import_ratings(at: Path, name: str) -> Any:
    from gz2interp.workflows.rating import import_ratings, ratings_of

    survey = _survey(at)
    for file in (at / "survey").glob("ratings.sqlite*"):
        file.unlink()
    try:
        done = import_ratings(survey, at / name)
        return done, ratings_of(survey).table().drop(columns="time")
    finally:
        for file in (at / "survey").glob("ratings.sqlite*"):
            file.unlink()
        shutil.copyfile(at / "ratings.sqlite", at / "survey/ratings.sqlite")


def _read_latents(at: Path, name: str) -> Any:
    from gz2interp.stores.latent_files import read_latents

    return list(read_latents(at / name, at / "ids.csv" if name.endswith("npy") else None))


def _named(at: Path, name: str) -> Any:
    from gz2interp.stores.named_galaxies import read_named_galaxies

    return read_named_galaxies(at / name)


def _table(at: Path, name: str) -> Any:
    from trainer.catalog import read_catalog

    return read_catalog(at / name)[0]


def _pixels(at: Path, name: str) -> Any:
    from gz2interp.stores.image_files import DISPLAY_BANDS, image_centre, read_pixels

    kind = name.removeprefix("cutout.")
    bands = DISPLAY_BANDS if kind in ("jpg", "png") else tuple("gri") if kind in COMPRESSED else IMAGE_BANDS
    return read_pixels([at / name], bands), image_centre([at / name], bands)


def _folder(at: Path) -> Any:
    """One damaged file among three: the other two are there all the same."""
    from gz2interp.errors import CutoutUnavailable
    from gz2interp.stores.image_files import read_pixels
    from trainer.sources.folder_index import catalog_of_folder, find_images

    images = find_images(at / "folder", IMAGE_BANDS)
    assert len(images) == 3, "a damaged file ended the listing"
    catalog = catalog_of_folder(at / "folder", None, IMAGE_BANDS)
    assert len(catalog) == 3, "a damaged file ended the catalogue"
    good, told = 0, []
    for image in images:
        try:
            told.append(read_pixels(image.paths, IMAGE_BANDS).image)
            good += 1
        except CutoutUnavailable as error:
            told.append(error.status)
    assert good >= 2, "a damaged file took others with it"
    return told


def _frame(at: Path) -> Any:
    from trainer.sources.frame_sets import find_frame_sets, read_frame

    find_frame_sets(at / "frames", ("r",))
    frame = read_frame(at / "frame-r-001035-6-0017.fits.bz2")
    return vars(frame) if not is_dataclass(frame) else frame


def _galaxy10(at: Path) -> Any:
    from trainer.sources.galaxy10 import catalog_of_galaxy10

    return catalog_of_galaxy10(at / "galaxy10.h5")


def _checkpoint(at: Path) -> Any:
    from trainer.checkpoint import load_checkpoint

    return load_checkpoint(at / "training.npz")


def _config(at: Path) -> Any:
    from trainer.config import read_config

    return read_config(at / "mine.toml")


def _answer(at: Path) -> Any:
    from gz2interp.errors import CutoutUnavailable
    from trainer.archives.trouble import Trouble
    from trainer.sources.judging import Asked, judge

    try:
        return judge((at / "answer.fits").read_bytes(), Asked(150.0, 2.0, "r", 0.396, (24, 24)))
    except Trouble as error:
        raise CutoutUnavailable("failed", str(error)) from error


def _network(at: Path) -> Any:
    from gz2interp.network.loading import load_network

    return [weights.copy() for weights in load_network(at / "net.keras").get_weights()]


def make_files(at: Path, heavy: bool = False) -> None:
    """A valid file of each kind."""
    at.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    if heavy:
        from gz2interp.testing.networks import plain_network

        plain_network().save(at / "net.keras")
        return
    _make_survey(at, rng)
    _make_tables(at, rng)
    _make_images(at, rng)
    _make_rest(at, rng)


def _make_survey(at: Path, rng: Rng) -> None:
    from gz2interp.checks import Check, Finding
    from gz2interp.evaluation import ClassScore, Evaluation, Rest
    from gz2interp.grouping import Cluster, Clusters, Flag
    from gz2interp.map_quality import Agreement, MapQuality, PlacingError
    from gz2interp.results import Cutout, Embedding, Neighbours, Provenance, Search, Whitening
    from gz2interp.statistics import Estimate, ReliabilityBin
    from gz2interp.stores.analyses import Analysis
    from gz2interp.stores.clusters import ClusterFolder
    from gz2interp.stores.latents import Latents
    from gz2interp.stores.models import ModelFolder
    from gz2interp.stores.ratings import Rating, Ratings
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.unusual import UnusualFolder
    from trainer.paint import paint_survey

    paint_survey(at / "survey", 9, seed=1)
    survey = Survey.open(at / "survey")
    n, rows = 9, np.arange(9)
    estimate = Estimate(0.5, 0.4, 0.6, 9)
    model = ModelFolder(at / "survey/models/cnn")
    model.path.mkdir(parents=True)
    (model.path / "model.keras").write_bytes(b"not read here")
    (model.path / "run.json").write_text(json.dumps({"class_names": ["a", "b"], "seed": 3, "config": {"epochs": 2}}))
    (model.path / "history.csv").write_text("epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n")
    made = Provenance(survey.digest, model.digest, "", "predict", {"class_names": ["a", "b"]}, None, {"numpy": "2"})
    predictions = pd.DataFrame(
        {"galaxy_id": survey.galaxy_ids, "row": rows, "split": "test", "label": "a", "prediction": "b"}
    )
    model.write_predictions(predictions.assign(confidence=0.9, p_a=rng.random(n), p_b=rng.random(n)), made)
    rest = Rest(3, 0.5, estimate, None, {"a": 2})
    score, part = ClassScore("a", estimate, estimate), ReliabilityBin(0.5, 0.6, estimate)
    model.write_evaluation(
        Evaluation(
            "cnn",
            "test",
            "five",
            9,
            9,
            estimate,
            (score,),
            ((1, 2), (3, 4)),
            estimate,
            estimate,
            estimate,
            (part,),
            rest,
        )
    )
    findings = (
        Finding("deletion", "gradient", "", estimate, 0.5, True, "words"),
        Finding("x", "", "a", estimate, None, None, "w"),
    )
    model.write_check(Check("survey", "cnn", "logit", findings, ("y",), made.to_json()))
    question = Provenance(
        survey.digest, model.digest, "block", "umap", {"metric": "cosine", "pooling": "mean"}, 1, {"umap": "1"}
    )
    analysis = Analysis(model.path / "block" / question.digest)
    analysis.path.mkdir(parents=True)
    analysis.write_activations(0, rng.normal(size=(n, 6)).astype(np.float32), n)
    analysis.write_whitening(Whitening(np.zeros(6, np.float32), np.eye(6, dtype=np.float32)))
    search = Search("approximate", "ivf", {"cells": 3}, 0.9, 0.8, 1.0, 5, 3)
    analysis.write_neighbours(Neighbours(np.tile(rows[:3], (n, 1)), np.ones((n, 3), np.float32), "cosine", search))
    analysis.write_table(rows, survey.galaxy_ids, Embedding(rng.normal(size=(n, 2)).astype(np.float32), "umap"))
    shares = {"class": Agreement(0.5, 0.6, 0.1)}
    analysis.write_quality(MapQuality(3, 9, 9, 1, 0.9, 0.8, 0.7, 0.1, shares, PlacingError(0.1, 0.2, 3)), question)
    clusters = Clusters(
        9,
        ("coarse",),
        (Cluster("coarse", 1, 5, "s", ("ra",), (Flag("seeing", "w"),), (1, 2), 3),),
        {"coarse": 4},
        {"coarse": (0.5,)},
    )
    table = pd.DataFrame({"row": rows, "galaxy_id": survey.galaxy_ids, "coarse": (rows < 5).astype(np.int32)})
    ClusterFolder(analysis.path / "clusters").write(
        clusters, table, table, np.zeros((0, 4, 4, 5), np.float32), question
    )
    unusual = UnusualFolder(analysis.path / "unusual")
    unusual.path.mkdir(parents=True)
    unusual.room("vectors", n, 4)[:] = rng.normal(size=(n, 4))
    scores = table[["row", "galaxy_id"]].assign(rank=rows + 1, score=rng.random(n), reason="far", normal_far=0.1)
    unusual.complete(scores, {"centre": rng.normal(size=4), "names": np.array(["a", "b"])}, question)
    analysis.complete(question)
    Latents(at / "survey/models/own").write(rows, rng.normal(size=(n, 5)).astype(np.float32), {"file": "x.npy"})
    ratings = Ratings(at / "survey/ratings.sqlite")
    for row in range(6):
        ratings.rate(
            Rating(int(survey.galaxy_ids[row]), row % 6, "merger", "a note", f"2026-01-0{row + 1}T00:00:00+00:00")
        )
    _settle(at / "survey/ratings.sqlite")
    shutil.copyfile(at / "survey/ratings.sqlite", at / "ratings.sqlite")
    ratings.table().to_csv(at / "ratings.csv", index=False)
    ratings.table().to_parquet(at / "ratings.parquet", index=False)
    assert isinstance(survey.cutout(2), Cutout)


def _settle(path: Path) -> None:
    """All of a SQLite file in one file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def _make_tables(at: Path, rng: Rng) -> None:
    from astropy.io import fits
    from astropy.table import Table

    n = 40
    ids = FIRST_ID + np.arange(n)
    frame = pd.DataFrame(
        {"dr7objid": ids, "ra": rng.uniform(10, 20, n), "dec": rng.uniform(0, 5, n), "petroR90_r": rng.uniform(3, 9, n)}
    )
    frame = frame.assign(name=[f"galaxy {i}" for i in range(n)])
    frame.to_csv(at / "table.csv", index=False)
    (at / "table.csv.gz").write_bytes(gzip.compress((at / "table.csv").read_bytes()))
    (at / "table.csv.bz2").write_bytes(bz2.compress((at / "table.csv").read_bytes()))
    frame.to_parquet(at / "table.parquet", index=False)
    table = Table.from_pandas(frame)
    table.write(at / "table.fits", overwrite=True)
    fits.HDUList([fits.PrimaryHDU(), fits.table_to_hdu(table)]).writeto(
        at / "table.sums.fits", checksum=True, overwrite=True
    )
    table.write(at / "table.vot", format="votable", overwrite=True)
    table.write(at / "table.ecsv", format="ascii.ecsv", overwrite=True)
    values = rng.normal(size=(n, 6)).astype(np.float32)
    np.save(at / "latents.npy", values)
    (at / "ids.csv").write_text("galaxy_id\n" + "\n".join(map(str, ids)) + "\n")
    np.savez(at / "latents.npz", galaxy_id=ids, latents=values)
    numbers = pd.DataFrame({"galaxy_id": ids, **{f"z{i}": values[:, i] for i in range(6)}})
    numbers.to_parquet(at / "latents.parquet", index=False)
    Table({"galaxy_id": ids, "latent": values}).write(at / "latents.fits", overwrite=True)
    named = frame[["dr7objid", "ra"]].rename(columns={"dr7objid": "galaxy_id"})
    named.to_csv(at / "list.csv", index=False)
    named.to_parquet(at / "list.parquet", index=False)
    Table.from_pandas(named).write(at / "list.fits", overwrite=True)
    Table.from_pandas(named).write(at / "list.vot", format="votable", overwrite=True)
    (at / "list.txt").write_text("\n".join(map(str, ids)) + "\n")


def _header(ra: float, dec: float, band: str = "", size: int = 24) -> Any:
    from astropy.io import fits

    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    header["CRPIX1"] = header["CRPIX2"] = (size + 1) / 2
    header["CDELT1"], header["CDELT2"] = -0.396 / 3600, 0.396 / 3600
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["BUNIT"] = "nanomaggy"
    if band:
        header["FILTER"] = band
    return header


def _make_images(at: Path, rng: Rng) -> None:
    from astropy.io import fits
    from PIL import Image

    planes = rng.normal(size=(5, 24, 24)).astype(np.float32)
    (at / "folder").mkdir(exist_ok=True)

    def hdus(ra: float, dec: float) -> Any:
        parts = [fits.ImageHDU(planes[i], _header(ra, dec, band), name=band) for i, band in enumerate(IMAGE_BANDS)]
        return fits.HDUList([fits.PrimaryHDU(), *parts])

    hdus(10, 1).writeto(at / "cutout.fits", overwrite=True)
    hdus(10, 1).writeto(at / "cutout.sums.fits", overwrite=True, checksum=True)
    content = (at / "cutout.fits").read_bytes()
    (at / "cutout.fits.gz").write_bytes(gzip.compress(content))
    (at / "cutout.fits.bz2").write_bytes(bz2.compress(content))
    for number in range(3):
        hdus(number + 10.25, 2).writeto(at / "folder" / f"galaxy_{number}.fits", overwrite=True)
    for name, kind in COMPRESSED.items():
        parts = []
        for i, band in enumerate("gri"):
            image = planes[i] if kind != "PLIO_1" else np.abs(planes[i] * 40).astype(np.int16)
            parts.append(fits.CompImageHDU(image, _header(10, 1, band), name=band, compression_type=kind))
        fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(at / f"cutout.{name}", overwrite=True)
    np.save(at / "cutout.npy", planes)
    np.savez_compressed(at / "cutout.npz", **dict(zip(IMAGE_BANDS, planes, strict=True)))
    picture = Image.fromarray(rng.integers(0, 255, (48, 48, 3)).astype(np.uint8))
    picture.save(at / "cutout.jpg")
    picture.save(at / "cutout.png")
    frame = fits.HDUList([fits.PrimaryHDU(rng.normal(size=(60, 80)).astype(np.float32), _header(10, 1, "r", 60))])
    frame[0].header["FILTER"] = "r"
    out = io.BytesIO()
    frame.writeto(out)
    (at / "frames").mkdir(exist_ok=True)
    (at / "frame-r-001035-6-0017.fits.bz2").write_bytes(bz2.compress(out.getvalue()))
    (at / "frames/frame-r-001035-6-0017.fits.bz2").write_bytes(bz2.compress(out.getvalue()))
    header = _header(150.0, 2.0)
    header["CRPIX1"] = header["CRPIX2"] = 12.5
    fits.PrimaryHDU(planes[0], header).writeto(at / "answer.fits", overwrite=True)


def _make_rest(at: Path, rng: Rng) -> None:
    import h5py

    from trainer.checkpoint import Checkpoint, save_checkpoint
    from trainer.download.report import Failure, Report, ServiceState

    with h5py.File(at / "galaxy10.h5", "w") as file:
        file["images"] = rng.integers(0, 255, (12, 69, 69, 3)).astype(np.uint8)
        file["ans"] = np.arange(12) % 10
        file["ra"], file["dec"] = np.linspace(1, 2, 12), np.linspace(1, 2, 12)
    arrays = (rng.normal(size=(5, 3)).astype(np.float32), np.arange(4))
    save_checkpoint(
        at / "training.npz", Checkpoint(2, {"config": {"epochs": 3}}, ({"loss": 0.5},), arrays, arrays, arrays)
    )
    (at / "mine.toml").write_text('epochs = 3\nbatch_size = 32\nnetwork = "compact"\n')
    service = ServiceState("skyview", "host", "up", "fine", 3, 4096, {"blank": 1})
    failure = Failure("failed", "no answer", 2, (str(FIRST_ID),), "Ask again")
    now = "2026-01-01T00:00:00+00:00"
    report = Report(
        "ended", "", now, now, ("skyview",), 4, 1.0, 0.4, 9, 9, 9, 9, {"ok": 8}, 1.0, None, (service,), (failure,), 7
    )
    report.write(at / "survey")


# -- running ----------------------------------------------------------------------------------------------------------


def work(at: Path, seed: int, heavy: bool) -> None:
    """A process that reads one damaged file for each line of its standard input, ``NAME NUMBER``."""
    from gz2interp.errors import Gz2interpError

    make_files(at, heavy)
    kinds = {subject.name: subject for subject in subjects(heavy)}
    right = {}
    for subject in kinds.values():
        right[subject.name] = digest(subject.read(at))
        assert right[subject.name] == digest(subject.read(at)), subject.name
    print("ready", flush=True)
    for line in sys.stdin:
        name, number = line.rstrip("\n").rsplit(" ", 1)
        subject = kinds[name]
        print(json.dumps(_one(subject, at, seed, int(number), right[name], Gz2interpError)), flush=True)


def _path(subject: Subject, at: Path) -> Path:
    if "HASH" not in subject.file:
        return at / subject.file
    return _analysis(at).path / subject.file.split("HASH/")[1]


def _one(subject: Subject, at: Path, seed: int, number: int, right: str, ours: type[Exception]) -> dict[str, Any]:
    path = _path(subject, at)
    good = path.read_bytes()
    rng = np.random.default_rng([seed, number, *subject.name.encode()])
    content, how = damaged(good, subject.kind, rng)
    if content == good:
        return {"outcome": "same", "seconds": 0.0, "mb": 0.0, "words": "unchanged"}
    path.write_bytes(content)
    (at / "last").write_text(f"{subject.name} {number}")
    began, high, words = time.process_time(), _high(), ""
    try:
        value = digest(subject.read(at))
        noticeable = subject.checked and how == "bytes"
        outcome = "same" if value == right else "other" if noticeable else "unnoticeable"
    except ours as error:
        outcome, words = "refused", str(error)
        if not words.replace("\n", "").isprintable() or len(words) > 12_000:
            outcome, words = "traceback", f"an error that is no sentence: {words[:200]!r}"
    except BaseException as error:
        outcome, words = "traceback", "".join(traceback.format_exception(error)[-12:])
    finally:
        path.write_bytes(good)
        for file in path.parent.glob(f"{path.name}-*"):
            file.unlink()  # what SQLite left beside it
    seconds, megabytes = time.process_time() - began, _high() - high
    if seconds > SECONDS:
        outcome = "slow"
    if megabytes > MEGABYTES:
        outcome = "memory"
    return {"outcome": outcome, "seconds": round(seconds, 3), "mb": round(megabytes), "words": words}


def _high() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Worker:
    """A process that reads damaged files, replaced when it broke."""

    def __init__(self, seed: int, heavy: bool) -> None:
        self._seed, self._heavy, self._process = seed, heavy, None

    def _start(self) -> None:
        self.close()
        self._folder = tempfile.mkdtemp()
        command = [sys.executable, __file__, "--worker", self._folder, "--seed", str(self._seed)]
        paths = [str(Path(__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [*command, *["--heavy"] * self._heavy],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process.stdout, self._lines), daemon=True).start()
        if self._lines.get(timeout=600) != "ready\n":
            raise RuntimeError("The valid files could not be made and read")

    @staticmethod
    def _listen(stream: Any, lines: queue.Queue[str]) -> None:
        for line in stream:
            lines.put(line)
        lines.put("")

    def read(self, name: str, number: int) -> dict[str, Any]:
        """What becomes of one damaged file."""
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name} {number}\n")
        self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            self.close()
            return {"outcome": "hang", "seconds": PATIENCE, "mb": 0, "words": ""}
        if not line:
            code = self._process.wait()
            self.close()
            return {"outcome": "crash", "seconds": 0, "mb": 0, "words": f"exit status {code}"}
        found: dict[str, Any] = json.loads(line)
        if found["mb"] > 100:
            self.close()  # a fresh process: the highest memory is known of a process only
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    stream.close()
            shutil.rmtree(self._folder, ignore_errors=True)
        self._process = None


def run(files: int, seed: int, only: str, folder: Path) -> Iterator[dict[str, Any]]:
    """All damaged files, and what became of each; those that are in `folder` already are not read again."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"damaged-{seed}.jsonl"
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    yield from done
    known = {(record["name"], record["number"]) for record in done}
    light = [subject.name for subject in subjects()]
    share = max(1, files // (len(light) + 1))
    plan = [(name, False) for name in light if only in name]
    plan += [(subject.name, True) for subject in subjects(heavy=True) if only in subject.name]
    workers = {heavy: Worker(seed, heavy) for heavy in (False, True)}
    try:
        with log.open("a") as out:
            for name, heavy in plan:
                for number in range(share):
                    if (name, number) not in known:
                        record = {"name": name, "number": number, **workers[heavy].read(name, number)}
                        out.write(json.dumps(record) + "\n")
                        out.flush()
                        yield record
    finally:
        for worker in workers.values():
            worker.close()


def table_of(records: list[dict[str, Any]]) -> str:
    """Counts of outcomes by reader, as a Markdown table."""
    counts: dict[str, Counter[str]] = {}
    for record in records:
        counts.setdefault(record["name"], Counter())[record["outcome"]] += 1
    counts["**all**"] = sum(counts.values(), Counter())
    lines = ["| file | damaged | refused | same values | other, no checksum | " + " | ".join(BAD) + " |"]
    lines.append("|---" * (5 + len(BAD)) + "|")
    for name, found in counts.items():
        cells = [name, f"{found.total():,}", *(f"{found[outcome]:,}" for outcome in OUTCOMES)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run, print the table and every bad outcome; exit status 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="kinds of files whose name holds this")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "gz2interp-damaged")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--heavy", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        warnings.simplefilter("ignore")
        with open(os.dup(1), "w", buffering=1) as lines:  # noqa: PTH123 - only answers go to the standard output
            os.dup2(2, 1)
            sys.stdout = lines
            work(given.worker, given.seed, given.heavy)
        return 0
    records = []
    for record in run(given.files, given.seed, given.only, given.folder):
        records.append(record)
        if record["outcome"] in BAD:
            print(f"{record['name']} {record['number']}: {record['outcome']} {record['seconds']} s {record['mb']} MB")
            print(record["words"], flush=True)
    print(table_of(records))
    print(f"most time {max(r['seconds'] for r in records)} s, most memory {max(r['mb'] for r in records)} MB")
    return int(any(record["outcome"] in BAD for record in records))


if __name__ == "__main__":
    sys.exit(main())
