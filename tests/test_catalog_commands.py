"""What a table brings, from the command line into a survey and out of it again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from command_line import ran

from gz2interp.errors import InputError
from gz2interp.schema import BANDS, QUESTIONS
from gz2interp.stores.survey import Survey
from trainer.catalog import read_catalog
from trainer.download import DownloadPlan, open_download
from trainer.sources.folder_index import catalog_of_folder

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
    assert f"{option} was given without --catalog" in done.stdout + done.stderr
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
    with pytest.raises(InputError, match=r"t\.csv has no positions, by which archives are queried"):
        open_download(tmp_path / "s", tmp_path / "t.csv", lambda path: read_catalog(path)[0], DownloadPlan())
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


class TestFilesOfATable:
    """Tables name images by paths of the machine on which they were made."""

    @pytest.fixture
    def folder(self, tmp_path):
        for place, name in enumerate(("587/a.npy", "587/b.npy", "588/a.npy", "c.npy")):
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.full((5, 16, 16), place, np.float32))
        return tmp_path / "images"

    def files(self, folder, names):
        catalog = pd.DataFrame({"galaxy_id": np.arange(len(names)), "ra": np.nan, "dec": np.nan, "file": names})
        return catalog_of_folder(folder, catalog.assign(table_row=np.arange(len(names))))["file"].tolist()

    def test_paths_names_and_suffixes(self, folder):
        names = ["/data/gz/587/a.npy", "b.npy", "588\\a.png", "/x/c", "587/b", "nowhere.npy", "a.npy"]
        assert self.files(folder, names) == [
            *("587/a.npy", "587/b.npy", "588/a.npy", "c.npy", "587/b.npy"),
            *("nowhere.npy", "a.npy"),  # not there, and one of two: the galaxy's status will say so
        ]

    def test_a_table_of_galaxy_datasets(self, folder, tmp_path):
        frame = pd.DataFrame({"iauname": ["J1.a", "J2.b"], "ra": [1.0, 2.0], "dec": 3.0})
        frame["smooth-or-featured-dr5_smooth"], frame["smooth-or-featured-dr5_artifact"] = [30, 2], 0
        frame["smooth-or-featured-dr5_featured-or-disk"] = [5, 40]
        frame["file_loc"] = ["/raid/587/b.png", "/raid/c.png"]
        frame.to_parquet(tmp_path / "train.parquet")
        catalog = catalog_of_folder(folder, tmp_path / "train.parquet")
        assert catalog["file"].tolist() == ["587/b.npy", "c.npy"]
        assert catalog["t01_smooth_or_features_a01_smooth_count"].tolist() == [30, 2]

    def test_images_named_for_their_galaxies(self, tmp_path):
        (tmp_path / "images").mkdir()
        for name in ("347068_1123", "ngc1"):
            np.save(tmp_path / "images" / f"{name}.npy", np.zeros((5, 8, 8)))
        frame = pd.DataFrame({"dr8_id": ["ngc1", "347068_1123", "x1"], "label": list("abc")})
        frame.to_csv(tmp_path / "t.csv", index=False)
        files = catalog_of_folder(tmp_path / "images", tmp_path / "t.csv")["file"]
        assert files.tolist()[:2] == ["ngc1.npy", "347068_1123.npy"]
        assert files.isna().tolist() == [False, False, True]

    def test_a_table_that_fits_no_image(self, folder):
        with pytest.raises(InputError, match="None of the 4 images"):
            self.files(folder, ["x.png", "y.png"])


def test_the_galaxy_challenge_with_its_images(tmp_path):
    from PIL import Image

    ids = [100008, 100023, 100053]
    (tmp_path / "images").mkdir()
    for place, galaxy_id in enumerate(ids):
        pixels = np.random.default_rng(place).integers(60 * place, 60 * place + 50, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{galaxy_id}.png")
    columns = [
        f"Class{i}.{j + 1}" for i, question in enumerate(QUESTIONS.values(), 1) for j in range(len(question.answers))
    ]
    frame = pd.DataFrame({"GalaxyID": ids} | dict.fromkeys(columns, 0.0))
    smooth = np.array([0.9, 0.2, 0.6])
    frame["Class1.1"], frame["Class1.2"], frame["Class6.2"] = smooth, 1 - smooth, 1.0
    frame["Class2.1"] = frame["Class9.1"] = 1 - smooth  # all edge-on
    frame["Class7.1"], frame["Class7.2"] = smooth * [0.9, 0.5, 0.1], smooth * [0.1, 0.5, 0.9]
    frame.to_csv(tmp_path / "training_solutions_rev1.csv", index=False)
    done = trainer(
        "ingest", tmp_path / "s", "--source", "folder", "--from", tmp_path / "images", "--size", 32,
        "--catalog", tmp_path / "training_solutions_rev1.csv", "--scheme", "tree",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "do not sum" not in done.stdout
    survey = Survey.open(tmp_path / "s")
    assert survey.usable.all()
    assert survey.catalog["galaxy_id"].tolist() == ids
    np.testing.assert_allclose(survey.catalog["t07_rounded_a16_completely_round_weighted_fraction"], [0.9, 0.5, 0.1])
    assert survey.catalog["label"].tolist() == ["round", "edge_on", "in_between"]
    means = survey.images([0, 1, 2]).mean(axis=(1, 2, 3))
    assert (np.diff(means) > 0).all()


@pytest.mark.parametrize("text", ["u,g,r", "u, g, r", "ugr", " ugr "])
def test_bands_are_letters_or_names_between_commas(text):
    from trainer.__main__ import _bands

    assert _bands(text) == ("u", "g", "r")
