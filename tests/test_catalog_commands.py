"""What a table brings, from the command line into a survey and out of it again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from command_line import ran

from gz2interp.errors import InputError
from gz2interp.schema import BANDS
from gz2interp.stores.survey import Survey
from trainer.catalog import read_catalog
from trainer.download import Plan, open_download

FIRST = 588015507658768484
IDS = FIRST + np.arange(4)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for place, galaxy_id in enumerate(IDS):
        np.save(folder / f"{galaxy_id}.npy", np.random.default_rng(place).normal(size=(5, 16, 16)).astype(np.float32))
    return folder


@pytest.fixture
def table(tmp_path):
    frame = pd.DataFrame({"objid": IDS, "ra": [1.0, 2, 3, 4], "dec": 5.0, "LogMass": [9.5, 10.0, 10.5, 11.0]})
    frame = frame.assign(remark=["faint", "Mü 1", "", "d"], plate=["0012", "0013", "0014", "0015"])
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def trainer(*words):
    return ran(*words, module="trainer.__main__")


@pytest.mark.parametrize("option", ["--join", "--scheme"])
def test_options_of_a_table_need_one(tmp_path, images, table, option):
    given = table if option == "--join" else "e_vs_s"
    done = trainer("ingest", tmp_path / "s", "--source", "folder", "--from", images, option, given)
    assert done.returncode != 0
    assert f"{option} stands without --catalog" in done.stdout + done.stderr
    assert not (tmp_path / "s").exists()


def test_columns_of_the_users_own_come_out_again(tmp_path, images, table):
    done = trainer("ingest", tmp_path / "s", "--source", "folder", "--from", images, "--catalog", table, "--size", 16)
    assert done.returncode == 0, done.stderr
    assert "other columns, kept as they are: LogMass, remark, plate" in done.stdout
    catalog = Survey.open(tmp_path / "s").catalog
    assert catalog["LogMass"].tolist() == [9.5, 10.0, 10.5, 11.0]
    assert catalog["plate"].tolist() == ["0012", "0013", "0014", "0015"]
    for suffix in ("csv", "fits", "vot", "parquet"):
        out = tmp_path / f"out.{suffix}"
        assert ran("survey", "export", tmp_path / "s", "--out", out).returncode == 0
        back, report = read_catalog(out)
        assert back["galaxy_id"].tolist() == IDS.tolist()
        assert back["LogMass"].tolist() == [9.5, 10.0, 10.5, 11.0]
        assert report.kind == "an export of a gz2interp survey"
        assert {"status", "reason", "tries"} <= set(report.left_out)


def test_the_report_says_units_and_frames_and_what_was_dropped(tmp_path):
    lines = ["objid,ra_hours,dec,EQUINOX", "1,10.0,2.0,1950", "2,11.0,3.0,1950", "3,12.0,-9999,1950", ",1.0,2.0,1950"]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "catalog.parquet"
    done = trainer("catalog", tmp_path / "t.csv", "--out", out)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "positions are ra_hours and dec" in said
    assert "ra_hours is in hour" in said
    assert "FK4 B1950, converted to ICRS" in said
    assert "1 rows dropped: no id" in said
    assert "1 rows dropped: no position on the sphere" in said
    np.testing.assert_allclose(pd.read_parquet(out)["ra"], [150.64, 165.65], atol=0.02)


def test_a_download_of_galaxies_without_positions_is_refused(tmp_path):
    pd.DataFrame({"objid": IDS, "gz2class": "Er"}).to_csv(tmp_path / "t.csv", index=False)
    assert "no positions" in " ".join(read_catalog(tmp_path / "t.csv")[1].notes)
    with pytest.raises(InputError, match=r"t\.csv has no positions, and archives find galaxies by position"):
        open_download(tmp_path / "s", tmp_path / "t.csv", lambda path: read_catalog(path)[0], Plan())
    assert not (tmp_path / "s").exists()


def test_images_of_galaxies_without_positions(tmp_path, images):
    labels = pd.DataFrame({"id_str": IDS.astype(str), "label": list("abab")})
    labels.to_csv(tmp_path / "labels.csv", index=False)
    done = trainer(
        "ingest", tmp_path / "s", "--source", "folder", "--from", images, "-c", tmp_path / "labels.csv", "--size", 16
    )
    assert done.returncode == 0, done.stderr
    survey = Survey.open(tmp_path / "s")
    assert survey.bands == BANDS
    assert survey.usable.all()
    assert survey.catalog["label"].tolist() == list("abab")
    assert survey.catalog[["ra", "dec"]].isna().all(axis=None)
    np.testing.assert_array_equal(survey.images([2])[0, ..., 1], np.load(images / f"{IDS[2]}.npy")[1])
