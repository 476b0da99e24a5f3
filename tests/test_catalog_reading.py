from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, Table

from gz2interp.errors import InputError
from trainer.catalog import ids_of, name_id, position_ids, read_catalog

LARGE = 588015507658768484  # beyond 2**53; the nearest float64 is another galaxy
SMOOTH = "t01_smooth_or_features_a01_smooth_debiased"


def written(folder: Path, *lines: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def main_table(folder: Path, *rows: str) -> Path:
    return written(folder, f"specobjid,dr7objid,ra,dec,rastring,gz2class,{SMOOTH}", *rows)


GOOD = f"12345678901234567890,{LARGE},150.5,+2.25,10:02:00,Sb2t(r),0.469"


class TestIdentity:
    def test_csv(self, tmp_path):
        catalog, report = read_catalog(main_table(tmp_path, GOOD))
        assert catalog.loc[0, "galaxy_id"] == LARGE
        assert catalog["galaxy_id"].dtype == np.int64
        assert report.format == "CSV"
        assert "zoo2MainSpecz" in report.kind

    @pytest.mark.parametrize("form", ["fits", "votable"])
    @pytest.mark.parametrize("kind", [np.int64, str])
    def test_binary_tables(self, tmp_path, form, kind):
        ids = np.array([LARGE, LARGE + 1]).astype(kind)
        table = Table({"DR7OBJID": ids, "RA": [1.0, 2.0], "DEC": [3.0, 4.0], "gz2class": ["Er", ""]})
        table.write(tmp_path / "t", format=form)
        catalog, report = read_catalog(tmp_path / "t")
        assert catalog["galaxy_id"].tolist() == [LARGE, LARGE + 1]
        assert report.format == {"fits": "FITS", "votable": "VOTable"}[form]
        assert catalog["gz2class"].isna().tolist() == [False, True]

    @pytest.mark.parametrize("form", ["fits", "votable"])
    def test_a_masked_id_is_no_id(self, tmp_path, form):
        ids = MaskedColumn(np.array([LARGE, 0]), mask=[False, True])
        Table({"objid": ids, "ra": [1.0, 2.0], "dec": [3.0, 4.0]}).write(tmp_path / "t", format=form)
        catalog, report = read_catalog(tmp_path / "t")
        assert catalog["galaxy_id"].tolist() == [LARGE]
        assert report.unidentified.number == 1

    def test_parquet_with_a_gap(self, tmp_path):
        ids = pd.array([LARGE, None], dtype="Int64")
        pd.DataFrame({"galaxy_id": ids, "ra": [1.0, 2.0], "dec": 0.0}).to_parquet(tmp_path / "t.parquet")
        catalog, report = read_catalog(tmp_path / "t.parquet")
        assert (catalog["galaxy_id"].tolist(), report.unidentified.number) == ([LARGE], 1)

    def test_an_id_that_went_through_floating_point_is_refused(self, tmp_path):
        Table({"dr7objid": [float(LARGE)], "ra": [1.0], "dec": [2.0]}).write(tmp_path / "t.fits")
        with pytest.raises(InputError, match=r"'dr7objid' is stored as floating point"):
            read_catalog(tmp_path / "t.fits")

    def test_a_spreadsheets_id_is_refused(self, tmp_path):
        path = written(tmp_path, "dr7objid,ra,dec", "1,2,3", "5.88015507658768E+17,150,2")
        with pytest.raises(InputError, match=r"'dr7objid', row 2: '5\.88015507658768E\+17'.*spreadsheet"):
            read_catalog(path)

    def test_an_id_beyond_64_bits_is_refused(self):
        with pytest.raises(InputError, match="below 2"):
            ids_of(pd.Series(["9223372036854775808"], dtype="str"), "t.csv")

    def test_ids_from_positions(self, tmp_path):
        catalog, report = read_catalog(written(tmp_path, "ra,dec", "8.0,-1.0", "8.00001,-1.0"))
        assert catalog["galaxy_id"].tolist() == [288000032040000, 288000432040000]
        assert "derived from the positions" in " ".join(report.lines())
        assert position_ids(359.9999999999, 90.0)[0] == 64800000 == position_ids(0.0, 90.0)[0]
        assert 2**62 <= name_id("ngc1") < 2**63 > name_id("ngc2") != name_id("ngc1")


class TestSpellings:
    def test_signs_blanks_and_quotes(self, tmp_path):
        path = main_table(tmp_path, GOOD, f'1,{LARGE + 1}, 10 , NaN,"a, b",Er,--', f"2,{LARGE + 2},20,+0.5,,,")
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n2,", b"\r\n2,"))
        catalog, report = read_catalog(path)
        assert (report.rows, report.unplaced.number) == (3, 1)
        assert catalog["dec"].tolist() == [2.25, 0.5]
        assert np.isnan(catalog.loc[1, SMOOTH])

    @pytest.mark.parametrize("sign", ["", "+"])  # Arrow reads numbers without a sign; we read them all
    @pytest.mark.parametrize("closed", [True, False])
    @pytest.mark.parametrize("behind", [3, pytest.param(30_000, marks=pytest.mark.long)])
    def test_a_quote_swallows_nobody(self, tmp_path, sign, closed, behind):
        rows = [f"{n},{LARGE + n},{10 + n / 100},{sign}{n % 90},,," for n in range(2, behind)]
        broken = f'1,{LARGE + 1},10,{sign}1,"no end,Er,'
        path = main_table(
            tmp_path,
            "",
            GOOD.replace("+", sign),
            "",
            broken,
            *rows,
            f"{behind},{LARGE},1,1,{chr(34) if closed else ''},,",
        )
        with pytest.raises(InputError, match=r"line 5: a quoted value continues to line \d+.*never closed"):
            read_catalog(path)
        path.write_text(path.read_text().replace('"', ""))
        assert read_catalog(path)[1].rows == behind + 1

    def test_tabs_and_bzip2(self, tmp_path):
        (tmp_path / "t").write_bytes(bz2.compress(f"objid\tra\tdec\n{LARGE}\t1\t2\n".encode()))
        assert read_catalog(tmp_path / "t")[0]["galaxy_id"].tolist() == [LARGE]


class TestFaults:
    def test_a_word_for_a_number(self, tmp_path):
        with pytest.raises(InputError, match=r"table\.csv, line 3, column 'dec': 'north'.*number was expected"):
            read_catalog(main_table(tmp_path, GOOD, f"1,{LARGE + 1},1,north,,Er,0.5"))

    def test_a_row_cut_short(self, tmp_path):
        with pytest.raises(InputError, match=r"line 3 has 3 fields.*7 fields were expected.*line 1"):
            read_catalog(main_table(tmp_path, GOOD, f"1,{LARGE + 1},15"))

    def test_bytes_that_are_not_text(self, tmp_path):
        path = main_table(tmp_path, GOOD)
        path.write_bytes(path.read_bytes() + b"1,2,3,4,,E\xff,0.5\n")
        with pytest.raises(InputError, match=r"line 3, column 'gz2class'.*UTF-8"):
            read_catalog(path)

    def test_lines_are_counted_below_comments(self, tmp_path):
        path = written(tmp_path, "#Table1", "objid;ra;dec", "1;2;3", "", "2;x;3")
        with pytest.raises(InputError, match=r"line 5, column 'ra': 'x'"):
            read_catalog(path)

    def test_no_position(self, tmp_path):
        with pytest.raises(InputError, match=r"No column ra and no column dec; the table has objid, name"):
            read_catalog(written(tmp_path, "objid,name", "1,a"))

    def test_a_name_twice(self, tmp_path):
        with pytest.raises(InputError, match=r"line 1 names 'ra' more than once"):
            read_catalog(written(tmp_path, "ra,dec,ra", "1,2,3"))

    def test_an_empty_file(self, tmp_path):
        with pytest.raises(InputError, match="is empty"):
            read_catalog(written(tmp_path, ""))

    def test_no_file(self, tmp_path):
        with pytest.raises(InputError, match="no file"):
            read_catalog(tmp_path / "nowhere.csv")

    def test_nothing_left(self, tmp_path):
        with pytest.raises(InputError, match="No galaxy is left of the 1 rows"):
            read_catalog(written(tmp_path, "objid,ra,dec", "1,400,2"))

    @pytest.mark.parametrize("share", [0.001, 0.5])
    def test_a_download_cut_short(self, tmp_path, share):
        rows = "\n".join(f"{number},{number % 360},0" for number in range(20_000))
        packed = gzip.compress(f"objid,ra,dec\n{rows}\n".encode())
        (tmp_path / "t.csv.gz").write_bytes(packed[: int(len(packed) * share)])
        with pytest.raises(InputError, match=r"t\.csv\.gz cannot be read.*cut short"):
            read_catalog(tmp_path / "t.csv.gz")

    @pytest.mark.parametrize("start", [b"SIMPLE  =                    T", b"<?xml version='1.0'?><VOTABLE>", b"PAR1"])
    def test_damaged_binary_tables(self, tmp_path, start):
        (tmp_path / "t").write_bytes(start + b"rubbish")
        with pytest.raises(InputError, match=r"cannot be read|without a table"):
            read_catalog(tmp_path / "t")


class TestCleaning:
    def test_positions_that_are_none(self, tmp_path):
        rows = ["1,10,5", "2,,5", "3,nan,5", "4,361,5", "5,10,-90.5", "6,360,5"]
        catalog, report = read_catalog(written(tmp_path, "objid,ra,dec", *rows))
        assert catalog["galaxy_id"].tolist() == [1, 6]
        assert catalog["table_row"].tolist() == [0, 5]
        assert catalog["ra"].tolist() == [10.0, 0.0]
        assert report.unplaced.number == 4
        assert report.unplaced.examples[2] == "4 at ra 361, dec 5"

    def test_the_first_of_duplicates_stays(self, tmp_path):
        catalog, report = read_catalog(
            written(tmp_path, "objid,ra,dec,specz", "1,10,5,0.1", "2,11,5,0.2", "1,10.0005,5,0.3")
        )
        assert catalog["redshift"].tolist() == [0.1, 0.2]
        assert (report.duplicates.number, report.duplicates.examples) == (1, ("1",))

    def test_near_pairs_stay_and_are_told(self, tmp_path):
        near = 1.5 / 3600
        rows = ["1,0.0001,60", f"2,{0.0001 - 2 * near + 360},60", f"3,10,{5 + near}", "4,10,5", f"5,10,{5 - 3 * near}"]
        catalog, report = read_catalog(written(tmp_path, "objid,ra,dec", *rows))
        assert len(catalog) == 5
        assert report.pairs.examples == ("1 and 2", "3 and 4")

    def test_sentinels_are_unknown(self, tmp_path):
        catalog, report = read_catalog(written(tmp_path, "objid,ra,dec,petroRad_r", "1,1,-9,-9999", "2,2,2,4.5"))
        assert np.isnan(catalog.loc[0, "petro_radius"])
        assert (catalog.loc[0, "dec"], report.blanked) == (-9.0, 1)


class TestColumns:
    def test_z_beside_the_other_bands_is_a_magnitude(self, tmp_path):
        catalog, report = read_catalog(written(tmp_path, "objid,ra,dec,u,g,r,i,z", "1,2,3,19,18,17,16.5,16.2"))
        assert catalog.loc[0, "z"] == 16.2
        assert "redshift" not in catalog
        assert "u, g, r, i, z are magnitudes" in report.notes

    def test_z_alone_is_a_redshift(self, tmp_path):
        catalog, report = read_catalog(written(tmp_path, "objid,ra,dec,z", "1,2,3,0.05"))
        assert catalog.loc[0, "redshift"] == 0.05
        assert "z occurs without u, g, r and i, so it is read as the redshift" in report.notes

    def test_z_beside_some_bands_is_unclear(self, tmp_path):
        catalog, report = read_catalog(written(tmp_path, "objid,ra,dec,g,r,z", "1,2,3,17,16,15.5"))
        assert not {"z", "redshift"} & set(catalog)
        assert "magnitude or redshift is unclear" in " ".join(report.notes)
        assert (report.user_columns, catalog.loc[0, "original_z"]) == (("g", "r", "z"), 15.5)

    def test_names_of_others(self, tmp_path):
        header = (
            "OBJID,RA,DEC,PETROR90_R,PETROMAG_U,PETROMAG_G,PETROMAG_R,PETROMAG_I,PETROMAG_Z,REDSHIFT,expAB_r,E_BV,mass"
        )
        catalog, report = read_catalog(written(tmp_path, header, "7,1,2,8.5,19,18,17,16,15,0.1,0.6,0.02,10.5"))
        names = [
            "galaxy_id",
            "ra",
            "dec",
            "petro_radius",
            "redshift",
            "axis_ratio",
            "ebv",
            "table_row",
            "mass",
            *"ugriz",
        ]
        assert sorted(catalog) == sorted(names)
        assert (report.user_columns, catalog.loc[0, "mass"]) == (("mass",), 10.5)
        assert any("PETROR90_R, the radius of 90 % of the light" in note for note in report.notes)

    def test_our_own_export_comes_back(self, tmp_path):
        from gz2interp.stores.tables import write_table

        frame = pd.DataFrame(
            {"galaxy_id": [LARGE, 2], "ra": [1.0, 2.0], "dec": [3.0, 4.0], "label": pd.array(["E", None], dtype="str")}
        ).assign(status="ok", x=0.5)
        for suffix in (".csv", ".fits", ".vot", ".parquet"):
            write_table(tmp_path / f"t{suffix}", frame)
            catalog, report = read_catalog(tmp_path / f"t{suffix}")
            assert report.kind == "an export of a gz2interp survey"
            assert catalog["galaxy_id"].tolist() == [LARGE, 2]
            assert catalog["label"].isna().tolist() == [False, True]

    def test_classes_outside_the_grammar_are_listed(self, tmp_path):
        catalog, report = read_catalog(
            main_table(tmp_path, GOOD, f"1,{LARGE + 1},1,2,,Sx9,0.5", f"1,{LARGE + 2},1,2,,,0.5")
        )
        assert (report.classified, report.unknown_classes.number) == (1, 1)
        assert report.unknown_classes.examples == ("Sx9",)
        assert catalog[SMOOTH].dtype == np.float32


def test_a_large_table(tmp_path):
    rows, columns = 20_000, 12
    rng = np.random.default_rng(5)
    names = [f"t07_rounded_a16_completely_round_{kind}" for kind in ("fraction", "debiased")]
    frame = pd.DataFrame(rng.random((rows, columns)), columns=[*names, *(f"extra{n}" for n in range(columns - 2))])
    frame.insert(0, "dr7objid", LARGE + np.arange(rows))
    frame = frame.assign(ra=rng.uniform(0, 360, rows), dec=rng.uniform(-60, 60, rows), gz2class="Sb2t")
    frame.to_csv(tmp_path / "t.csv.gz", index=False, compression={"method": "gzip", "compresslevel": 1})
    catalog, report = read_catalog(tmp_path / "t.csv.gz", scheme="e_vs_s")
    assert catalog["galaxy_id"].tolist() == list(range(LARGE, LARGE + rows))
    np.testing.assert_array_equal(catalog[names[1]], frame[names[1]].astype(np.float32))
    assert report.classified == rows
    assert len(report.user_columns) == columns - 2
    np.testing.assert_array_equal(catalog["extra3"], frame["extra3"])


@pytest.mark.realdata
def test_the_stripe_82_table(real_data):
    catalog, report = read_catalog(real_data / "gz2_stripe82.csv.gz", scheme="five_class")
    assert (report.rows, report.galaxies, report.duplicates.number) == (16_335, 16_331, 4)
    assert report.pairs.number == 0  # the rows near one another are the duplicates
    assert catalog["z"].median() > 10
    assert "Stripe 82" in report.kind


@pytest.mark.realdata
def test_the_main_table(real_data):
    catalog, report = read_catalog(real_data / "gz2_main_sample.csv.gz", scheme="e_vs_s")
    assert (report.rows, report.galaxies, report.classified, report.unknown_classes.number) == (1550, 1550, 1550, 0)
    assert catalog["label"].value_counts().to_dict() == {"E": 812, "S": 738}
    assert "gz2_hart16" in report.kind
    assert sum(name.startswith("t") and name[1:3].isdigit() for name in catalog) == 37 * 6
