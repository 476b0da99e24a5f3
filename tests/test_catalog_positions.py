from __future__ import annotations

from io import BytesIO

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import FK4, FK5, SkyCoord
from astropy.io import fits
from astropy.table import Table

from gz2interp.errors import InputError
from trainer.catalog import read_catalog

LARGE = 588015507658768484
RNG = np.random.default_rng(7)
IDS = LARGE + np.arange(12)
RA, DEC = np.sort(RNG.uniform(150, 240, 12)), RNG.uniform(-60, 30, 12)
SKY = SkyCoord(RA * u.deg, DEC * u.deg)


def sky_of(path, tolerance=1e-9):
    """The catalogue's report, after its ids and positions were compared with what was written."""
    catalog, report = read_catalog(path)
    assert catalog["galaxy_id"].tolist() == IDS.tolist()
    apart = SkyCoord(catalog["ra"].to_numpy() * u.deg, catalog["dec"].to_numpy() * u.deg).separation(SKY)
    assert apart.deg.max() < tolerance
    return report


def rows(folder, heading, columns, separator=",", name="t.csv"):
    lines = [heading, *(separator.join(map(str, row)) for row in zip(*columns, strict=True))]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


class TestUnits:
    @pytest.mark.parametrize("form", ["fits", "votable", "ascii.ecsv"])
    @pytest.mark.parametrize(
        ("unit", "lat_unit"),
        [("rad", "rad"), ("hourangle", "deg"), ("arcsec", "arcsec"), ("arcmin", "deg"), ("deg", "rad")],
    )
    def test_the_units_of_columns(self, tmp_path, form, unit, lat_unit):
        lon, lat = (RA * u.deg).to(unit), (DEC * u.deg).to(lat_unit)
        if form != "ascii.ecsv" and unit == "hourangle":
            lon = lon.value * u.hour  # neither FITS nor VOTable knows hour angles
        Table({"objid": IDS, "ra": lon, "dec": lat}).write(tmp_path / "t", format=form)
        notes = " ".join(sky_of(tmp_path / "t").notes)
        assert ("ra is in" in notes) == (unit != "deg")

    @pytest.mark.parametrize("word", ["DEGREE", "degrees", "Deg", "hourangle", "hours", "HR", "radians", "Radian"])
    def test_units_as_people_write_them(self, tmp_path, word):
        factor = {"d": 1.0, "h": 1 / 15, "r": np.pi / 180}[word[0].lower()]
        lat = factor if word[0].lower() == "r" else 1.0
        Table({"objid": IDS, "ra": RA * factor, "dec": DEC * lat}).write(tmp_path / "t.fits")
        with fits.open(tmp_path / "t.fits", mode="update") as hdus:
            hdus[1].header["TUNIT2"] = word
            hdus[1].header["TUNIT3"] = word if lat != 1.0 else "degree"
        sky_of(tmp_path / "t.fits")

    @pytest.mark.parametrize(
        ("names", "factors"),
        [
            ("ra_rad,dec_rad", (np.pi / 180, np.pi / 180)),
            ("ra_hours,dec", (1 / 15, 1)),
            ("RA [hours],Dec (deg)", (1 / 15, 1)),
            ("RAJ2000,DEJ2000", (1, 1)),
            ("_RAJ2000,_DEJ2000", (1, 1)),
            ("ALPHA_J2000,DELTA_J2000", (1, 1)),
            ("right_ascension,declination", (1, 1)),
            ("ra_arcsec,dec_arcsec", (3600, 3600)),
            ("Right Ascension,Declination", (1, 1)),
            ("RA (J2000),Dec (J2000)", (1, 1)),
            ("RAdeg,DEdeg", (1, 1)),
            ("raMean,decMean", (1, 1)),
        ],
    )
    def test_the_names_of_columns(self, tmp_path, names, factors):
        sky_of(rows(tmp_path, f"objid,{names}", (IDS, *(RA * factors[0], DEC * factors[1]))))

    @pytest.mark.parametrize("separator", [":", " ", "hms"])
    @pytest.mark.parametrize("named", ["ra,dec", "RAJ2000,DEJ2000", "ra_hms,dec_dms"])
    def test_sexagesimal(self, tmp_path, separator, named):
        ra = SKY.ra.to_string(u.hourangle, sep=separator, precision=6, pad=True)
        dec = SKY.dec.to_string(
            u.deg, sep="dms" if separator == "hms" else separator, precision=5, alwayssign=True, pad=True
        )
        report = sky_of(rows(tmp_path, f"objid,{named}", (IDS, ra, dec)), 1e-8)
        assert any("h:m:s" in note for note in report.notes)

    def test_degrees_minutes_and_seconds_of_right_ascension(self, tmp_path):
        ra = SKY.ra.to_string(u.deg, sep=":", precision=5)
        sky_of(rows(tmp_path, "objid,ra,dec", (IDS, ra, SKY.dec.to_string(u.deg, sep=":", precision=5))), 1e-8)

    def test_the_small_negative_declination_keeps_its_sign(self, tmp_path):
        path = rows(tmp_path, "objid,ra,dec", ([1, 2], ["10:01:02.3", "10 01"], ["-00:30:00", "-0 30.5"]))
        catalog, _ = read_catalog(path)
        np.testing.assert_allclose(catalog["dec"], [-0.5, -0.5 - 0.5 / 60])
        np.testing.assert_allclose(catalog["ra"], [15 * (10 + 1 / 60 + 2.3 / 3600), 15 * (10 + 1 / 60)])

    @pytest.mark.parametrize(
        ("heading", "lon", "lat", "message"),
        [
            ("ra_hours,dec", RA, DEC, "off the sphere: 'ra_hours' .hour.*swapped, or in another unit"),
            ("ra_rad,dec_rad", RA, DEC, "off the sphere"),
            ("ra,dec", DEC, RA, "off the sphere.*swapped"),
            ("ra_rad,dec", np.radians(RA), np.radians(DEC), "'ra_rad' is in rad, 'dec' in no unit"),
            ("ra,dec_hours", RA, DEC, "hours only on right ascension"),
            ("ra,dec", ["10:61:00"] * 12, DEC, "10:61:00.*below 60"),
            ("ra,dec", ["10:01:00", *RA[1:].tolist()], DEC, "all as numbers"),
            ("ra,dec", RA, ["10h01m00s"] * 12, "'dec' holds hours"),
        ],
    )
    def test_contradictions_are_refused(self, tmp_path, heading, lon, lat, message):
        with pytest.raises(InputError, match=message):
            read_catalog(rows(tmp_path, f"objid,{heading}", (IDS, lon, lat)))

    @pytest.mark.parametrize(
        ("name", "unit", "message"), [("ra", "mag", "unit 'mag'"), ("ra_rad", "deg", "rad, as in its name")]
    )
    def test_a_unit_that_cannot_be(self, tmp_path, name, unit, message):
        table = Table({"objid": IDS, name: RA, "dec": DEC})
        table[name].unit = unit
        table.write(tmp_path / "t.fits")
        with pytest.raises(InputError, match=message):
            read_catalog(tmp_path / "t.fits")

    def test_a_small_field_stays_and_is_told(self, tmp_path):
        ra, dec = np.linspace(0.1, 6.2, 200), np.linspace(-1.25, 1.25, 200)
        catalog, report = read_catalog(rows(tmp_path, "objid,ra,dec", (np.arange(200), ra, dec)))
        np.testing.assert_allclose(catalog["ra"], ra)
        assert any("ra_rad" in note for note in report.notes)

    def test_declinations_from_the_south_pole_are_refused(self, tmp_path):
        dec = np.linspace(60, 120, 200)  # 90 deg would be the equator
        with pytest.raises(InputError, match=r"100 of 200 positions are off the sphere"):
            read_catalog(rows(tmp_path, "objid,ra,dec", (np.arange(200), dec, dec)))

    def test_signed_right_ascension(self, tmp_path):
        ra = RNG.uniform(-55, 60, 20)
        catalog, report = read_catalog(rows(tmp_path, "objid,ra,dec", (np.arange(20), ra, np.zeros(20) + 1)))
        np.testing.assert_allclose(catalog["ra"], ra % 360)
        assert report.unplaced.number == 0
        assert any("plus 360 deg" in note for note in report.notes)

    def test_a_negative_right_ascension_among_large_ones_is_none(self, tmp_path):
        path = rows(tmp_path, "objid,ra,dec", ([1, 2, 3, 4], [10, 350, -5, -9999], [1, 2, 3, -9999]))
        catalog, report = read_catalog(path)
        assert catalog["galaxy_id"].tolist() == [1, 2]
        assert report.unplaced.number == 2

    def test_rows_at_the_origin_have_no_position(self, tmp_path):
        catalog, report = read_catalog(rows(tmp_path, "objid,ra,dec", ([1, 2, 3], [10, 0, 0], [1, 0, 0])))
        assert (catalog["galaxy_id"].tolist(), report.unplaced.number) == ([1], 2)


class TestFrames:
    def test_galactic(self, tmp_path):
        report = sky_of(rows(tmp_path, "objid,l,b", (IDS, SKY.galactic.l.deg, SKY.galactic.b.deg)))
        assert any("galactic" in note for note in report.notes)

    def test_equatorial_beside_galactic(self, tmp_path):
        sky_of(rows(tmp_path, "objid,GLON,GLAT,ra,dec", (IDS, RA * 0, DEC * 0, RA, DEC)))

    def test_names_of_1950(self, tmp_path):
        old = SKY.transform_to(FK4(equinox="B1950"))
        sky_of(rows(tmp_path, "objid,RAB1950,DEB1950", (IDS, old.ra.deg, old.dec.deg)), 1e-6)
        # Published: NGC 4486 at 12 28 17.57, +12 40 01.7 (B1950) is at 187.70593, 12.39112 (J2000).
        catalog, _ = read_catalog(rows(tmp_path, "objid,RAB1950,DEB1950", ([1], ["12 28 17.57"], ["+12 40 01.7"])))
        np.testing.assert_allclose(catalog[["ra", "dec"]].to_numpy()[0], [187.70593, 12.39112], atol=2e-4)

    @pytest.mark.parametrize(
        ("cards", "frame"),
        [
            ({"RADESYS": "FK4", "EQUINOX": 1950.0}, FK4(equinox="B1950")),
            ({"RADECSYS": "FK4"}, FK4(equinox="B1950")),
            ({"EQUINOX": 1950.0}, FK4(equinox="B1950")),
            ({"RADESYS": "FK5", "EQUINOX": 2000.0}, FK5(equinox="J2000")),
            ({"RADESYS": "FK5", "EQUINOX": 2015.5}, FK5(equinox="J2015.5")),
            ({"RADESYS": "ICRS", "EQUINOX": 2000.0}, None),
            ({"EQUINOX": 2000.0}, None),
        ],
    )
    def test_the_header_of_a_fits_table(self, tmp_path, cards, frame):
        sky = SKY.transform_to(frame) if frame is not None else SKY
        table = Table({"objid": IDS, "ra": sky.ra.deg, "dec": sky.dec.deg}, meta=cards)
        table.write(tmp_path / "t.fits")
        report = sky_of(tmp_path / "t.fits", 1e-6)
        assert any("converted to ICRS" in note for note in report.notes) == (frame is not None)

    @pytest.mark.parametrize(
        ("system", "frame"), [("eq_FK4", FK4(equinox="B1950")), ("eq_FK5", FK5(equinox="J2000")), ("ICRS", None)]
    )
    def test_the_coosys_of_a_votable(self, tmp_path, system, frame):
        sky = SKY.transform_to(frame) if frame is not None else SKY
        buffer = BytesIO()
        Table({"objid": IDS, "ra": sky.ra.deg, "dec": sky.dec.deg}).write(buffer, format="votable")
        equinox = f'equinox="{frame.equinox.value}"' if frame is not None else ""
        text = buffer.getvalue().decode().replace("<TABLE>", f'<COOSYS ID="c" system="{system}" {equinox}/><TABLE>')
        for name in ("ra", "dec"):
            text = text.replace(f'name="{name}"', f'name="{name}" ref="c"')
        (tmp_path / "t.vot").write_text(text)
        sky_of(tmp_path / "t.vot", 1e-6)

    @pytest.mark.parametrize("system", ["ecl_FK5", "supergalactic", "galactic"])
    def test_frames_that_are_not_equatorial_are_refused(self, tmp_path, system):
        buffer = BytesIO()
        Table({"objid": IDS, "ra": RA, "dec": DEC}).write(buffer, format="votable")
        (tmp_path / "t.vot").write_text(
            buffer.getvalue().decode().replace("<TABLE>", f'<COOSYS ID="c" system="{system}"/><TABLE>')
        )
        with pytest.raises(InputError, match=f"given as {system}"):
            read_catalog(tmp_path / "t.vot")

    def test_names_that_contradict_the_header_are_refused(self, tmp_path):
        for names, cards in (
            (("RAJ2000", "DEJ2000"), {"EQUINOX": 1950.0}),
            (("RAB1950", "DEB1950"), {"RADESYS": "ICRS"}),
        ):
            table = Table({"objid": IDS, names[0]: RA, names[1]: DEC}, meta=cards)
            table.write(tmp_path / "t.fits", overwrite=True)
            with pytest.raises(InputError, match="implied by their names"):
                read_catalog(tmp_path / "t.fits")

    @pytest.mark.parametrize("image", [True, False])
    def test_the_primary_header_is_of_the_table_unless_it_is_of_an_image(self, tmp_path, image):
        primary = fits.PrimaryHDU(np.zeros((2, 2)) if image else None)
        primary.header["RADESYS"], primary.header["EQUINOX"] = "FK4", 1950.0
        sky = SKY if image else SKY.transform_to(FK4(equinox="B1950"))
        table = fits.BinTableHDU(Table({"objid": IDS, "ra": sky.ra.deg, "dec": sky.dec.deg}))
        fits.HDUList([primary, table]).writeto(tmp_path / "t.fits")
        sky_of(tmp_path / "t.fits", 1e-6)

    def test_a_column_of_equinoxes(self, tmp_path):
        old = SKY.transform_to(FK4(equinox="B1950"))
        sky_of(rows(tmp_path, "objid,ra,dec,equinox", (IDS, old.ra.deg, old.dec.deg, ["B1950"] * 12)), 1e-6)
        with pytest.raises(InputError, match="2 equinoxes"):
            read_catalog(rows(tmp_path, "objid,ra,dec,equinox", (IDS, RA, DEC, ["B1950", *["J2000"] * 11])))

    def test_a_column_of_coordinates(self, tmp_path):
        Table({"objid": IDS, "place": SKY.galactic}).write(tmp_path / "t.ecsv")
        sky_of(tmp_path / "t.ecsv", 1e-7)


def test_joining_by_position_uses_the_same_units(tmp_path):
    from trainer.catalog import join

    catalog = pd.DataFrame({"galaxy_id": IDS, "ra": RA, "dec": DEC})
    joined, report = join(
        catalog, rows(tmp_path, "ra_rad,dec_rad,mass", (np.radians(RA), np.radians(DEC), RA)), on="position"
    )
    assert report.matched == 12
    np.testing.assert_array_equal(joined["mass"], RA)
