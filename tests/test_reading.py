"""Files that claim what they do not hold are refused in one sentence, before anything is allocated by their claims."""

from __future__ import annotations

import gzip
import io
import os
import sqlite3
import struct
import threading
import warnings
import zipfile
from collections.abc import Mapping
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from gz2interp.errors import CutoutUnavailable, Gz2interpError, InputError, SurveyError
from gz2interp.records import record_from_json
from gz2interp.schema import DISPLAY_BANDS
from gz2interp.stores import reading as reading_module
from gz2interp.stores.arrays import create_array, open_array, read_npz, read_rows, write_shard
from gz2interp.stores.decoding import Dataset, hdf5_datasets, hdf5_rows
from gz2interp.stores.files import atomic_write, read_json, write_json
from gz2interp.stores.image_files import read_pixels
from gz2interp.stores.reading import DamagedFile, SqliteFile, reading, reading_sqlite, unpacked
from gz2interp.stores.tables import read_csv, read_named_galaxies, read_parquet, write_parquet

RNG = np.random.default_rng(20)
IMAGE = RNG.normal(size=(24, 20)).astype(np.float32)


def refused(path: Path, packed: bool = False) -> str:
    with pytest.raises(InputError) as caught, reading(path), unpacked(path) if packed else nullcontext():
        pass
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "cause",
    [
        ValueError("two\nlines"),
        MemoryError(),
        RecursionError("deep"),
        struct.error("short"),
        KeyError("bands"),
        EOFError(),
        RuntimeError("\x1b[31mred"),
        Exception(),
        zipfile.BadZipFile("CRC"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "start"),
    ],
)
@pytest.mark.parametrize("error", [InputError, SurveyError, CutoutUnavailable])
def test_whatever_a_reader_raises_becomes_our_error_with_its_cause(
    tmp_path: Path, cause: Exception, error: type[Gz2interpError]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    with pytest.raises(error) as caught, reading(path, error):
        raise cause
    assert caught.value.__cause__ is cause
    assert str(caught.value).isprintable()
    assert "a.txt" in str(caught.value)
    assert getattr(caught.value, "status", "failed") == "failed"


def test_our_own_errors_and_interrupts_pass_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    ours = SurveyError("ours")
    with pytest.raises(SurveyError) as caught, reading(path):
        raise ours
    assert caught.value is ours
    with pytest.raises(KeyboardInterrupt), reading(path):
        raise KeyboardInterrupt


def test_a_warning_of_a_reader_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    with reading(path) as same:
        warnings.warn("odd", stacklevel=1)
    assert same == path


def test_absent_files_pipes_and_files_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    assert "There is no file" in refused(tmp_path / "absent.csv")
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in refused(tmp_path / "pipe")
    (tmp_path / "long.json").write_text("1" * 100)
    with pytest.raises(InputError, match="100 bytes"), reading(tmp_path / "long.json", most=99):
        pass


def test_a_fits_header_may_not_promise_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(IMAGE), fits.ImageHDU(IMAGE)]).writeto(path)
    good = path.read_bytes()
    with reading(path):
        pass
    for old, new in (
        (b"NAXIS1  =                   20", b"NAXIS1  =           2147483647"),
        (b"NAXIS1  =                   20", b"NAXIS1  =             'twenty'"),
        (b"NAXIS1  =                   20", b"NAXIS1  =                  -20"),
        (b"NAXIS   =                    2", b"NAXIS   =            999999999"),
        (b"BITPIX  =                  -32", b"BITPIX  =                  -31"),
        (b"BITPIX  =                  -32", b"BITPIX  =                    T"),
    ):
        assert old in good
        path.write_bytes(good.replace(old, new))
        refused(path)
    whole = -(-IMAGE.nbytes // 2880) * 2880 + 2880  # one header and its image: a file that ends there is a shorter file
    for length in (*range(80, 2880 + IMAGE.nbytes, 777), *range(whole + 80, whole + 2880 + IMAGE.nbytes, 777)):
        path.write_bytes(good[:length])
        refused(path)


def test_every_flipped_bit_of_a_fits_file_with_checksums_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(IMAGE)]).writeto(path, checksum=True)
    good = path.read_bytes()
    with reading(path):
        pass
    for at in RNG.choice(len(good), 200, replace=False):
        damaged = bytearray(good)
        damaged[at] ^= 1 << int(RNG.integers(8))
        path.write_bytes(damaged)
        if _renames_a_sum(good, damaged):
            continue
        refused(path)


def _renames_a_sum(good: bytes, damaged: bytearray) -> bool:
    """Whether the damage is in a keyword CHECKSUM or DATASUM: then the file has one sum less, and says nothing."""
    (at,) = np.flatnonzero(np.frombuffer(good, np.uint8) != np.frombuffer(bytes(damaged), np.uint8))
    card = good[at // 80 * 80 : at // 80 * 80 + 80]
    return bool(card.startswith(b"CHECKSUM") and at % 80 < 10)


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"])
@pytest.mark.parametrize("dtype", ["float32", "int16", "uint16", "uint8"])
def test_a_compressed_image_comes_out_as_astropy_reads_it(tmp_path: Path, kind: str, dtype: str) -> None:
    if kind == "PLIO_1" and dtype not in ("int16", "uint8"):
        pytest.skip("astropy does not write it")
    path = tmp_path / "a.fits.fz"
    image = np.abs(IMAGE * 50).astype(dtype)
    hdu = fits.CompImageHDU(image, compression_type=kind, name="G")
    hdu.header["CRVAL1"] = 150.25
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    with reading(path), fits.open(unpacked(path)) as hdus, fits.open(path) as same:
        assert type(hdus["G"]) is fits.ImageHDU
        assert hdus["G"].header["CRVAL1"] == 150.25
        np.testing.assert_array_equal(hdus["G"].data, same["G"].data)
        assert hdus["G"].data.dtype.kind == np.dtype(dtype).kind


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BYTEPIX", 2147483647),
        ("BLOCKSIZE", 0),
        ("ZNAXIS1", 2147483647),
        ("ZNAXIS1", -3),
        ("ZTILE1", 0),
        ("ZBITPIX", 7),
        ("ZCMPTYPE", "LZW_1"),
        ("PCOUNT", 1),
    ],
)
def test_a_compressed_image_with_a_wrong_card_never_reaches_the_decoder(tmp_path: Path, old: str, new: object) -> None:
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(IMAGE, compression_type="RICE_1")]).writeto(path)
    with fits.open(path, disable_image_compression=True) as hdus:
        header = hdus[1].header
        card = next((f"ZVAL{i}" for i in range(1, 9) if header.get(f"ZNAME{i}") == old), old)
        line = header.cards[card].image.encode()
    changed = fits.Card(card, new).image.encode()
    path.write_bytes(path.read_bytes().replace(line, changed))
    refused(path)


def test_damaged_compressed_pixels_break_no_process(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    for kind in ("RICE_1", "HCOMPRESS_1", "GZIP_1"):
        hdu = fits.CompImageHDU((IMAGE * 100).astype(np.int16), compression_type=kind)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
        good = path.read_bytes()
        for _ in range(8):
            damaged = bytearray(good)
            for at in RNG.integers(5760, len(good), 40):
                damaged[at] = int(RNG.integers(256))
            path.write_bytes(damaged)
            with suppress(InputError), reading(path), fits.open(unpacked(path)) as hdus:
                assert hdus[1].data.shape == IMAGE.shape


@pytest.mark.parametrize("cut", [1, 8, 40, 400])
@pytest.mark.parametrize("packer", ["gz", "bz2"])
def test_packed_files_cut_short_or_flipped_are_refused(tmp_path: Path, packer: str, cut: int) -> None:
    import bz2

    path = tmp_path / f"a.{packer}"
    pack = gzip.compress if packer == "gz" else bz2.compress
    content = RNG.integers(0, 256, 2000).astype(np.uint8).tobytes()
    good = pack(content)
    path.write_bytes(good)
    with reading(path), unpacked(path) as file:
        assert file.read() == content
    path.write_bytes(good[:-cut])
    refused(path, packed=True)
    path.write_bytes(good[:-cut] + bytes([good[-cut] ^ 255]) + good[len(good) - cut + 1 :])
    refused(path, packed=True)


@pytest.mark.parametrize("packer", ["gz", "bz2"])
def test_bombs_are_not_unpacked(tmp_path: Path, packer: str) -> None:
    import bz2

    path = tmp_path / f"a.{packer}"
    path.write_bytes((gzip.compress if packer == "gz" else bz2.compress)(bytes(120_000_000)))
    assert "unpacked" in refused(path, packed=True)


@pytest.mark.parametrize("shape", [(3, 2**40), (2**62, 4), (5, 5), (7, 3), (-1, 6)])
def test_a_numpy_header_must_agree_with_the_file(tmp_path: Path, shape: tuple[int, int]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (6, 4)})
    content = header.getvalue().replace(b"(6, 4)", str(shape).encode())
    (tmp_path / "a.npy").write_bytes(content + bytes(96))
    refused(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content + bytes(96))
    refused(tmp_path / "a.npz")


def test_bombs_and_doubled_names_in_zip_files_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(20_000_000))
    assert "would become" in refused(tmp_path / "bomb.npz")
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(tmp_path / "two.npz", "w") as archive:
        archive.writestr("x", b"1")
        archive.writestr("x", b"2")
    assert "one name" in refused(tmp_path / "two.npz")


def test_a_flipped_bit_in_the_values_of_our_tables_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"value": RNG.normal(size=4000)})
    write_parquet(path, frame)
    good = path.read_bytes()
    pd.testing.assert_frame_equal(read_parquet(path), frame)
    at = len(good) // 2  # numbers without a pattern: nearly all of the file is what they take
    path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    with pytest.raises(SurveyError, match=r"a\.parquet cannot be read"):
        read_parquet(path)


def test_a_table_lacks_no_column_and_each_is_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, pd.DataFrame({"row": ["x", "y"]}))
    with pytest.raises(SurveyError, match="no column score"):
        read_parquet(path, needs={"score": "f"})
    with pytest.raises(InputError, match="column row is of type"):
        read_parquet(path, needs={"row": "i"}, error=InputError)


def test_a_view_in_the_place_of_a_table_computes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
        connection.execute(f"CREATE VIEW rating AS {endless}")
        connection.execute("CREATE TABLE wide (x)")
    with pytest.raises(SurveyError, match="no table rating"), reading_sqlite(path, tables=("rating",)):
        pass
    with pytest.raises(SurveyError, match="interrupted"), reading_sqlite(path) as connection:
        connection.execute("SELECT count(*) FROM rating").fetchone()


def test_a_trigger_that_never_ends_is_stopped_and_nothing_of_the_change_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "_seconds", lambda path: 0.05)
    path, columns = tmp_path / "a.sqlite", {"plane": "digest INTEGER PRIMARY KEY, row INTEGER NOT NULL"}
    file = SqliteFile(path, columns, "Remove it")
    file.execute_for("INSERT INTO plane VALUES (?, ?)", [(1, 2), (3, 4)])
    with pytest.raises(SurveyError, match="UNIQUE"):
        file.execute_for("INSERT INTO plane VALUES (?, ?)", [(5, 6), (1, 2)])
    assert file.execute("SELECT * FROM plane") == [(1, 2), (3, 4)]
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    file.execute(f"CREATE TRIGGER more AFTER DELETE ON plane BEGIN UPDATE plane SET row = ({endless}); END")
    with pytest.raises(SurveyError, match=r"interrupted.*Remove it"):
        file.execute_for("DELETE FROM plane WHERE digest = ?", [(1,)])
    assert file.execute("SELECT * FROM plane") == [(1, 2), (3, 4)]
    file.close()


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + bytes(50), b"no database at all" * 99])
def test_a_sqlite_file_that_is_none_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.sqlite").write_bytes(content)
    with pytest.raises(SurveyError, match="Remove it"):
        SqliteFile(tmp_path / "a.sqlite", {"plane": "row INTEGER"}, "Remove it")


@pytest.mark.parametrize("file", ["zarr.json", "c/0/0"])
def test_a_pipe_in_the_place_of_a_part_of_an_array_is_not_waited_for(tmp_path: Path, file: str) -> None:
    array = create_array(tmp_path / "a.zarr", (300, 2), np.float32)
    write_shard(array, 0, np.ones((256, 2), np.float32))
    (tmp_path / "a.zarr" / file).unlink()
    os.mkfifo(tmp_path / "a.zarr" / file)
    with pytest.raises(SurveyError, match="pipe"):
        read_rows(open_array(tmp_path / "a.zarr"), [3])


@pytest.mark.parametrize("rows", [("1,0.5,7", "2,0.4"), ("1,0.5", "2,0.4,7"), ("1,0.5" + "," * 20_000, "2,0.4")])
def test_a_row_with_more_fields_than_names_moves_no_column(tmp_path: Path, rows: tuple[str, str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["epoch,loss", *rows]))
    with pytest.raises(SurveyError, match=r"a\.csv cannot be read"):
        read_csv(path)
    path.write_text("epoch,loss\n1,0.5\n2,0.4")
    assert read_csv(path).to_dict("list") == {"epoch": [1, 2], "loss": [0.5, 0.4]}


@pytest.mark.parametrize("suffix", ["fits", "vot"])
def test_a_packed_table_under_a_plain_name_is_unpacked_within_limits(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"list.{suffix}"
    table = Table({"galaxy_id": ["588015507658768484"]})
    table.write(path, format="fits" if suffix == "fits" else "votable")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_named_galaxies(path)["galaxy_id"].tolist() == ["588015507658768484"]
    path.write_bytes(gzip.compress(bytes(101_000_000), 1))
    with pytest.raises(InputError, match="become more than"):
        read_named_galaxies(path)


@pytest.mark.parametrize("form", ["EPS", "TIFF", "GIF"])
def test_a_picture_is_what_its_name_says(tmp_path: Path, form: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "galaxy.jpg", form)
    with pytest.raises(CutoutUnavailable, match="cannot be read"):
        read_pixels([tmp_path / "galaxy.jpg"], DISPLAY_BANDS)


def test_rows_of_an_hdf5_file_come_from_the_other_process_as_they_are(tmp_path: Path) -> None:
    images = RNG.integers(0, 255, (9, 5, 4, 3)).astype(np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", data=images, chunks=(2, 5, 4, 3), compression="gzip")
        file["ans"] = np.arange(9, dtype=">i4")
    datasets = hdf5_datasets(tmp_path / "a.h5")
    assert datasets == {"images": Dataset(images.shape, "|u1", (2, 5, 4, 3)), "ans": Dataset((9,), ">i4", ())}
    np.testing.assert_array_equal(hdf5_rows(tmp_path / "a.h5", "images", 3, 20, images.nbytes), images[3:])
    with pytest.raises(ValueError, match="damaged"):
        hdf5_rows(tmp_path / "a.h5", "absent", 0, 2, 8)


@pytest.mark.parametrize(
    "arrays",
    [{"a": np.ones((2, 3))}, {"a": np.ones((2, 3)), "b": np.ones(4, int)}, {"a": np.ones(2), "b": np.ones(3, int)}],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    needs = {"a": "f n channel", "b": "i channel"}
    np.savez(tmp_path / "good.npz", a=np.ones((2, 3)), b=np.ones(3, int))
    np.savez(tmp_path / "a.npz", **arrays)
    assert set(read_npz(tmp_path / "good.npz", needs)) == set(needs)
    with pytest.raises(SurveyError, match="array"):
        read_npz(tmp_path / "a.npz", needs)


@dataclass(frozen=True)
class Inner:
    share: float | None


@dataclass(frozen=True)
class Outer:
    name: str
    counts: tuple[int, ...]
    inner: Inner
    more: Mapping[str, Inner]


GOOD = {"name": "a", "counts": [1, 2], "inner": {"share": 1}, "more": {"b": {"share": None}}}


def test_a_record_is_what_was_written(tmp_path: Path) -> None:
    assert record_from_json(Outer, {**GOOD, "of_tomorrow": 3}) == Outer("a", (1, 2), Inner(1), {"b": Inner(None)})


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", 3), ("counts", [1, "2"]), ("counts", [True]), ("inner", {}), ("inner", []), ("more", {"b": 1})],
)
def test_a_record_of_other_types_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        record_from_json(Outer, {**GOOD, key: value})
    with pytest.raises(ValueError, match=f"it lacks {key}"):
        record_from_json(Outer, {name: each for name, each in GOOD.items() if name != key})


@pytest.mark.parametrize("text", ['{"a": 1e999}', '{"a": NaN}', "9" * 400, "[" * 100_000, '{"a": "\xff"}', ""])
def test_numbers_beyond_reason_and_endless_lists_are_no_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SurveyError, match=r"a\.json cannot be read"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(("looks", "is_refused"), [(2, False), (1000, True)])
def test_a_database_that_is_being_written_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: int, is_refused: bool
) -> None:
    """Between its header and its size, a writer may have added pages: both are looked at again."""
    path, contradictions = tmp_path / "a.sqlite", iter(range(looks))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE rating (a)")

    def contradicting(*_: object) -> None:
        if next(contradictions, None) is not None:
            raise DamagedFile("it has 9 pages")

    monkeypatch.setattr(reading_module, "check_claims", contradicting)
    with pytest.raises(SurveyError, match="9 pages") if is_refused else nullcontext(), reading_sqlite(path):
        pass


def test_a_log_that_ends_while_it_is_looked_at_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE rating (a)")
    monkeypatch.setattr(Path, "is_file", lambda _: True)  # as it was a moment ago
    with reading_sqlite(path, tables=("rating",)):
        pass


def test_two_threads_that_write_one_file_leave_one_of_them_whole(tmp_path: Path) -> None:
    path = tmp_path / "a[1].json"
    with atomic_write(path) as aside:
        aside.write_text("1")
        other = threading.Thread(target=write_json, args=(path, 2))
        other.start()
        other.join()
        assert read_json(path) == 2
    assert read_json(path) == 1
    assert list(tmp_path.iterdir()) == [path]
