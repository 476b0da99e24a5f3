from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gz2interp.errors import InputError
from trainer.catalog import JoinSettings, join, read_catalog

LARGE = 588015507658768484
CATALOG = pd.DataFrame({"galaxy_id": LARGE + np.arange(3), "ra": [10.0, 20.0, 30.0], "dec": 5.0, "petro_radius": 4.0})


def table(folder, text):
    path = folder / "other.csv"
    path.write_text(text)
    return path


def test_by_id_keeps_every_galaxy_in_its_place(tmp_path):
    path = table(
        tmp_path, f"dr7objid,Z,MASS,petroRad_r\n{LARGE + 2},0.1,10.5,9\n{LARGE},-9999,11,9\n{LARGE},0.3,12,9\n"
    )
    joined, report = join(CATALOG, path)
    assert joined["galaxy_id"].tolist() == CATALOG["galaxy_id"].tolist()
    np.testing.assert_array_equal(joined["redshift"], [np.nan, np.nan, 0.1])
    np.testing.assert_array_equal(joined["mass"], [11, np.nan, 10.5])
    assert joined["petro_radius"].tolist() == [4.0] * 3
    assert (report.matched, report.galaxies, report.ambiguous) == (2, 3, 1)
    assert report.added == ("redshift", "mass")
    assert report.not_overwritten == ("petro_radius",)
    assert "2 of 3 galaxies matched" in report.lines()[0]


def test_by_position_takes_the_nearest(tmp_path):
    arcsec = 1 / 3600
    rows = [(10, 5 + 1.5 * arcsec, 1), (10, 5 - arcsec, 2), (20, 5 + 2.5 * arcsec, 3), (390, 5, 4)]
    path = table(tmp_path, "ra,dec,ebv\n" + "\n".join(f"{ra},{dec},{ebv}" for ra, dec, ebv in rows))
    joined, report = join(CATALOG, path, on="position")
    np.testing.assert_array_equal(joined["ebv"], [2, np.nan, 4])
    assert (report.matched, report.ambiguous) == (2, 1)
    wider, _ = join(CATALOG, path, on="position", within=3.0)
    assert wider["ebv"].tolist() == [2, 3, 4]


def test_large_ids_and_words_stay_words(tmp_path):
    path = table(tmp_path, f"objid,plate_id,name,n\n{LARGE},{LARGE + 1},NGC 1,3\n{LARGE + 1},,null,4\n")
    joined, _ = join(CATALOG, path)
    assert joined["plate_id"].tolist()[0] == str(LARGE + 1)
    assert joined["name"].isna().tolist() == [False, True, True]
    assert joined["n"].dtype == np.float64


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"columns": ("mass",)}, "no column mass.*one of"),
        ({"columns": ("petroRad_r",)}, "already has petro_radius"),
        ({"on": "position"}, "no ra and dec.*by id"),
    ],
)
def test_what_cannot_be_joined(tmp_path, wish, message):
    path = table(tmp_path, f"objid,petroRad_r\n{LARGE},1\n")
    with pytest.raises(InputError, match=message):
        join(CATALOG, path, **wish)


def test_strangers(tmp_path):
    with pytest.raises(InputError, match=r"No galaxy of the catalogue is in other\.csv by id"):
        join(CATALOG, table(tmp_path, "objid,x\n5,1\n"))


def test_labels_are_made_after_the_join(tmp_path):
    CATALOG.to_csv(tmp_path / "catalog.csv", index=False)
    path = table(tmp_path, f"dr7objid,gz2class\n{LARGE},Er\n{LARGE + 1},Sb\n")
    catalog, report = read_catalog(
        tmp_path / "catalog.csv", scheme="e_vs_s", joins=[JoinSettings(path, columns=("gz2class",))]
    )
    assert catalog["label"].tolist()[:2] == ["E", "S"]
    assert report.labels.why_not["no gz2class"] == 1
    assert report.joins[0].matched == 2
    assert len(report.lines()) >= 4


def test_positions_off_the_sphere_find_no_partner(tmp_path):
    (tmp_path / "a.csv").write_text("objid,ra,dec\n1,10.1,1.0\n2,10.2,1.1\n")
    (tmp_path / "b.csv").write_text("ra,dec,redshift\n10.1,1.0,0.1\ninf,1.1,0.2\n10.2,95,0.3\n")
    joined, report = read_catalog(tmp_path / "a.csv", joins=[JoinSettings(tmp_path / "b.csv", on="position")])
    np.testing.assert_array_equal(joined["redshift"], [0.1, np.nan])
    assert report.joins[0].matched == 1


def test_a_catalogue_without_positions_cannot_be_joined_by_position(tmp_path):
    (tmp_path / "a.csv").write_text("objid,label\n1,a\n2,b\n")
    (tmp_path / "b.csv").write_text("ra,dec,redshift\n10.1,1.0,0.1\n")
    with pytest.raises(InputError, match="The catalogue has no positions"):
        read_catalog(tmp_path / "a.csv", joins=[JoinSettings(tmp_path / "b.csv", on="position")])
