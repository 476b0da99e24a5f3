"""Tables as archives and people write them: each is read rightly, or refused in a sentence."""

from __future__ import annotations

import bz2
import gzip
import lzma
import warnings
import zipfile
from io import BytesIO

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from gz2interp.errors import Gz2interpError, InputError
from gz2interp.schema import QUESTIONS, vote_column
from trainer.catalog import JoinSettings, labels_by, name_id, position_ids, read_catalog

LARGE = 588015507658768484
RNG = np.random.default_rng(11)
IDS = LARGE + 37 * np.arange(12)
RA, DEC = np.sort(RNG.uniform(150, 240, 12)), RNG.uniform(-60, 30, 12)
NAMES = ["NGC 1", "b", "c d e", *(f"n{i}" for i in range(9))]


def table(**more):
    return Table({"objid": IDS, "ra": RA, "dec": DEC, **more})


def check(path, tolerance=0.0):
    """The catalogue, after ids and positions were compared with what was written."""
    catalog, report = read_catalog(path)
    assert catalog["galaxy_id"].tolist() == IDS.tolist()
    np.testing.assert_allclose(catalog["ra"], RA, rtol=0, atol=tolerance)
    np.testing.assert_allclose(catalog["dec"], DEC, rtol=0, atol=tolerance)
    return catalog, report


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def values(separator):
    return [separator.join(map(str, row)) for row in zip(IDS, RA, DEC, strict=True)]


class TestText:
    @pytest.mark.parametrize(
        ("form", "name"),
        [
            ("ascii.ecsv", "ECSV"),
            ("ascii.commented_header", "CSV"),
            ("ascii.basic", "CSV"),
            ("ascii.tab", "CSV"),
            ("ascii.ipac", "IPAC"),
            ("ascii.fixed_width", "fixed width"),
            ("ascii.fixed_width_two_line", "ruled"),
            ("ascii.mrt", "CDS"),
            ("ascii.latex", "LaTeX"),
            ("ascii.aastex", "AASTeX"),
            ("ascii.rst", "RST"),
        ],
    )
    def test_what_astropy_writes(self, tmp_path, form, name):
        table(name=NAMES, mass=np.arange(12) / 7).write(tmp_path / "t", format=form)
        catalog, report = check(tmp_path / "t", 1e-8)
        assert (report.format, catalog["name"].tolist()) == (name, NAMES)
        np.testing.assert_allclose(catalog["mass"], np.arange(12) / 7, rtol=1e-6)

    @pytest.mark.parametrize("separator", [";", "\t", "|", "   ", ","])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    def test_separators(self, tmp_path, separator, mark):
        path = written(tmp_path / "t", separator.join(["objid", "ra", "dec"]), *values(separator))
        path.write_bytes(mark + path.read_bytes())
        check(path)

    def test_a_commented_line_of_names_below_other_comments(self, tmp_path):
        check(written(tmp_path / "t.txt", "# made by hand", "#", "# id  ra dec", "", *values("  ")))
        check(written(tmp_path / "t.csv", "#Table1", "#objid,ra,dec", *values(",")))

    def test_numbers_without_names_are_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"line 1 holds numbers where the names"):
            read_catalog(written(tmp_path / "t.txt", *values(" ")))

    def test_columns_named_by_numbers_are_names(self, tmp_path):
        lines = [f"{line},{i}" for i, line in enumerate(values(","))]
        assert check(written(tmp_path / "t.csv", "objid,ra,dec,0", *lines))[0]["0"].tolist() == list(range(12))

    def test_units_and_a_ruler_below_the_names(self, tmp_path):
        lines = ["#RESOURCE=yCat", "objid\tRAJ2000\tDEJ2000", ' \t"rad"\tdeg', "-----\t-----\t-----"]
        rows = ["\t".join(map(str, row)) for row in zip(IDS, np.radians(RA), DEC, strict=True)]
        check(written(tmp_path / "t.tsv", *lines, *rows), 1e-9)

    def test_hours_minutes_and_seconds_in_columns_of_their_own(self, tmp_path):
        lines = ["Title: t", "=" * 80, "Byte-by-byte Description of file: t", "-" * 80]
        lines += ["   Bytes Format Units  Label  Explanations", "-" * 80]
        lines += [
            "   1- 18 I18    ---    objid  id",
            "  20- 21 I2     h      RAh    ra",
            "  23- 24 I2     min    RAm    ra",
        ]
        lines += [
            "  26- 29 F4.1   s      RAs    ra",
            "      31 A1     ---    DE-    sign",
            "  32- 33 I2     deg    DEd    de",
        ]
        lines += ["  35- 36 I2     arcmin DEm    de", "  38- 39 I2     arcsec DEs    de", "-" * 80]
        catalog, _ = read_catalog(written(tmp_path / "t.txt", *lines, f"{LARGE} 10 01 02.3 -00 30 36"))
        np.testing.assert_allclose(catalog[["ra", "dec"]].to_numpy()[0], [15 * (10 + 1 / 60 + 2.3 / 3600), -0.51])

    def test_a_blank_separated_row_cut_short(self, tmp_path):
        with pytest.raises(InputError, match=r"line 14 has 2 fields.*3 fields were expected"):
            read_catalog(written(tmp_path / "t.txt", "objid ra dec", *values(" "), "5 3.2"))

    @pytest.mark.parametrize(
        ("start", "message"),
        [
            (b"\x89HDF\r\n", "HDF5"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b'{"objid": 1}', "JSON"),
            (b"\xff\xfeo\0b\0", "UTF-16"),
            (b"%PDF-1.4", "PDF"),
            (b"PK\x03\x04", "cannot be read|spreadsheet"),
        ],
    )
    def test_what_is_no_table(self, tmp_path, start, message):
        (tmp_path / "t.csv").write_bytes(start + b"rest " * 100)
        with pytest.raises(InputError, match=message):
            read_catalog(tmp_path / "t.csv")

    def test_a_spreadsheet(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
            archive.writestr("[Content_Types].xml", "<x/>")
            archive.writestr("xl/workbook.xml", "<x/>")
        with pytest.raises(InputError, match="spreadsheet"):
            read_catalog(tmp_path / "t.xlsx")

    def test_decimal_commas(self, tmp_path):
        with pytest.raises(InputError, match=r"'150,5'.*point, not with a comma"):
            read_catalog(written(tmp_path / "t.csv", "objid;ra;dec", "1;150,5;2,5"))

    @pytest.mark.parametrize("pack", ["zip", "xz", "gz", "bz2"])
    @pytest.mark.parametrize("form", ["csv", "fits", "parquet"])
    def test_packed(self, tmp_path, pack, form):
        path = tmp_path / f"t.{form}"
        if form == "parquet":
            table().to_pandas().to_parquet(path)
        else:
            table().write(path)
        packed = tmp_path / f"t.{form}.{pack}"
        if pack == "zip":
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(path, path.name)
        else:
            packed.write_bytes({"gz": gzip, "xz": lzma, "bz2": bz2}[pack].compress(path.read_bytes()))
        check(packed)


class TestVotables:
    def text(self, fields, cells=None):
        cells = cells or list(zip(IDS, RA, DEC, strict=True))
        rows = "".join("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>" for row in cells)
        return (
            '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
            f"<TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
        )

    @pytest.mark.parametrize(
        "field",
        [
            '<FIELD name="{}"/>',
            "<FIELD name='{}'></FIELD>",
            '<FIELD name="{}" ucd="meta.id"><DESCRIPTION>a &gt; b</DESCRIPTION></FIELD>',
            '<FIELD datatype="char" name="{}"/>',
            '<FIELD name="{}" datatype="unicodeChar"/>',
            '<FIELD name="{}" datatype="char" arraysize="*"/>',
            '<FIELD name="{}" arraysize="3"/>',
        ],
    )
    def test_fields_without_a_datatype(self, tmp_path, field):
        fields = "".join(field.format(name) for name in ("objid", "ra", "dec"))
        check(written(tmp_path / "t.vot", self.text(fields)))

    def test_a_table_without_positions_before_the_right_one(self, tmp_path):
        buffer = BytesIO()
        table().write(buffer, format="votable")
        first = (
            '<TABLE name="about"><FIELD name="who" datatype="char" arraysize="*"/>'
            "<DATA><TABLEDATA><TR><TD>me</TD></TR></TABLEDATA></DATA></TABLE>"
        )
        (tmp_path / "t.vot").write_text(
            buffer.getvalue().decode().replace("<TABLE>", first + '<TABLE name="galaxies">')
        )
        _, report = check(tmp_path / "t.vot")
        assert any("the table galaxies of about, galaxies is read" in note for note in report.notes)

    def test_what_a_service_says_instead_of_a_table(self, tmp_path):
        text = (
            '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
            '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">No such table</INFO></RESOURCE></VOTABLE>'
        )
        with pytest.raises(InputError, match=r"without a table.*No such table"):
            read_catalog(written(tmp_path / "t.vot", text))

    @pytest.mark.parametrize("serialization", ["tabledata", "binary2"])
    def test_masked_values(self, tmp_path, serialization):
        mass = MaskedColumn(np.arange(12), mask=np.arange(12) == 3)
        table(mass=mass).write(tmp_path / "t.vot", format="votable", tabledata_format=serialization)
        catalog, _ = check(tmp_path / "t.vot")
        assert np.flatnonzero(catalog["mass"].isna()).tolist() == [3]
        assert catalog["mass"].dropna().tolist() == [i for i in range(12) if i != 3]


class TestFits:
    def test_the_table_with_the_positions_is_read(self, tmp_path):
        other = fits.BinTableHDU(Table({"band": ["u", "g"], "gain": [1.0, 2.0]}), name="GAINS")
        right = fits.BinTableHDU(table(), name="GALAXIES")
        fits.HDUList([fits.PrimaryHDU(np.zeros((4, 4))), other, right]).writeto(tmp_path / "t.fits")
        _, report = check(tmp_path / "t.fits")
        assert any("the table 2 (GALAXIES) of 1 (GAINS), 2 (GALAXIES) is read" in note for note in report.notes)

    def test_none_of_several_tables(self, tmp_path):
        hdus = [fits.BinTableHDU(Table({name: [1.0]}), name=name) for name in ("A", "B")]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "t.fits")
        with pytest.raises(InputError, match=r"None of the 2 tables.*1 \(A\): No column ra.*2 \(B\)"):
            read_catalog(tmp_path / "t.fits")

    def test_an_ascii_table(self, tmp_path):
        columns = [
            fits.Column(name, form, array=array, ascii=True)
            for name, form, array in (("objid", "I20", IDS), ("ra", "D25.16", RA), ("dec", "D25.16", DEC))
        ]
        fits.HDUList([fits.PrimaryHDU(), fits.TableHDU.from_columns(columns)]).writeto(tmp_path / "t.fits")
        check(tmp_path / "t.fits", 1e-12)

    def test_a_checksum_that_does_not_agree(self, tmp_path):
        fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table())]).writeto(tmp_path / "t.fits", checksum=True)
        check(tmp_path / "t.fits")
        data = bytearray((tmp_path / "t.fits").read_bytes())
        data[5760 + 100] ^= 1
        (tmp_path / "t.fits").write_bytes(data)
        with pytest.raises(InputError, match="DATASUM"):
            read_catalog(tmp_path / "t.fits")

    def test_user_columns_keep_their_values_and_types(self, tmp_path):
        more = {
            "flag": np.arange(12) % 2 == 0,
            "n": np.arange(12, dtype=np.int16),
            "mass": np.arange(12, dtype=np.float32),
        }
        table(**more, name=NAMES, wave=np.zeros((12, 3)), big=IDS + 1).write(tmp_path / "t.fits")
        catalog, report = check(tmp_path / "t.fits")
        for name, column in more.items():
            assert catalog[name].tolist() == column.tolist()
        assert (catalog["name"].tolist(), catalog["big"].tolist()) == (NAMES, (IDS + 1).tolist())
        assert "wave" not in catalog
        assert any("wave holds an array" in note for note in report.notes)

    def test_bytes_beyond_text_in_a_column_that_matters(self, tmp_path):
        table(gz2class=["Er"] * 12).write(tmp_path / "t.fits")
        data = (tmp_path / "t.fits").read_bytes()
        (tmp_path / "t.fits").write_bytes(data.replace(b"Er", b"\xa1\xd0", 3))
        with pytest.raises(InputError, match="row 1, column 'gz2class' holds bytes that are no text"):
            read_catalog(tmp_path / "t.fits")


class TestIdentity:
    def test_ids_that_repeat_elsewhere_are_made_of_positions(self, tmp_path):
        lines = [f"{330368 + i},{i % 4 + 1},{RA[i]},{DEC[i]}" for i in range(12)]
        catalog, report = read_catalog(written(tmp_path / "t.csv", "brickid,objid,ra,dec", *lines))
        assert catalog["galaxy_id"].tolist() == position_ids(RA, DEC).tolist()
        assert catalog["brickid"].tolist() == list(range(330368, 330380))
        assert report.duplicates.number == 0
        assert any("ids repeat at other positions" in note for note in report.notes)

    def test_one_id_of_many_at_another_position(self, tmp_path):
        lines = [*values(","), f"{IDS[4]},10.5,20.5", f"{IDS[5]},{RA[5] + 1e-5},{DEC[5]}"]
        catalog, report = read_catalog(written(tmp_path / "t.csv", "objid,ra,dec", *lines))
        assert catalog["galaxy_id"].tolist() == [*IDS.tolist(), *position_ids(10.5, 20.5).tolist()]
        assert (report.renamed.number, report.duplicates.number) == (1, 1)
        assert "more than 5 arcsec away" in " ".join(report.lines())

    @pytest.mark.parametrize("names", [[f"J{i:06d}.5-001" for i in range(12)], [f"{i}_{i * 7}" for i in range(12)]])
    def test_names_for_ids(self, tmp_path, names):
        pd.DataFrame({"id_str": names, "ra": RA, "dec": DEC}).to_parquet(tmp_path / "t.parquet")
        catalog, _ = read_catalog(tmp_path / "t.parquet")
        assert catalog["galaxy_id"].tolist() == [name_id(name) for name in names]
        assert catalog["id_str"].tolist() == names

    def test_ids_in_text_with_zeros_before_them_and_behind(self, tmp_path):
        catalog, report = read_catalog(written(tmp_path / "t.csv", "objid,ra,dec", "007,1,2", "8.0,2,2", "-9999,3,3"))
        assert (catalog["galaxy_id"].tolist(), report.unidentified.number) == ([7, 8], 1)
        with pytest.raises(InputError, match="'-5' is not an id"):
            read_catalog(written(tmp_path / "t.csv", "objid,ra,dec", "-5,1,2"))
        with pytest.raises(InputError, match="not an id"):
            read_catalog(written(tmp_path / "t.csv", "objid,ra,dec", f"{LARGE}.0,1,2"))

    def test_ids_of_single_precision(self, tmp_path):
        Table({"objid": np.array([5, 2**24 + 2], "f4"), "ra": [1.0, 2.0], "dec": [3.0, 4.0]}).write(tmp_path / "t.fits")
        with pytest.raises(InputError, match="floating point"):
            read_catalog(tmp_path / "t.fits")


def challenge(rows=50):
    """Conditional fractions of every question, and the columns of the Galaxy Challenge that follow from them."""
    rng = np.random.default_rng(3)
    shares, columns = {}, {}
    for question in QUESTIONS.values():
        fractions = rng.dirichlet(np.ones(len(question.answers)), rows)
        for place, answer in enumerate(question.answers):
            shares[answer] = fractions[:, place]
        before = 1.0
        if len(question.asked_after) == 1:
            before = columns[question.asked_after[0]]
        for answer in question.answers:
            columns[answer] = shares[answer] * before
    frame = {"GalaxyID": 100008 + 3 * np.arange(rows)}
    for number, question in enumerate(QUESTIONS.values(), 1):
        frame |= {f"Class{number}.{place}": columns[answer] for place, answer in enumerate(question.answers, 1)}
    return pd.DataFrame(frame), shares


def test_what_pandas_numbers_rows_with_is_nobodys_column(tmp_path):
    frame = table(mass=RA).to_pandas()
    frame.to_csv(tmp_path / "t.csv")
    frame.set_index(frame["ra"] > 200).to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        catalog, report = check(tmp_path / name)
        assert report.user_columns == ("mass",)
        assert set(catalog) == {"galaxy_id", "ra", "dec", "mass", "table_row"}


def test_one_value_in_brackets(tmp_path):
    Table({"objid": IDS[:, None], "ra": RA[:, None], "dec": DEC}).write(tmp_path / "t.fits")
    check(tmp_path / "t.fits")


def test_a_table_at_one_position_is_refused_at_once(tmp_path):
    lines = [f"{i},150,2" for i in range(30_000)]
    with pytest.raises(InputError, match=r"29,999 others within 2 arcsec.*or of their fields"):
        read_catalog(written(tmp_path / "t.csv", "objid,ra,dec", *lines))


class TestOtherVotes:
    def test_the_galaxy_challenge(self, tmp_path):
        frame, shares = challenge()
        frame.round(9).to_csv(tmp_path / "training_solutions_rev1.csv", index=False)
        catalog, report = read_catalog(tmp_path / "training_solutions_rev1.csv", scheme="tree")
        assert "Galaxy Challenge" in report.kind
        assert catalog["galaxy_id"].tolist() == frame["GalaxyID"].tolist()
        assert catalog[["ra", "dec"]].isna().all(axis=None)
        for question in QUESTIONS.values():
            for answer in question.answers:
                column = vote_column(question.name, answer, "weighted_fraction")
                np.testing.assert_allclose(catalog[column], shares[answer], atol=2e-4)
        assert report.labels.why_not["no votes"] == 0
        assert not any("do not sum" in note for note in report.notes)

    def test_a_question_that_nobody_reached_is_unknown(self, tmp_path):
        frame, _ = challenge(4)
        features = [
            name for name in frame if name.startswith(("Class2", "Class3", "Class4", "Class5", "Class9", "Class1"))
        ]
        frame.loc[0, features], frame.loc[0, "Class1.1"] = 0.0, 1.0
        frame.to_csv(tmp_path / "t.csv", index=False)
        catalog, _ = read_catalog(tmp_path / "t.csv")
        assert np.isnan(catalog.loc[0, vote_column("t02_edgeon", "a04_yes", "weighted_fraction")])
        assert catalog.loc[0, vote_column("t01_smooth_or_features", "a01_smooth", "weighted_fraction")] == 1.0

    def test_fractions_that_are_not_multiplied_are_told(self, tmp_path):
        frame, _ = challenge(4)
        frame.loc[:, [name for name in frame if name != "GalaxyID"]] = 1.0
        frame.to_csv(tmp_path / "t.csv", index=False)
        assert any("in 4 rows the fractions" in note for note in read_catalog(tmp_path / "t.csv")[1].notes)

    def test_galaxy_datasets_gz2(self, tmp_path):
        counts = {"smooth": [30, 2], "featured-or-disk": [5, 40], "artifact": [1, 0]}
        frame = pd.DataFrame({"id_str": [str(LARGE), str(LARGE + 1)], "ra": [1.0, 2.0], "dec": [3.0, 4.0]})
        for answer, votes in counts.items():
            frame[f"smooth-or-featured-gz2_{answer}"] = votes
            frame[f"smooth-or-featured-gz2_{answer}_fraction"] = np.array(votes) / [36, 42]
        frame["smooth-or-featured-gz2_total-votes"] = [36, 42]
        frame["how-rounded-gz2_round"], frame["how-rounded-gz2_in-between"], frame["how-rounded-gz2_cigar"] = 7, 2, 1
        frame["filename"] = [f"{LARGE}.jpg", f"{LARGE + 1}.jpg"]
        frame.to_parquet(tmp_path / "gz2_train_catalog.parquet")
        catalog, report = read_catalog(tmp_path / "gz2_train_catalog.parquet", scheme="votes")
        assert catalog["galaxy_id"].tolist() == [LARGE, LARGE + 1]
        assert catalog["t01_smooth_or_features_a02_features_or_disk_count"].tolist() == [5, 40]
        np.testing.assert_allclose(catalog["t01_smooth_or_features_a01_smooth_fraction"], [30 / 36, 2 / 42], rtol=1e-6)
        assert catalog["t07_rounded_a18_cigar_shaped_count"].tolist() == [1, 1]
        assert catalog["total_classifications"].tolist() == [36, 42]
        assert catalog["file"].tolist() == frame["filename"].tolist()
        assert catalog["label"].tolist() == ["smooth", "features_or_disk"]
        assert "galaxy-datasets" in report.kind

    def test_questions_with_other_answers_stay_as_they_are(self, tmp_path):
        frame = pd.DataFrame({"iauname": ["J1", "J2"], "ra": [1.0, 2.0], "dec": [3.0, 4.0]})
        for answer in ("yes", "no"):
            frame[f"has-spiral-arms_{answer}_fraction"] = 0.5
        for answer in ("strong", "weak", "no"):
            frame[f"bar_{answer}_fraction"] = 0.25
        frame.to_csv(tmp_path / "t.csv", index=False)
        catalog, report = read_catalog(tmp_path / "t.csv")
        assert catalog["t04_spiral_a08_spiral_fraction"].tolist() == [0.5, 0.5]
        assert catalog["bar_strong_fraction"].tolist() == [0.25, 0.25]
        assert not any(name.startswith("t03_bar") for name in catalog)
        assert any("other answers than in Galaxy Zoo 2 stay as they are: bar" in note for note in report.notes)
        assert labels_by("votes:t04_spiral", catalog).labels.notna().all()


@pytest.mark.parametrize("form", ["csv", "csv.gz", "csv.xz", "fits", "vot", "ecsv", "parquet", "dat", "mrt"])
def test_damaged_tables_are_read_or_refused(tmp_path, form):
    """Bytes changed, cut out, doubled and cut short: a catalogue or an error of ours, never another failure."""
    if form == "parquet":
        table(name=NAMES).to_pandas().to_parquet(tmp_path / "t")
    elif form.startswith("csv"):
        table(name=NAMES).write(tmp_path / "t", format="ascii.csv")
    else:
        writers = {"vot": "votable", "ecsv": "ascii.ecsv", "dat": "ascii.commented_header", "mrt": "ascii.mrt"}
        table(name=NAMES).write(tmp_path / "t", format=writers.get(form, form))
    data = (tmp_path / "t").read_bytes()
    data = {"csv.gz": gzip, "csv.xz": lzma}[form].compress(data) if "." in form else data
    rng = np.random.default_rng(len(form))
    for trial in range(40):
        damaged = bytearray(data)
        first, last = np.sort(rng.integers(0, len(data), 2))
        if trial % 4 == 0:
            damaged[first : first + 8] = rng.bytes(8)
        elif trial % 4 == 1:
            del damaged[first : min(last, first + 300)]
        elif trial % 4 == 2:
            damaged[first:first] = data[last : last + 200]
        else:
            del damaged[first:]
        (tmp_path / "t").write_bytes(damaged)
        try:
            catalog, _ = read_catalog(tmp_path / "t")
        except Gz2interpError:
            continue
        assert catalog["galaxy_id"].is_unique


@pytest.mark.realdata
def test_real_votes_survive_the_multiplication_down_the_tree(real_data, tmp_path):
    votes, _ = read_catalog(real_data / "gz2_main_sample.csv.gz")
    columns, expected = {"GalaxyID": votes["galaxy_id"]}, {}
    multiplied = {}
    for number, question in enumerate(QUESTIONS.values(), 1):
        names = [vote_column(question.name, answer, "weighted_fraction") for answer in question.answers]
        shares = votes[names].to_numpy(np.float64)
        total = shares.sum(axis=1, keepdims=True)
        before = multiplied[question.asked_after[0]] if len(question.asked_after) == 1 else np.ones(len(votes))
        shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
        for place, answer in enumerate(question.answers):
            multiplied[answer] = shares[:, place] * before
            columns[f"Class{number}.{place + 1}"] = multiplied[answer]
            reached = (total[:, 0] > 0) & (before > 0)
            expected[names[place]] = np.where(reached, shares[:, place], np.nan)
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    catalog, _ = read_catalog(tmp_path / "t.csv")
    assert catalog["galaxy_id"].tolist() == votes["galaxy_id"].tolist()
    for name, values in expected.items():
        np.testing.assert_allclose(catalog[name], values, atol=1e-5, err_msg=name)


@pytest.mark.realdata
@pytest.mark.parametrize("form", ["fits", "votable", "ascii.ecsv"])
def test_a_real_table_in_other_units(real_data, tmp_path, form):
    catalog, _ = read_catalog(real_data / "gz2_stripe82.csv.gz")
    some = catalog.head(300)
    lon, lat = np.radians(some["ra"].to_numpy()) * u.rad, some["dec"].to_numpy() * 3600 * u.arcsec
    Table({"dr7objid": some["galaxy_id"].to_numpy(), "ra": lon, "dec": lat}).write(tmp_path / "t", format=form)
    back, _ = read_catalog(tmp_path / "t")
    assert back["galaxy_id"].tolist() == some["galaxy_id"].tolist()
    np.testing.assert_allclose(back[["ra", "dec"]], some[["ra", "dec"]], atol=1e-9)


def test_the_last_line_of_a_table_of_vizier_and_comments_between_rows_are_no_rows(tmp_path):
    rows = values("\t")
    head = ["#RESOURCE=yCat", "objid\t_RAJ2000\t_DEJ2000", "\tdeg\tdeg", "-----\t-----\t-----"]
    check(written(tmp_path / "a.tsv", *head, *rows[:5], "# half of them", *rows[5:], "", "#END#"))
    damaged = written(tmp_path / "b.tsv", *head, *rows[:5], "half of them", *rows[5:], "#END#")
    with pytest.raises(InputError, match=r"line 10 has 1 fields"):
        read_catalog(damaged)


def test_null_in_an_ecsv_table_is_an_empty_field(tmp_path):
    head = ["# %ECSV 1.0", "# ---", "# delimiter: ','", "# datatype:"]
    kinds = {"source_id": "int64", "ra": "float64", "dec": "float64", "parallax": "float64", "visits": "int16"}
    head += [f"# - {{name: {name}, datatype: {kind}}}" for name, kind in kinds.items()]
    rows = [f"{row},{'null,null' if number % 2 else '0.5,7'}" for number, row in enumerate(values(","))]
    (tmp_path / "gaia.csv.gz").write_bytes(gzip.compress("\n".join([*head, ",".join(kinds), *rows, ""]).encode()))
    catalog, _ = check(tmp_path / "gaia.csv.gz")
    np.testing.assert_array_equal(catalog["parallax"], [0.5, np.nan] * 6)
    np.testing.assert_array_equal(catalog["visits"], [7, np.nan] * 6)


def test_numbers_joined_by_a_hyphen_are_names(tmp_path):
    rows = [f"{number + 1}-{109056 + number},{ra},{dec}" for number, (ra, dec) in enumerate(zip(RA, DEC, strict=True))]
    catalog, _ = read_catalog(written(tmp_path / "manga.csv", "id,ra,dec", *rows))
    assert catalog["galaxy_id"].tolist() == [name_id(f"{number + 1}-{109056 + number}") for number in range(12)]


def test_a_table_of_the_dark_energy_survey_keeps_its_ids(tmp_path):
    catalog, _ = check(written(tmp_path / "des.csv", "COADD_OBJECT_ID,RA,DEC", *values(",")))
    assert "COADD_OBJECT_ID" not in catalog


@pytest.mark.parametrize("text", ['{"ra": 1}', '[{"ra": 1}]', '[\n  {"ra": 1}\n]', "[[1, 2], [3, 4]]"])
def test_json_is_called_json(tmp_path, text):
    with pytest.raises(InputError, match="is JSON"):
        read_catalog(written(tmp_path / "a.csv", text))


@pytest.mark.parametrize("status", ["OK", "OVERFLOW"])
def test_a_table_that_a_service_cut_at_its_limit_is_noted(tmp_path, status):
    table().write(tmp_path / "t.vot", format="votable")
    text = (tmp_path / "t.vot").read_text()
    info = f'<INFO name="QUERY_STATUS" value="{status}"/>'
    (tmp_path / "t.vot").write_text(text.replace("</TABLE>", f"</TABLE>{info}"))
    _, report = check(tmp_path / "t.vot")
    assert any("OVERFLOW" in note for note in report.notes) == (status == "OVERFLOW")


def test_a_catalogue_of_sextractor_names_its_columns_line_by_line(tmp_path):
    names = ("ID Running object number", "ALPHA_J2000 Right ascension (J2000) [deg]", "DELTA_J2000 Declination [deg]")
    head = [f"#   {number} {name}" for number, name in enumerate(names, 1)]
    _, report = check(written(tmp_path / "t.cat", *head, *values("  ")))
    assert report.format == "SExtractor"
    assert check(written(tmp_path / "t.txt", "# 1 comment", "# ID RA DEC", *values(" ")))[1].format == "CSV"


def test_units_of_columns_of_ones_own_are_kept_and_exported(tmp_path):
    """The table of a survey of VizieR, whose own positions are sexagesimal, and a table that is joined to it."""
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.export import export_selection
    from gz2interp.workflows.selection import GalaxyFilter, choose

    lines = [
        "Name\t_RAJ2000\t_DEJ2000\tRAJ2000\tDEJ2000\tVel",
        "\tdeg\tdeg\th:m:s\td:m:s\tkm/s",
        "--\t--\t--\t--\t--\t--",
    ]
    rows = [(150.123456, 2.345678, "10 00 29.6", "+02 20 44"), (151.223456, 3.345678, "10 04 53.6", "+03 20 44")]
    lines += [f"A {n}\t{ra}\t{dec}\t{hours}\t{degrees}\t{1200 + n}" for n, (ra, dec, hours, degrees) in enumerate(rows)]
    other = Table({"ra": [row[0] for row in rows], "dec": [row[1] for row in rows], "odd": [1.5, 2.5]})
    other["odd"].unit = "furlong"  # no standard's
    other.write(tmp_path / "other.ecsv")
    catalog, _ = read_catalog(
        written(tmp_path / "vizier.tsv", *lines), joins=[JoinSettings(tmp_path / "other.ecsv", on="position")]
    )
    np.testing.assert_array_equal(catalog[["ra", "dec"]], [row[:2] for row in rows])
    survey = Survey.create(tmp_path / "survey", catalog, source="none")
    for suffix in ("fits", "vot", "ecsv"):
        file = tmp_path / f"out.{suffix}"
        export_selection(choose(survey, GalaxyFilter()), file)
        with warnings.catch_warnings(action="ignore"):
            exported = Table.read(file)
        assert (str(exported["Vel"].unit), str(exported["odd"].unit)) == ("km / s", "furlong")
