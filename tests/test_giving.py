"""Galaxies taken along in each format, and read back by others' readers; and how they are chosen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import parse, parse_single_table
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
from astropy.wcs import WCS
from dashboard_fixtures import FIRST_ID, LOST, make_survey
from filelock import FileLock
from typer.testing import CliRunner

from gz2interp.cli import app
from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.results import Cutout
from gz2interp.schema import QUESTIONS, vote_column
from gz2interp.stores.exporting import joined_table
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import column_meaning
from gz2interp.stores.tables import read_some_rows, write_table
from gz2interp.workflows.export import export_selection
from gz2interp.workflows.selection import GalaxyFilter, SelectedGalaxies, choose, polygon_from
from trainer.sources.folder import FolderSource

ROWS = np.array([7, 0, LOST, 40, 12])


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("giving") / "tiny", 60)


@pytest.fixture
def subset(survey: Survey) -> SelectedGalaxies:
    return SelectedGalaxies(
        survey, ROWS, extra={"score": np.array([5.0, 4.0, np.nan, 2.0, 1.0]), "cluster": [3, 3, -1, 0, 0]}
    )


# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".fits", ".vot", ".parquet"])
def test_tables_come_back_as_they_were(subset: SelectedGalaxies, tmp_path: Path, suffix: str) -> None:
    done = export_selection(subset, tmp_path / f"some{suffix}")
    table = {
        ".csv": lambda path: pd.read_csv(path),
        ".parquet": pd.read_parquet,
        ".fits": lambda path: _decoded(Table.read(path)).to_pandas(),
        ".vot": lambda path: Table.read(path, format="votable").to_pandas(),
    }[suffix](done.path)
    assert table["galaxy_id"].dtype == np.int64
    assert table["galaxy_id"].tolist() == [FIRST_ID + row for row in ROWS.tolist()]
    assert list(table.columns[:3]) == ["galaxy_id", "score", "cluster"]
    np.testing.assert_array_equal(table["score"], subset.extra["score"])
    assert table["cluster"].tolist() == [3, 3, -1, 0, 0]
    wanted = subset.table()
    np.testing.assert_array_equal(table["ra"], wanted["ra"])
    np.testing.assert_array_equal(table["map_x"].to_numpy(np.float32), wanted["map_x"].to_numpy(np.float32))
    assert table["label"].tolist() == wanted["label"].tolist()
    assert np.isnan(table["confidence"].iloc[2])  # the network has seen no image of it
    assert table["reason"].fillna("").tolist() == ["", "", "the archive has no such field", "", ""]


def _decoded(table: Table) -> Table:
    table.convert_bytestring_to_unicode()
    return table


def test_a_votable_tells_units_ucds_and_what_is_missing(subset: SelectedGalaxies, tmp_path: Path) -> None:
    export_selection(subset, tmp_path / "some.vot")
    fields = {one.name: one for one in parse_single_table(tmp_path / "some.vot").fields}
    assert (fields["ra"].ucd, str(fields["ra"].unit)) == ("pos.eq.ra;meta.main", "deg")
    assert (fields["dec"].ucd, str(fields["dec"].unit)) == ("pos.eq.dec;meta.main", "deg")
    assert fields["galaxy_id"].ucd == "meta.id;meta.main"
    assert (fields["galaxy_id"].datatype, fields["label"].datatype) == ("long", "unicodeChar")
    assert str(fields["petro_radius"].unit) == "arcsec"
    assert (fields["r"].ucd, str(fields["r"].unit)) == ("phot.mag;em.opt.R", "mag")
    assert fields["score"].ucd is None


def test_fits_and_parquet_tell_units_too(subset: SelectedGalaxies, tmp_path: Path) -> None:
    export_selection(subset, tmp_path / "some.fits")
    header = fits.getheader(tmp_path / "some.fits", 1)
    units = {header[f"TTYPE{i}"]: header.get(f"TUNIT{i}") for i in range(1, header["TFIELDS"] + 1)}
    assert (units["ra"], units["petro_radius"], units["r"], units["label"]) == ("deg", "arcsec", "mag", None)
    export_selection(subset, tmp_path / "some.parquet")
    told = pq.read_schema(tmp_path / "some.parquet").field("ra").metadata
    assert (told[b"unit"], told[b"ucd"]) == (b"deg", b"pos.eq.ra;meta.main")


# -- what a table tells of itself --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def personal(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """A survey whose catalogue has columns of a person's own, of names that mean something else here, and votes."""
    folder = tmp_path_factory.mktemp("personal")
    full = make_survey(folder / "s", 12, model=False, analysed=False)
    rng, n = np.random.default_rng(8), len(full)
    votes = vote_column("t04_spiral", "a08_spiral", "weighted_fraction")
    own = {"distance": rng.uniform(10, 90, n), "h_alpha": rng.normal(size=n), "score": np.arange(n)}
    others = {votes: rng.uniform(size=n), "smooth-or-featured_smooth_total-votes": np.arange(n)}
    survey = Survey.create(folder / "t", full.catalog.assign(**own, **others), shape=(32, 32))
    with survey.writer() as writer:
        for row in range(n):
            writer.append(CutoutUnavailable("missing", "lost") if row == LOST else full.cutout(row))
    return survey.refreshed()


def told_by(path: Path) -> tuple[dict[str, str], dict[str, str], list[int]]:
    """What a file says of how it was made and of each column, and its ids: read by others' readers alone."""
    if path.suffix == ".csv":
        beside = json.loads(path.with_name(f"{path.name}.json").read_text())
        words = {name: meaning.get("description", "") for name, meaning in beside["columns"].items()}
        return beside["provenance"], words, pd.read_csv(path)["galaxy_id"].tolist()
    if path.suffix == ".parquet":
        schema = pq.read_schema(path)
        words = {one.name: (one.metadata or {}).get(b"description", b"").decode() for one in schema}
        return json.loads(schema.metadata[b"gz2interp"]), words, pd.read_parquet(path)["galaxy_id"].tolist()
    table = Table.read(path, format={".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable"}[path.suffix])
    words = {name: " ".join((table[name].description or "").split()) for name in table.colnames}
    if path.suffix == ".vot":
        made = {info.name: info.value for info in parse(path).resources[0].infos}
    elif path.suffix == ".ecsv":
        made = dict(table.meta)
    else:
        header = fits.getheader(path, 1)
        made = {"survey_digest": header["DATAHASH"], "selection": header["SELECT"], "software": header["ORIGIN"]}
        told = {header[f"TTYPE{i}"]: header.get(f"TCOMM{i}") for i in range(1, header["TFIELDS"] + 1)}
        assert told == words
    return made, words, table["galaxy_id"].tolist()


@pytest.mark.parametrize("suffix", [".csv", ".ecsv", ".fits", ".vot", ".parquet"])
def test_a_table_tells_how_it_was_made_and_what_each_column_is(personal: Survey, tmp_path: Path, suffix: str) -> None:
    chosen = choose(personal, GalaxyFilter(where="score < 4"))
    done = export_selection(chosen, tmp_path / f"t{suffix}")
    made, words, ids = told_by(done.path)
    assert made["survey_digest"] == personal.digest
    assert made["selection"] == "where score < 4"
    assert made["software"].startswith("gz2interp ")
    assert ids == chosen.galaxy_ids.tolist() == [FIRST_ID + row for row in range(4)]
    assert set(words) == set(chosen.table().columns)
    assert not [name for name, word in words.items() if not word]
    for own in ("distance", "h_alpha", "score"):
        assert words[own] == "Column of the catalogue, as given"
    assert (
        "task 04 (spiral), answer spiral: share of the weighted votes"
        in words["t04_spiral_a08_spiral_weighted_fraction"]
    )
    assert "number of votes" in words["smooth-or-featured_smooth_total-votes"]


def test_a_column_of_a_list_stands_beside_one_of_the_catalogue_with_its_own_meaning(personal: Survey) -> None:
    described = SelectedGalaxies(personal, np.array([3, 1]), extra={"distance": [0.0, 0.5], "mine": [1, 2]}).description
    assert "between activations" in described.of("distance").words
    assert described.of("catalog_distance").words == "Column of the catalogue, as given"
    assert described.of("mine").words == "Column of the list of galaxies, as given"


def test_every_column_of_every_galaxy_is_described(survey: Survey) -> None:
    everything = SelectedGalaxies(survey, np.arange(len(survey)))
    described = everything.description
    assert [name for name in everything.table().columns if not described.of(name).words] == []
    assert everything.all_columns == everything.table().columns.tolist()
    assert described.provenance["model_digest"] == survey.model(survey.models()[0]).digest


def test_columns_are_chosen_and_the_id_is_always_there(survey: Survey, tmp_path: Path) -> None:
    chosen = choose(survey, GalaxyFilter(near=FIRST_ID, most=3, columns=("dec", "distance", "ra")))
    export_selection(chosen, tmp_path / "t.csv")
    table = pd.read_csv(tmp_path / "t.csv")
    assert table.columns.tolist() == ["galaxy_id", "dec", "distance", "ra"]
    assert len(table) == 4
    assert list(json.loads((tmp_path / "t.csv.json").read_text())["columns"]) == sorted(table.columns)
    with pytest.raises(InputError, match=r"no column confidnce; did you mean confidence"):
        choose(survey, GalaxyFilter(columns=("ra", "confidnce")))
    with pytest.raises(InputError, match="region file"):
        export_selection(chosen, tmp_path / "t.reg")


@pytest.mark.parametrize("suffix", [".fits", ".vot"])
def test_what_is_missing_is_masked(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(
        {
            "tries": pd.array([1, None, 2**62 + 1], "Int64"),
            "flag": pd.array([True, None, False], "boolean"),
            "big": np.array([2**63 + 5, 1, 2], np.uint64),
            "half": np.array([0.5, np.nan, 1], np.float16),
            "name": ["\N{GREEK SMALL LETTER ALPHA}", None, "b"],
        }
    )
    write_table(tmp_path / f"t{suffix}", frame)
    table = Table.read(tmp_path / f"t{suffix}", format="fits" if suffix == ".fits" else "votable")
    assert table["tries"].mask.tolist() == [False, True, False]
    assert int(table["tries"][2]) == 2**62 + 1
    assert table["flag"].mask.tolist() == [False, True, False]
    assert [str(value) for value in table["big"]] == [str(2**63 + 5), "1", "2"]
    np.testing.assert_array_equal(np.ma.filled(table["half"], np.nan), frame["half"])
    assert str(table["name"][0]) == ("\\u03b1" if suffix == ".fits" else "\N{GREEK SMALL LETTER ALPHA}")


def test_a_galaxy_that_nobody_asked_for_has_masked_tries(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "s", 4, model=False, analysed=False)
    more = Survey.create(tmp_path / "more", survey.catalog, shape=(32, 32))
    table = joined_table(more)
    assert table["tries"].isna().all()
    write_table(tmp_path / "t.vot", table)
    assert Table.read(tmp_path / "t.vot", format="votable")["tries"].mask.all()


def test_every_ucd_is_of_the_controlled_vocabulary() -> None:
    votes = [vote_column("t02_edgeon", answer, "count") for answer in QUESTIONS["t02_edgeon"].answers]
    names = ["galaxy_id", "ra", "dec", *"ugriz", "petro_radius", "redshift", "ebv", "gz2class", "label", "prediction"]
    names += [
        "confidence",
        "uncertainty",
        "status",
        "reason",
        "tries",
        "pixel_scale",
        "field",
        "position_angle",
        "file",
    ]
    for name in [*names, "sky_sigma_u", "psf_fwhm_r", "p_spiral", *votes, "catalog_ra", "a_debiased", "a_weight"]:
        ucd = column_meaning(name).ucd
        assert ucd, name
        assert check_ucd(ucd, check_controlled_vocabulary=True, has_colon=True), (name, ucd)
    assert column_meaning("anything").ucd == ""


def test_some_rows_are_those_of_the_whole(survey: Survey, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(40_000) * 2**40, "b": np.arange(40_000).astype(str)})
    frame.to_parquet(tmp_path / "t.parquet", index=False, row_group_size=7_000)
    rows = np.array([39_999, 5, 16_384, 16_383, 0])
    pd.testing.assert_frame_equal(read_some_rows(tmp_path / "t.parquet", rows), frame.loc[rows])
    assert read_some_rows(tmp_path / "t.parquet", np.array([], np.int64), ["b"]).columns.tolist() == ["b"]
    pd.testing.assert_frame_equal(joined_table(survey, rows=ROWS), joined_table(survey).loc[ROWS])


# -- regions ----------------------------------------------------------------------------------------------------------

REGION = re.compile(r'circle\((\d+\.\d+),([+-]?\d+\.\d+),(\d+\.\d+)"\) # text=\{(\d+)\}')
CROSS = re.compile(r"point\((\d+\.\d+),([+-]?\d+\.\d+)\) # point=cross text=\{(\d+)\}")


def regions_of(path: Path) -> list[tuple[int, float, float, float]]:
    """A strict reader: any line that is not as the format says fails."""
    version, properties, frame, *lines = path.read_text("ascii").splitlines()
    assert version == "# Region file format: DS9 version 4.1"
    assert re.fullmatch(r'global( \w+=("[^"]*"|[\d ]+(?= |$)|\w+))+', properties)
    assert frame == "fk5"
    found = []
    for line in lines:
        if line.startswith("#"):
            continue
        if cross := CROSS.fullmatch(line):
            found.append((int(cross[3]), float(cross[1]), float(cross[2]), np.nan))
            continue
        circle = REGION.fullmatch(line)
        assert circle, line
        found.append((int(circle[4]), float(circle[1]), float(circle[2]), float(circle[3])))
    return found


def test_regions_are_circles_as_large_as_the_galaxy(subset: SelectedGalaxies, tmp_path: Path) -> None:
    export_selection(subset, tmp_path / "some.reg")
    known = subset.survey.catalog.loc[ROWS]
    ids, ra, dec, radius = (np.array(values) for values in zip(*regions_of(tmp_path / "some.reg"), strict=True))
    assert ids.tolist() == known["galaxy_id"].tolist()
    np.testing.assert_allclose(ra, known["ra"], atol=6e-8)
    np.testing.assert_allclose(dec, known["dec"], atol=6e-8)
    np.testing.assert_allclose(radius, known["petro_radius"], atol=6e-4)


def test_without_a_radius_regions_are_half_the_cutout_or_a_cross(tmp_path: Path) -> None:
    full = make_survey(tmp_path / "s", 5, model=False, analysed=False)
    catalog = full.catalog.drop(columns="petro_radius")
    catalog.loc[4, "ra"] = np.nan
    survey = Survey.create(tmp_path / "t", catalog, shape=(32, 32))
    with survey.writer() as writer:
        for row in range(5):
            writer.append(CutoutUnavailable("missing", "lost") if row == LOST else full.cutout(row))
    done = export_selection(choose(survey.refreshed(), GalaxyFilter()), tmp_path / "r.reg")
    found = regions_of(tmp_path / "r.reg")
    assert [radius for *_, radius in found[:3]] == [pytest.approx(32 * 0.396 / 2, abs=1e-3)] * 3
    assert len(found) == 4
    assert np.isnan(found[LOST][3])  # neither a radius nor a cutout
    assert f"# no position: {FIRST_ID + 4}" in (tmp_path / "r.reg").read_text()
    assert "1 galaxies have no position" in done.words


# -- cutouts ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Galaxies turned on the sky, with pixels that were not measured."""
    folder = tmp_path_factory.mktemp("turned")
    rng = np.random.default_rng(5)
    catalog = pd.DataFrame({"galaxy_id": FIRST_ID + np.arange(3), "ra": [10.0, 359.999, 200], "dec": [-5.0, 60, 89]})
    survey = Survey.create(folder / "turned", catalog, shape=(24, 20))
    with survey.writer() as writer:
        for angle in (0.0, 30.0, -110.0):
            valid = rng.uniform(size=(24, 20)) > 0.1
            image = np.where(valid[..., None], rng.normal(size=(24, 20, 5)), 0).astype(np.float32)
            writer.append(
                Cutout(image, valid, "test", 0.5, angle, sky_sigma=(0.1,) * 5, psf_fwhm=(1.1, 1.2, 1.3, 1.4, 1.5))
            )
    return survey.refreshed()


def test_a_folder_of_cutouts_is_read_back_as_the_survey(turned: Survey, tmp_path: Path) -> None:
    export_selection(SelectedGalaxies(turned, np.array([2, 0, 1])), tmp_path / "cutouts")
    source = FolderSource(tmp_path / "cutouts", shape=(24, 20))
    for galaxy in turned.galaxies():
        read, kept = source.fetch(galaxy), turned.cutout(galaxy.row)
        np.testing.assert_array_equal(read.image, kept.image)
        np.testing.assert_array_equal(read.valid, kept.valid)
        assert read.pixel_scale == pytest.approx(kept.pixel_scale, rel=1e-9)
        assert read.position_angle == pytest.approx(kept.position_angle, abs=1e-4)


def test_a_cutout_knows_its_place_and_what_it_is(turned: Survey, tmp_path: Path) -> None:
    export_selection(SelectedGalaxies(turned, np.arange(3)), tmp_path / "cutouts")
    with fits.open(tmp_path / "cutouts" / f"{FIRST_ID + 1}.fits") as (hdu,):
        hdu.verify("exception")
        wcs, header = WCS(hdu.header), hdu.header
        assert wcs.naxis == 3 == hdu.data.ndim
        ra, dec = wcs.celestial.pixel_to_world_values(9.5, 11.5)
        assert (float(ra) % 360, float(dec)) == (pytest.approx(359.999, abs=1e-9), pytest.approx(60, abs=1e-9))
        assert header["OBJECT"] == str(FIRST_ID + 1)
        assert [header[f"BAND{place}"] for place in range(1, 6)] == list("ugriz")
        assert (header["BUNIT"], header["SKYSIG1"], header["FWHM5"]) == ("nanomaggy", 0.1, 1.5)
        assert np.isnan(hdu.data).any()


def test_the_table_of_a_folder_names_files_and_reasons(subset: SelectedGalaxies, tmp_path: Path) -> None:
    done = export_selection(subset, tmp_path / "cutouts")
    table = Table.read(tmp_path / "cutouts" / "galaxies.fits")
    assert table["galaxy_id"].tolist() == subset.galaxy_ids.tolist()
    files = [str(name) if name else "" for name in table["file"].filled("").tolist()]
    assert files == [
        f"{galaxy_id}.fits" if row != LOST else "" for row, galaxy_id in zip(ROWS, subset.galaxy_ids, strict=True)
    ]
    assert sorted(path.name for path in (tmp_path / "cutouts").glob("5*.fits")) == sorted(filter(None, files))
    assert table["reason"].filled("").tolist()[2] == "the archive has no such field"
    assert "1 galaxies have no image" in done.words


def test_an_interrupted_folder_goes_on_and_ends_the_same(
    subset: SelectedGalaxies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_selection(subset, tmp_path / "whole")

    def killed(stage: str, done: int, of: int) -> None:
        raise KeyboardInterrupt

    import gz2interp.workflows.export as cutouts

    monkeypatch.setattr(cutouts, "SHARD_ROWS", 2)
    with pytest.raises(KeyboardInterrupt):
        export_selection(subset, tmp_path / "broken", killed)
    first = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "broken").glob("5*.fits")}
    assert len(first) == 2
    assert not (tmp_path / "broken" / "galaxies.fits").exists()
    export_selection(subset, tmp_path / "broken")
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert sorted(path.name for path in (tmp_path / "broken").iterdir()) == names
    for name in names:
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {name: (tmp_path / "broken" / name).stat().st_mtime_ns for name in first} == first


def test_two_processes_do_not_fill_one_folder(subset: SelectedGalaxies, tmp_path: Path) -> None:
    export_selection(subset, tmp_path / "some")
    with FileLock(tmp_path / "some" / ".lock"), pytest.raises(InputError, match="Another process is filling"):
        export_selection(subset, tmp_path / "some")


def test_a_folder_of_something_else_is_left_alone(subset: SelectedGalaxies, tmp_path: Path) -> None:
    export_selection(subset, tmp_path / "some")
    with pytest.raises(InputError, match="another selection"):
        export_selection(SelectedGalaxies(subset.survey, ROWS[:2]), tmp_path / "some")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "paper.tex").write_text("")
    with pytest.raises(InputError, match="something else"):
        export_selection(subset, tmp_path / "mine")
    with pytest.raises(InputError, match=r"\.xlsx.*a name without one is a folder"):
        export_selection(subset, tmp_path / "some.xlsx")


# -- choosing ---------------------------------------------------------------------------------------------------------


def test_ids_keep_their_order_and_stand_once(survey: Survey) -> None:
    ids = [str(FIRST_ID + 9), FIRST_ID, FIRST_ID + 9]
    assert choose(survey, GalaxyFilter(ids)).rows.tolist() == [9, 0]
    with pytest.raises(InputError, match="No galaxy 7"):
        choose(survey, GalaxyFilter(["7"]))
    assert choose(survey, GalaxyFilter()).is_whole


@pytest.mark.parametrize("name", ["t.csv", "t.fits", "t.vot", "t.parquet", "t.txt"])
def test_a_file_names_galaxies_and_its_other_columns_are_kept(survey: Survey, tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"galaxy_id": FIRST_ID + np.array([5, 2, 8]), "ra": 0.0, "score": [3.0, 2.5, -1]})
    if name == "t.txt":
        (tmp_path / name).write_text("# mine\n" + "\n".join(str(one) for one in frame["galaxy_id"]) + "\n")
    else:
        write_table(tmp_path / name, frame)
    chosen = choose(survey, GalaxyFilter(file=tmp_path / name))
    assert chosen.rows.tolist() == [5, 2, 8]
    assert list(chosen.extra) == ([] if name == "t.txt" else ["score"])  # ra is the survey's own
    if chosen.extra:
        assert np.asarray(chosen.extra["score"]).tolist() == [3.0, 2.5, -1]


def test_a_file_with_rounded_ids_is_refused(survey: Survey, tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", pd.DataFrame({"galaxy_id": [float(FIRST_ID)]}))
    with pytest.raises(InputError, match="floating-point"):
        choose(survey, GalaxyFilter(file=tmp_path / "t.parquet"))
    write_table(tmp_path / "u.csv", pd.DataFrame({"name": ["a"]}))
    with pytest.raises(InputError, match="names no galaxies"):
        choose(survey, GalaxyFilter(file=tmp_path / "u.csv"))
    with pytest.raises(InputError, match="There is no"):
        choose(survey, GalaxyFilter(file=tmp_path / "v.csv"))


def test_a_lasso_a_condition_and_ids_hold_together(survey: Survey) -> None:
    table = joined_table(survey)
    inside = ((5.0, -30.0), (30.0, -30.0), (30.0, 30.0), (5.0, 30.0))
    members = choose(survey, GalaxyFilter(lasso=inside))
    wanted = np.flatnonzero((table["map_x"] > 5) & (table["map_y"].abs() < 30))
    np.testing.assert_array_equal(members.rows, wanted)
    assert LOST not in members.rows
    both = choose(survey, GalaxyFilter(lasso=inside, where="label == 'long' and r < 16 and confidence > 0.6"))
    said = (table["label"] == "long") & (table["r"] < 16) & (table["confidence"] > 0.6)
    np.testing.assert_array_equal(both.rows, wanted[said.to_numpy()[wanted]])
    assert choose(survey, GalaxyFilter(where=f"galaxy_id == {FIRST_ID + 1}")).rows.tolist() == [1]
    assert choose(survey, GalaxyFilter(where="status != 'ok'")).rows.tolist() == [LOST]
    assert choose(survey, GalaxyFilter([FIRST_ID + 1, FIRST_ID], where="label == 'round'")).rows.tolist() == [0]


def test_neighbours_come_nearest_first_with_their_distance(survey: Survey) -> None:
    near = choose(survey, GalaxyFilter(near=str(FIRST_ID), most=5))
    assert len(near) == 6
    assert near.galaxy_ids[0] == FIRST_ID  # the galaxy itself comes first
    assert near.extra["distance"][0] == 0
    assert (np.diff(np.asarray(near.extra["distance"])) >= 0).all()
    assert near.name == f"neighbours of {FIRST_ID}"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("r <", "cannot be read"),
        ("colour > 2", "cannot be read"),
        ("r + 1", "true or false"),
        ("x = r", "cannot be read"),
        ("ra.to_csv('x')", "more than a comparison"),
        ("ra[0] == ra", "more than a comparison"),
        ("r < 0", "No galaxy"),
    ],
)
def test_a_condition_that_makes_no_sense_is_told(survey: Survey, where: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose(survey, GalaxyFilter(where=where))


def test_what_cannot_be_asked_is_told(survey: Survey, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several ways"):
        choose(survey, GalaxyFilter([FIRST_ID], near=FIRST_ID))
    for text in ("0,0;1,1", "0,0;1,0;1", "0,0;1,0;nan,1"):
        with pytest.raises(InputError, match="Three or more pairs"):
            polygon_from(text)
    plain = make_survey(tmp_path / "plain", 4, analysed=False)
    with pytest.raises(SurveyError, match="gz2interp analyse"):
        choose(plain, GalaxyFilter(lasso=((0, 0), (1, 0), (1, 1))))


def test_a_selection_is_rows_of_the_survey(survey: Survey) -> None:
    for rows in ([0, 0], [60], [-1]):
        with pytest.raises(InputError, match="each once"):
            SelectedGalaxies(survey, np.array(rows))
    with pytest.raises(InputError, match="score has 1 values"):
        SelectedGalaxies(survey, np.array([0, 1]), extra={"score": [1.0]})


def test_what_was_found_takes_the_place_of_the_map_and_stands_beside_the_catalogue(survey: Survey) -> None:
    table = SelectedGalaxies(survey, np.array([1, 0]), extra={"map_x": [1.0, 2.0], "r": [9.0, 8.0]}).table()
    assert table["map_x"].tolist() == [1.0, 2.0]
    assert table["r"].tolist() == [9.0, 8.0]
    assert table["catalog_r"].tolist() == survey.catalog["r"].loc[[1, 0]].tolist()
    assert "catalog_map_x" not in table


def test_what_was_found_of_some_alone_is_missing_of_the_others(survey: Survey, tmp_path: Path) -> None:
    rated = pd.Series(pd.array([5, None], "Int64"), index=[40, 7])
    export_selection(SelectedGalaxies(survey, np.array([1, 0]), extra={"rating": rated}), tmp_path / "t.vot")
    table = Table.read(tmp_path / "t.vot", format="votable")
    assert table["rating"].mask.tolist() == [False, True]
    assert int(table["rating"][0]) == 5


# -- the command line -------------------------------------------------------------------------------------------------


def test_the_command_line_takes_galaxies_along(survey: Survey, tmp_path: Path) -> None:
    def run(*words: object) -> str:
        done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    said = run("export", survey.path, FIRST_ID + 2, FIRST_ID, "--out", tmp_path / "a.csv")
    assert "2 galaxies" in said
    assert pd.read_csv(tmp_path / "a.csv")["galaxy_id"].tolist() == [FIRST_ID + 2, FIRST_ID]
    run("export", survey.path, "--galaxies", tmp_path / "a.csv", "--out", tmp_path / "b.reg")
    assert [galaxy_id for galaxy_id, *_ in regions_of(tmp_path / "b.reg")] == [FIRST_ID + 2, FIRST_ID]
    assert "1 galaxies have no image" in run("export", survey.path, "--where", "r > 0", "--out", tmp_path / "all")
    run(
        "export", survey.path, "--lasso", "5,-30;30,-30;30,30;5,30", "--near", FIRST_ID + 1, "--out", tmp_path / "c.vot"
    )
    assert "distance" in Table.read(tmp_path / "c.vot", format="votable").colnames
    run("survey", "export", survey.path, "--out", tmp_path / "d.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "d.parquet"), joined_table(survey), check_dtype=False)
