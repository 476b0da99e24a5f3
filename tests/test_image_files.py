"""One reader of images: bands by name, each band where its own WCS puts it, units, skies, colour images, Galaxy10."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import FK4, FK5, Galactic, SkyCoord
from astropy.io import fits
from astropy.time import Time
from command_line import ran
from PIL import Image

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.figures.panels import bands_panel
from gz2interp.figures.rgb import rgb, stretch_of
from gz2interp.results import Galaxy
from gz2interp.schema import DISPLAY_BANDS, DISPLAY_NOTE, DISPLAY_UNIT
from gz2interp.sky import cutout_wcs
from gz2interp.stores.band_names import band_list, bands_in, is_auxiliary, is_auxiliary_plane, other_filter
from gz2interp.stores.checking import check_survey
from gz2interp.stores.fits_headers import celestial, is_known_unit, is_magnitude, to_nanomaggies
from gz2interp.stores.image_files import area_mean, image_centre, mask_invalid, read_pixels
from gz2interp.stores.survey import Survey
from gz2interp.workflows.image_from_file import outside_galaxy
from trainer.ingest import ingest, open_local_survey
from trainer.sources.folder import FolderSource, catalog_of_folder
from trainer.sources.galaxy10 import CLASSES, Galaxy10Source, catalog_of_galaxy10

BANDS = ("u", "g", "r", "i", "z")
PEAKS = np.array([0.1, 0.4, 1.0, 1.2, 1.3])
SIZE = 64
ID = 588017703996096547
SCALE = 0.396
NO_UNIT = "no file names a unit: pixels are taken as nanomaggy"


def light(x: float = 31.5, y: float = 31.5, width: float = 4.0, size: int = SIZE) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))


def cube() -> np.ndarray:
    """(band, y, x): a galaxy that is brighter in every next band, in a little noise."""
    noise = np.random.default_rng(1).normal(0, 0.005, (5, SIZE, SIZE))
    return (PEAKS[:, None, None] * light() + noise).astype(np.float32)


def header(ra: float = 187.25, dec: float = 12.5, **cards: object) -> fits.Header:
    made = cutout_wcs(ra, dec, SCALE, 0.0, (SIZE, SIZE)).to_header()
    made.update({"BUNIT": "nanomaggy", **cards})
    return made


def written(path: Path, *hdus: fits.ImageHDU) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True, output_verify="silentfix")
    return path


def extensions(path: Path, bands: str = "girzu", **cards: str) -> Path:
    """An extension for each band, in that order; ``{}`` in the cards is the band."""
    return written(
        path,
        *(
            fits.ImageHDU(
                cube()[BANDS.index(band)], header(**{card: text.format(band) for card, text in cards.items()})
            )
            for band in bands
        ),
    )


def read(path: Path, bands: tuple[str, ...] = BANDS):
    return read_pixels([path], bands)


def is_the_galaxy(image: np.ndarray) -> None:
    """Every band in its place, untouched."""
    np.testing.assert_array_equal(image, np.moveaxis(cube(), 0, -1))


def centroid(plane: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(plane.shape)
    weights = np.nan_to_num(plane)
    return float((columns * weights).sum() / weights.sum()), float((rows * weights).sum() / weights.sum())


class TestBandNames:
    SPELLINGS = (
        "{} DECam SDSS c0001 4720.0 1520.0",
        "{}.MP9601",
        "{}.00000",
        "{}p",
        "lsst{}",
        "ps1_{}",
        "{}.ps1",
        "{}_BAND",
        "{}'",
        "SDSS-{}",
        "sdss_{}",
        "HSC-{}",
        "DES {}",
        "{}_SDSS",
        "SDSS{}",
        "decam2014-{}",
        "W-S-{}+",
        "{}_G0301",
        "LSSTComCam_{}",
        "Sloan {}'",
        "{}-band",
        "filter {}",
    )

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_every_spelling_of_every_band(self, spelling: str) -> None:
        for band in BANDS:
            assert bands_in(spelling.format(band), BANDS) == (band,)
            assert bands_in(spelling.format(band.upper()), BANDS) == (band,)

    @pytest.mark.parametrize(
        "text", ["", "F606W", "open", "VR", "Bessell R", "Johnson I", "gri", "drz", "desi", "HDU1", "4720.0"]
    )
    def test_what_names_no_band(self, text: str) -> None:
        assert bands_in(text, BANDS) == ()

    def test_bands_of_any_name(self) -> None:
        assert bands_in("WFC3/UVIS F606W", ("F606W", "F814W")) == ("F606W",)
        assert bands_in("unWISE-w1", ("W1", "W2")) == ("W1",)
        assert bands_in("Bessell R", ("r", "R")) == ("R",)

    def test_lists(self) -> None:
        assert band_list(["ugr"], BANDS) == band_list(["u, g r"], BANDS) == ("u", "g", "r")
        assert band_list(["HSC-G", "HSC-Y"], BANDS) == ("g", "HSC-Y")

    @pytest.mark.parametrize(
        "name",
        [
            "IVAR_U",
            "u_invvar",
            "WEIGHT",
            "wht",
            "MASK",
            "r.dq",
            "rms_map",
            "PSF",
            "VAR",
            "ERR1",
            "expmap",
            "galdepth",
            "oow",
        ],
    )
    def test_planes_that_are_no_image(self, name: str) -> None:
        assert is_auxiliary(name)

    @pytest.mark.parametrize("name", ["IMAGE_R", "SCI", "u", "", "HSC-G", "galaxy", "weighting"])
    def test_planes_that_are(self, name: str) -> None:
        assert not is_auxiliary(name)

    def test_an_inverse_square_unit_is_a_weight(self) -> None:
        for unit in ("nanomaggy^-2", "1/nanomaggies**2", "nmgy-2", "adu**2"):
            assert is_auxiliary_plane({"BUNIT": unit})
        for unit in ("nanomaggy", "Jy/arcsec2", "W m-2 Hz-1", "erg/s/cm2/Hz"):
            assert not is_auxiliary_plane({"BUNIT": unit})

    def test_another_wheel_is_no_other_filter(self) -> None:
        assert other_filter({"FILTER1": "open1-6", "FILTER2": "g_G0301"}, BANDS) == ""
        assert other_filter({"FILTER": "F606W"}, BANDS) == "FILTER = F606W"


class TestPlanes:
    @pytest.mark.parametrize("card", ["FILTER", "EXTNAME", "BAND", "FILTNAM", "FILTER2"])
    @pytest.mark.parametrize("spelling", ["{} DECam SDSS c0001 4720.0 1520.0", "{}.MP9601", "lsst{}", "{}_BAND"])
    def test_extensions_by_name_in_any_order(self, tmp_path: Path, card: str, spelling: str) -> None:
        pixels = read(extensions(tmp_path / "a.fits", **{card: spelling}))
        is_the_galaxy(pixels.image)
        assert (np.diff(pixels.image.max(axis=(0, 1))) > 0).all()
        assert pixels.note == ""

    def test_weights_are_left_aside(self, tmp_path: Path) -> None:
        ones = np.ones((SIZE, SIZE), np.float32)
        planes = [
            plane
            for band, values in zip(BANDS, cube(), strict=True)
            for plane in (
                fits.ImageHDU(ones, header(), name=f"IVAR_{band}"),
                fits.ImageHDU(values, header(), name=f"IMAGE_{band}"),
                fits.ImageHDU(ones, header(BUNIT="1/nanomaggy^2", FILTER=band)),
            )
        ]
        is_the_galaxy(read(written(tmp_path / "a.fits", *planes)).image)

    def test_only_weights(self, tmp_path: Path) -> None:
        planes = [fits.ImageHDU(np.ones((SIZE, SIZE)), header(), name=f"ivar_{band}") for band in BANDS]
        with pytest.raises(CutoutUnavailable, match="only weights, masks"):
            read(written(tmp_path / "a.fits", *planes))

    def test_a_plane_that_contradicts_itself(self, tmp_path: Path) -> None:
        planes = [
            fits.ImageHDU(values, header(FILTER=band), name=band) for band, values in zip(BANDS, cube(), strict=True)
        ]
        planes[1].header["FILTER"] = "r"
        with pytest.raises(CutoutUnavailable, match=r"different bands \(EXTNAME = G, FILTER = r\)"):
            read(written(tmp_path / "a.fits", *planes))

    def test_a_band_twice(self, tmp_path: Path) -> None:
        with pytest.raises(CutoutUnavailable, match=r"holds r 2 times: extension 3, extension 6"):
            read(extensions(tmp_path / "a.fits", "ugrizr", FILTER="{}"))

    def test_other_filters_are_not_taken_by_order(self, tmp_path: Path) -> None:
        with pytest.raises(CutoutUnavailable, match=r"names no plane for u g r i z.*FILTER = F606W"):
            read(extensions(tmp_path / "a.fits", "ugriz", FILTER="F606W"))
        with pytest.raises(CutoutUnavailable, match="names no plane for z"):
            read(extensions(tmp_path / "b.fits", "ugri", FILTER="{}"))

    def test_planes_without_names_are_taken_in_the_declared_order_and_that_is_noted(self, tmp_path: Path) -> None:
        for pixels in (
            read(extensions(tmp_path / "a.fits", "ugriz")),
            read(written(tmp_path / "b.fits", fits.ImageHDU(cube(), header()))),
        ):
            is_the_galaxy(pixels.image)
            assert "in the survey's order u g r i z" in pixels.note

    @pytest.mark.parametrize(
        "cards",
        [
            {f"BAND{n}": band for n, band in enumerate("zirgu")},
            {f"FILTER{n + 1}": f"sdss_{band}" for n, band in enumerate("zirgu")},
            {"BANDS": "zirgu"},
            {"FILTERS": "z, i, r, g, u"},
        ],
    )
    @pytest.mark.parametrize("last", [False, True])
    def test_a_cube_whose_header_lists_its_bands(self, tmp_path: Path, cards: dict[str, str], last: bool) -> None:
        values = cube()[::-1]
        path = written(
            tmp_path / "a.fits", fits.ImageHDU(np.moveaxis(values, 0, -1) if last else values, header(**cards))
        )
        pixels = read(path)
        is_the_galaxy(pixels.image)
        assert pixels.note == ""
        assert read(path, ("g", "r")).image.shape == (SIZE, SIZE, 2)
        np.testing.assert_array_equal(read(path, ("g", "r")).image, np.moveaxis(cube()[1:3], 0, -1))

    def test_a_cube_of_one_band_or_without_one(self, tmp_path: Path) -> None:
        with pytest.raises(CutoutUnavailable, match=r"names one band \(FILTER = r\)"):
            read(written(tmp_path / "a.fits", fits.ImageHDU(cube(), header(FILTER="r"))))
        with pytest.raises(CutoutUnavailable, match="and z not once among them"):
            read(written(tmp_path / "b.fits", fits.ImageHDU(cube(), header(BANDS="ugriy"))))

    def test_arrays_by_key(self, tmp_path: Path) -> None:
        arrays = {f"image_{band}": values for band, values in zip(BANDS, cube(), strict=True)}
        np.savez(
            tmp_path / "a.npz",
            ivar_u=np.ones((SIZE, SIZE)),
            mask=np.ones((SIZE, SIZE), bool),
            **dict(reversed(arrays.items())),
        )
        np.savez(tmp_path / "b.npz", cube=cube()[::-1], bands=np.array(list("zirgu")), redshift=0.1)
        for name in ("a.npz", "b.npz"):
            pixels = read(tmp_path / name)
            is_the_galaxy(pixels.image)
            assert pixels.note == NO_UNIT

    @pytest.mark.parametrize("suffix", [".fits.gz", ".fits.bz2", ".fts", ".fit", ".FITS"])
    def test_suffixes(self, tmp_path: Path, suffix: str) -> None:
        path = extensions(tmp_path / f"{ID}.fits", FILTER="{}")
        with fits.open(path) as hdus:
            hdus.writeto(tmp_path / f"{ID + 1}{suffix}", overwrite=True)
        path.unlink()
        (row,) = catalog_of_folder(tmp_path).itertuples()
        assert row.galaxy_id == ID + 1
        is_the_galaxy(FolderSource(tmp_path).fetch(Galaxy(0, ID + 1, np.nan, np.nan)).image)

    def test_compressed_planes(self, tmp_path: Path) -> None:
        planes = [
            fits.CompImageHDU(values, header(FILTER=f"{band}.MP9601"), compression_type="GZIP_2", quantize_level=0)
            for band, values in zip(BANDS, cube(), strict=True)
        ]
        is_the_galaxy(read(written(tmp_path / "a.fits.fz", *planes)).image)

    def test_scaled_integers_and_blanks(self, tmp_path: Path) -> None:
        planes = []
        for band, values in zip(BANDS, cube(), strict=True):
            stored = np.rint(values * 1000).astype(np.int16)
            stored[3, 4] = -32768
            plane = fits.ImageHDU(stored, header(FILTER=band, BUNIT="nanomaggy"))
            plane.header["BLANK"] = -32768
            planes.append(plane)
        path = written(tmp_path / "a.fits", *planes)
        with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
            for hdu in hdus[1:]:
                hdu.header["BSCALE"] = 0.001
        image = read(path).image
        assert np.argwhere(~np.isfinite(image).all(axis=-1)).tolist() == [[3, 4]]
        np.testing.assert_allclose(
            np.nan_to_num(image, nan=0), np.where(np.isfinite(image), np.moveaxis(cube(), 0, -1), 0), atol=6e-4
        )

    def test_what_only_the_primary_header_says_holds_for_all(self, tmp_path: Path) -> None:
        primary = fits.PrimaryHDU(header=header(BUNIT="uJy"))
        planes = [fits.ImageHDU(values, name=band) for band, values in zip(BANDS, cube(), strict=True)]
        fits.HDUList([primary, *planes]).writeto(tmp_path / "a.fits")
        pixels = read(tmp_path / "a.fits")
        np.testing.assert_allclose(pixels.image, np.moveaxis(cube(), 0, -1) / 3.631, rtol=1e-6)
        assert pixels.pixel_scale == pytest.approx(SCALE)


class TestFilesOfBands:
    def per_band(self, folder: Path, name: str, **cards: str) -> None:
        for band, values in zip(BANDS, cube(), strict=True):
            path = folder / name.format(band)
            path.parent.mkdir(exist_ok=True)
            fits.writeto(path, values, header(**{card: text.format(band) for card, text in cards.items()}))

    @pytest.mark.parametrize(
        "name", [f"{ID}_{{}}.fits", f"lsst{{}}-{ID}.fits", f"cut.{{}}p.{ID}.fits", f"{{}}/{ID}.fits"]
    )
    def test_by_name(self, tmp_path: Path, name: str) -> None:
        self.per_band(tmp_path, name, FILTER="{}.MP9601")
        np.save(tmp_path / "not_a_cutout.npy", np.zeros(3))
        assert ID in catalog_of_folder(tmp_path)["galaxy_id"].tolist()
        is_the_galaxy(FolderSource(tmp_path).fetch(Galaxy(0, ID, np.nan, np.nan)).image)

    def test_weights_beside_them_are_no_galaxies(self, tmp_path: Path) -> None:
        self.per_band(tmp_path, f"{ID}_{{}}.fits")
        for band in BANDS:
            fits.writeto(tmp_path / f"{ID}_{band}.weight.fits", np.ones((SIZE, SIZE)), header())
        assert len(catalog_of_folder(tmp_path)) == 1
        is_the_galaxy(FolderSource(tmp_path).fetch(Galaxy(0, ID, np.nan, np.nan)).image)

    def test_a_header_that_contradicts_the_name(self, tmp_path: Path) -> None:
        self.per_band(tmp_path, f"{ID}_{{}}.fits", FILTER="r")
        with pytest.raises(CutoutUnavailable, match=r"_u\.fits is u by its name and r by its header"):
            FolderSource(tmp_path).fetch(Galaxy(0, ID, np.nan, np.nan))

    def test_a_band_that_lacks(self, tmp_path: Path) -> None:
        self.per_band(tmp_path, f"{ID}_{{}}.fits")
        (tmp_path / f"{ID}_i.fits").unlink()
        assert len(catalog_of_folder(tmp_path)) == 1
        with pytest.raises(CutoutUnavailable, match="no file of i lies beside"):
            FolderSource(tmp_path).fetch(Galaxy(0, ID, np.nan, np.nan))


class TestAligned:
    """A band ends where its WCS says, with its flux."""

    @pytest.mark.parametrize("shift", [(0.3, -0.4), (0.8, 0.1), (-6.0, 2.5), (0.5, 0.5)])
    @pytest.mark.parametrize("turn", [0.0, 35.0])
    def test_shifted_and_turned(self, tmp_path: Path, shift: tuple[float, float], turn: float) -> None:
        planes = [fits.ImageHDU(light().astype(np.float32), header(), name=band) for band in BANDS]
        other = cutout_wcs(187.25, 12.5, SCALE, turn, (SIZE, SIZE))
        other.wcs.crpix = other.wcs.crpix + np.array(shift)
        x, y = other.world_to_pixel_values(187.25, 12.5)  # where that band has the galaxy
        planes[1] = fits.ImageHDU(light(float(x), float(y)).astype(np.float32), other.to_header(), name="g")
        pixels = read(written(tmp_path / "a.fits", *planes))
        np.testing.assert_allclose(centroid(pixels.image[..., 1]), (31.5, 31.5), atol=0.1)
        assert np.nansum(pixels.image[..., 1]) == pytest.approx(light().sum(), rel=2e-3)
        np.testing.assert_array_equal(pixels.image[..., 2], light().astype(np.float32))  # the reference stays untouched
        assert "g lay up to" in pixels.note
        assert np.isnan(pixels.image[..., 1]).any()  # what the band does not cover is not made up

    @pytest.mark.parametrize(("scale", "size"), [(0.2, 140), (0.262, 110), (0.8, 40)])
    def test_another_scale(self, tmp_path: Path, scale: float, size: int) -> None:
        planes = [fits.ImageHDU(light().astype(np.float32), header(), name=band) for band in BANDS]
        ratio = SCALE / scale
        middle = (size - 1) / 2
        fine = light(middle, middle, 4.0 * ratio, size) / ratio**2  # the same flux on pixels of another size
        wcs = cutout_wcs(187.25, 12.5, scale, 0.0, (size, size))
        planes[3] = fits.ImageHDU(fine.astype(np.float32), wcs.to_header(), name="i")
        pixels = read(written(tmp_path / "a.fits", *planes))
        assert np.nansum(pixels.image[..., 3]) == pytest.approx(light().sum(), rel=5e-3)
        np.testing.assert_allclose(centroid(pixels.image[..., 3]), (31.5, 31.5), atol=0.1)
        np.testing.assert_allclose(pixels.image[28:36, 28:36, 3], light()[28:36, 28:36], rtol=0.03)

    def test_other_sky_is_refused(self, tmp_path: Path) -> None:
        planes = [fits.ImageHDU(light(), header(), name=band) for band in BANDS]
        planes[4] = fits.ImageHDU(light(), header(ra=200.0), name="z")
        with pytest.raises(CutoutUnavailable, match="by its own WCS, z shows other sky than r"):
            read(written(tmp_path / "a.fits", *planes))

    def test_where_bands_agree_no_pixel_changes(self, tmp_path: Path) -> None:
        planes = [
            fits.ImageHDU(values, header(RADESYS="FK5" if band == "g" else "ICRS"), name=band)
            for band, values in zip(BANDS, cube(), strict=True)
        ]
        planes[1].header["CRPIX1"] += 0.03
        pixels = read(written(tmp_path / "a.fits", *planes))
        is_the_galaxy(pixels.image)
        assert pixels.note == ""

    def test_a_band_without_a_wcs_is_noted_and_another_shape_refused(self, tmp_path: Path) -> None:
        planes = [fits.ImageHDU(values, header(), name=band) for band, values in zip(BANDS, cube(), strict=True)]
        planes[0] = fits.ImageHDU(cube()[0], name="u")
        assert "no WCS says how u" in read(written(tmp_path / "a.fits", *planes)).note
        planes[0] = fits.ImageHDU(cube()[0, :60], name="u")
        with pytest.raises(CutoutUnavailable, match="differ in shape"):
            read(written(tmp_path / "b.fits", *planes))


class TestSky:
    """A header's frame, units and order of axes do not move a galaxy on the sky."""

    PLACE = SkyCoord(187.25, 12.5, unit="deg")

    def where(self, tmp_path: Path, head: fits.Header) -> SkyCoord:
        path = written(tmp_path / "a.fits", fits.ImageHDU(cube(), head))
        pixels = read(path)
        middle = SkyCoord(*image_centre([path], BANDS), unit="deg")
        # The file's centre and the picture's agree, and so do neighbouring pixels.
        assert middle.separation(SkyCoord(*pixels.sky(31.5, 31.5), unit="deg")).arcsec < 1e-3
        assert SkyCoord(*pixels.sky(51.5, 31.5), unit="deg").separation(middle).arcsec == pytest.approx(
            20 * SCALE, rel=1e-4
        )
        assert pixels.pixel_scale == pytest.approx(SCALE, rel=1e-4)
        return middle

    @pytest.mark.parametrize(
        ("frame", "cards"),
        [
            (FK4(equinox=Time(1950.0, format="byear")), {"RADESYS": "FK4", "EQUINOX": 1950.0}),
            (FK4(equinox=Time(1950.0, format="byear")), {"RADESYS": "FK4"}),
            (FK5(equinox=Time(2015.5, format="jyear")), {"RADESYS": "FK5", "EQUINOX": 2015.5}),
            (FK5(equinox=Time(2000.0, format="jyear")), {"RADESYS": "FK5", "EQUINOX": 2000.0}),
        ],
    )
    def test_other_equinoxes(self, tmp_path: Path, frame: FK4 | FK5, cards: dict[str, object]) -> None:
        there = self.PLACE.transform_to(frame)
        head = header(there.ra.deg, there.dec.deg)
        head.remove("RADESYS")
        head.update(cards)
        # FK5 of J2000 is taken for ICRS, which differs by 0.03 arcsec; FK4 needs an epoch, which headers leave open.
        assert self.where(tmp_path, head).separation(self.PLACE).arcsec < 0.05

    def test_b1950_by_number(self, tmp_path: Path) -> None:
        found = self.where(tmp_path, header(RADESYS="FK4", EQUINOX=1950.0))
        np.testing.assert_allclose([found.ra.deg, found.dec.deg], [187.883, 12.224], atol=1e-3)

    def test_galactic(self, tmp_path: Path) -> None:
        there = self.PLACE.transform_to(Galactic())
        head = header(there.l.deg, there.b.deg, CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN")
        head.update(CRVAL1=there.l.deg, CRVAL2=there.b.deg)
        assert self.where(tmp_path, head).separation(self.PLACE).arcsec < 1e-3

    @pytest.mark.parametrize(
        "unit", ["DEGREE", "degrees", "Deg", "deg", "RADIAN", "rad", "hours", "h", "hourangle", "arcsec"]
    )
    def test_units_of_the_axes(self, tmp_path: Path, unit: str) -> None:
        hours, radians = unit in ("hours", "h", "hourangle"), unit.lower().startswith("rad")
        factor = np.radians(1) if radians else 3600.0 if unit == "arcsec" else 1.0
        head = header()
        for axis, per in ((1, 1 / 15 if hours else factor), (2, factor)):
            head[f"CUNIT{axis}"] = "deg" if hours and axis == 2 else unit
            head[f"CRVAL{axis}"] *= per
            for card in [card for card in head if card.startswith((f"CD{axis}_", f"CDELT{axis}", f"PC{axis}_"))]:
                if not card.startswith("PC") or f"CDELT{axis}" not in head:
                    head[card] *= per
        assert self.where(tmp_path, head).separation(self.PLACE).arcsec < 1e-3

    def test_a_negative_right_ascension(self, tmp_path: Path) -> None:
        assert self.where(tmp_path, header(ra=-10.0)).ra.deg == pytest.approx(350.0)

    def test_a_wcs_without_scale_is_not_used(self, tmp_path: Path) -> None:
        head = header()
        for card in [card for card in head if card.startswith(("CD", "PC"))]:
            del head[card]
        pixels = read(written(tmp_path / f"{ID}.fits", fits.ImageHDU(cube(), head)))
        is_the_galaxy(pixels.image)  # and not mirrored
        assert (pixels.wcs, np.isnan(pixels.pixel_scale)) == (None, True)
        assert "its WCS gives" in pixels.note
        cutout = FolderSource(tmp_path, pixel_scale=0.5).fetch(Galaxy(0, ID, 10.0, -3.0))
        assert cutout.pixel_scale == 0.5

    def test_a_header_that_is_damaged(self, tmp_path: Path) -> None:
        for card, value in (("CTYPE1", 7), ("CUNIT1", "furlong"), ("CDELT1", 0.0)):
            with pytest.raises(CutoutUnavailable, match="header"):
                read(written(tmp_path / "a.fits", fits.ImageHDU(cube(), header(**{card: value}))))

    def test_declination_first(self) -> None:
        head = header()
        swapped = head.copy()
        for card in ("CTYPE", "CRVAL", "CRPIX", "CUNIT", "CDELT"):
            if f"{card}1" in head:
                swapped[f"{card}1"], swapped[f"{card}2"] = head[f"{card}2"], head[f"{card}1"]
        wcs, other = celestial(head), celestial(swapped)
        assert wcs is not None
        assert other is not None
        np.testing.assert_allclose(other.pixel_to_world_values(31.5, 31.5), wcs.pixel_to_world_values(31.5, 31.5))


class TestUnits:
    AREA = float(np.radians(SCALE / 3600) ** 2)

    @pytest.mark.parametrize(
        ("unit", "jansky"),
        [
            ("Jy", 1.0),
            ("uJy/pix", 1e-6),
            ("nJy", 1e-9),
            ("10*nJy", 1e-8),
            ("1.0E-6 Jy", 1e-6),
            ("microJansky", 1e-6),
            ("MJy/sr", 1e6 * AREA),
            ("mJy/sr", 1e-3 * AREA),
            ("Jy/arcsec2", SCALE**2),
            ("Jy arcsec-2", SCALE**2),
            ("erg/s/cm2/Hz", 1e23),
            ("erg s-1 cm-2 Hz-1", 1e23),
            ("W m-2 Hz-1", 1e26),
            ("Jy/beam", 0.1),
            ("nanomaggies", 3.631e-6),
            ("10**-9 maggies", 3.631e-6),
            ("nanomaggies per pixel", 3.631e-6),
        ],
    )
    def test_flux(self, unit: str, jansky: float) -> None:
        assert to_nanomaggies(unit, self.AREA, 10 * self.AREA) == pytest.approx(jansky / 3.631e-6)
        assert is_known_unit(unit, self.AREA, 10 * self.AREA)

    @pytest.mark.parametrize(
        "unit", ["adu", "ADU/s", "counts", "electrons/s", "DN", "erg/s/cm2/Angstrom", "MJy/sr", "Jy/beam"]
    )
    def test_without_a_zero_point(self, unit: str) -> None:
        assert to_nanomaggies(unit) == 1.0
        assert not is_known_unit(unit)

    @pytest.mark.parametrize("unit", ["mag", "mag/arcsec2", "ABmag", "mag(AB)", "magnitude"])
    def test_magnitudes_are_refused(self, tmp_path: Path, unit: str) -> None:
        assert is_magnitude(unit)
        with pytest.raises(CutoutUnavailable, match="linear flux per pixel was expected"):
            read(extensions(tmp_path / "a.fits", FILTER="{}", BUNIT=unit))
        assert not is_magnitude("maggies")

    def test_infrared_surface_brightness(self, tmp_path: Path) -> None:
        pixels = read(extensions(tmp_path / "a.fits", FILTER="{}", BUNIT="MJy/sr"))
        np.testing.assert_allclose(pixels.image, np.moveaxis(cube(), 0, -1) * 1e6 * self.AREA / 3.631e-6, rtol=1e-5)
        assert (pixels.calibrated, pixels.note) == (True, "")

    def test_counts_are_kept_and_noted(self, tmp_path: Path) -> None:
        whole = [
            fits.ImageHDU((values * 1000).astype(np.int32), header(FILTER=band, BUNIT=""))
            for band, values in zip(BANDS, cube(), strict=True)
        ]
        for path, unit in (
            (extensions(tmp_path / "a.fits", FILTER="{}", BUNIT="ADU"), "ADU"),
            (written(tmp_path / "b.fits", *whole), "counts (assumed)"),
        ):
            pixels = read(path)
            assert (pixels.unit, pixels.calibrated) == (unit, False)
            assert f"pixels in {unit}, a unit without a known zero point" in pixels.note

    def test_bands_in_units_that_cannot_be_compared(self, tmp_path: Path) -> None:
        path = extensions(tmp_path / "a.fits", FILTER="{}", BUNIT="nanomaggy")
        with fits.open(path, mode="update") as hdus:
            hdus[1].header["BUNIT"] = "adu"
        with pytest.raises(CutoutUnavailable, match=r"cannot be compared: u in nanomaggy, g in adu"):
            read(path)


class TestIngest:
    """The command line from files to a survey, and one image by itself: both say the same."""

    def survey(self, tmp_path: Path, **options: object) -> Survey:
        opened, source = open_local_survey(tmp_path / "survey", "folder", tmp_path / "img", **options)  # type: ignore[arg-type]
        ingest(source, opened)
        return opened.refreshed()

    @pytest.fixture
    def images(self, tmp_path: Path) -> Path:
        (tmp_path / "img").mkdir()
        return tmp_path / "img"

    @pytest.mark.parametrize("dark", [slice(None), slice(0, 1)])
    def test_no_light_is_no_image(self, tmp_path: Path, images: Path, dark: slice) -> None:
        values = cube()
        values[dark] = 0.0
        fits.writeto(images / f"{ID}.fits", values, header(BANDS="ugriz"))
        result = ran("ingest", tmp_path / "survey", "--source", "folder", "--from", images, module="trainer.__main__")
        assert result.returncode != 0
        survey = Survey.open(tmp_path / "survey")
        assert survey.status["status"].tolist() == ["failed"]
        assert "every pixel of" in survey.status["reason"][0]
        assert not survey.valid([0]).any()
        extensions(images / f"{ID + 1}.fits", FILTER="{}")
        with pytest.raises(InputError) as error:
            outside_galaxy(images / f"{ID}.fits", survey)
        assert survey.status["reason"][0] in str(error.value)

    def test_one_image_alone_is_read_as_the_survey_was(self, tmp_path: Path, images: Path) -> None:
        path = extensions(images / f"{ID}.fits", FILTER="{}.MP9601")
        with fits.open(path, mode="update") as hdus:
            hdus[1].header["CRPIX1"] += 1.5
        survey = self.survey(tmp_path)
        outside = outside_galaxy(path, survey)
        np.testing.assert_array_equal(outside.cutout.image, survey.images([0])[0])
        np.testing.assert_array_equal(outside.cutout.valid, survey.valid([0])[0])
        assert survey.cutout(0).note == outside.cutout.note != ""
        assert survey.notes == (f"1 galaxy: {outside.cutout.note}.",)

    def test_notes_stand_in_the_survey(self, tmp_path: Path, images: Path) -> None:
        for number in range(3):
            path = extensions(images / f"{ID + number}.fits", FILTER="{}", BUNIT="ADU")
            with fits.open(path, mode="update") as hdus:
                hdus[1].header["CRPIX1"] += 1.5 + number
        (note,) = self.survey(tmp_path).notes
        assert note.startswith("3 galaxies: pixels in ADU")

    def test_uncalibrated_and_calibrated_do_not_mix(self, tmp_path: Path, images: Path) -> None:
        path = extensions(images / f"{ID}.fits", FILTER="{}", BUNIT="ADU")
        survey = self.survey(tmp_path)
        assert outside_galaxy(path, survey).cutout.native_unit == "ADU"
        other = extensions(tmp_path / "other.fits", FILTER="{}", BUNIT="nanomaggy")
        with pytest.raises(InputError, match="are in ADU, which has no known zero point"):
            outside_galaxy(other, survey)

    def test_a_bad_file_does_not_end_an_ingest(self, tmp_path: Path, images: Path) -> None:
        extensions(images / f"{ID}.fits", FILTER="{}")
        (images / f"{ID + 1}.fits").write_bytes((images / f"{ID}.fits").read_bytes()[:9000])
        (images / f"{ID + 2}.npz").write_bytes(b"PK\x03\x04rubbish")
        extensions(images / f"{ID + 3}.fits", FILTER="{}")
        assert self.survey(tmp_path).status["status"].tolist() == ["ok", "failed", "failed", "ok"]

    def test_nothing_fits(self, tmp_path: Path, images: Path) -> None:
        extensions(images / "ngc_a.fits", FILTER="{}")
        (tmp_path / "t.csv").write_text("objid,ra,dec\n17,1,2\n18,3,4\n")
        result = ran(
            "ingest",
            tmp_path / "s",
            "--source",
            "folder",
            "--from",
            images,
            "--catalog",
            tmp_path / "t.csv",
            module="trainer.__main__",
        )
        assert result.returncode != 0
        told = " ".join((result.stdout + result.stderr).split())
        assert "None of the 1 images" in told
        assert "ngc_a.fits" in told
        assert "17, 18" in told


class TestColourImages:
    def picture(self, path: Path, size: int = 128, colour: tuple[int, int, int] = (200, 120, 40)) -> np.ndarray:
        """A galaxy above the middle, brighter in red."""
        shape = light(size / 2 - 0.5, size / 4, size / 12, size)
        values = np.rint(shape[..., None] * colour).astype(np.uint8)
        Image.fromarray(values).save(path, quality=95)
        return values

    def test_a_png_is_red_green_blue_north_up(self, tmp_path: Path) -> None:
        values = self.picture(tmp_path / "a.png")
        pixels = read(tmp_path / "a.png", DISPLAY_BANDS)
        np.testing.assert_allclose(pixels.image, values[::-1] / 255, atol=1e-7)
        assert (pixels.unit, pixels.calibrated) == (DISPLAY_UNIT, False)

    @pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
    def test_other_modes(self, tmp_path: Path, mode: str) -> None:
        self.picture(tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as picture:
            picture.convert(mode).save(tmp_path / "b.png")
        assert read(tmp_path / "b.png", DISPLAY_BANDS).image.shape == (128, 128, 3)

    def test_a_grey_image_is_noted(self, tmp_path: Path) -> None:
        self.picture(tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as picture:
            picture.convert("L").save(tmp_path / "grey.png")
        assert "grey" in read(tmp_path / "grey.png", DISPLAY_BANDS).note
        assert read(tmp_path / "a.png", DISPLAY_BANDS).note == ""

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
    def test_what_is_transparent_is_dark(self, tmp_path: Path, mode: str) -> None:
        self.picture(tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as opened:
            picture = opened.convert("RGBA")
        picture.paste((255, 255, 255, 0), (0, 0, 64, 128))
        picture.convert(mode).save(tmp_path / "b.png")
        image = read(tmp_path / "b.png", DISPLAY_BANDS).image
        assert image[:, :64].max() == 0 < image[:, 64:].max()

    def test_a_picture_is_turned_as_its_orientation_says(self, tmp_path: Path) -> None:
        self.picture(tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as picture:
            exif = picture.getexif()
            exif[0x0112] = 3  # half a turn
            picture.save(tmp_path / "turned.png", exif=exif)
        upright, turned = (read(tmp_path / name, DISPLAY_BANDS).image for name in ("a.png", "turned.png"))
        np.testing.assert_array_equal(turned, upright[::-1, ::-1])

    def test_what_is_none(self, tmp_path: Path) -> None:
        self.picture(tmp_path / "a.png")
        with pytest.raises(CutoutUnavailable, match=r"made for the eye.*u g r i z was expected"):
            read(tmp_path / "a.png")
        Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / "deep.png")
        with pytest.raises(CutoutUnavailable, match="more than 8 bits"):
            read(tmp_path / "deep.png", DISPLAY_BANDS)
        (tmp_path / "b.jpg").write_bytes((tmp_path / "a.png").read_bytes()[:300])
        with pytest.raises(CutoutUnavailable, match=r"b\.jpg cannot be read"):
            read(tmp_path / "b.jpg", DISPLAY_BANDS)

    def test_area_means_keep_the_mean(self) -> None:
        image = np.random.default_rng(3).random((69, 69, 3)).astype(np.float32)
        np.testing.assert_allclose(
            area_mean(image, (32, 32), 69 / 32).mean(axis=(0, 1)), image.mean(axis=(0, 1)), rtol=1e-5
        )
        np.testing.assert_allclose(
            area_mean(image, (23, 23), 3.0), image.reshape(23, 3, 23, 3, 3).mean(axis=(1, 3)), rtol=1e-5
        )
        np.testing.assert_allclose(area_mean(image, (9, 9), 1.0), image[30:39, 30:39], rtol=1e-6)

    def test_kaggles_folder_by_id(self, tmp_path: Path) -> None:
        (tmp_path / "img").mkdir()
        ids = [100008, 100023, 999967]
        for number, galaxy_id in enumerate(ids):
            self.picture(tmp_path / "img" / f"{galaxy_id}.jpg", colour=(200 - 50 * number, 100, 40))
        table = pd.DataFrame({"objid": [*ids[::-1], 5], "ra": [1.0, 2.0, 3.0, 4.0], "dec": [1.0, 2.0, 3.0, 4.0]})
        table.to_csv(tmp_path / "t.csv", index=False)
        result = ran(
            "ingest", tmp_path / "s", "--source", "folder", "--from", tmp_path / "img",
            "--catalog", tmp_path / "t.csv", "--size", 32, "--central", 0.5, module="trainer.__main__",
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        survey = Survey.open(tmp_path / "s")
        assert (survey.bands, survey.unit, survey.notes) == (DISPLAY_BANDS, DISPLAY_UNIT, (DISPLAY_NOTE,))
        assert "not linear in flux" in " ".join((result.stdout + result.stderr).split())
        status = survey.status.set_index("galaxy_id")["status"].to_dict()
        assert status == {999967: "ok", 100023: "ok", 100008: "ok", 5: "missing"}
        red = {
            int(galaxy): image[..., 0].max()
            for galaxy, image in zip(survey.galaxy_ids, survey.images(range(4)), strict=True)
        }
        assert red[100008] > red[100023] > red[999967] > red[5] == 0
        one = outside_galaxy(tmp_path / "img" / "100023.jpg", survey)  # the same half, the same means
        np.testing.assert_array_equal(one.cutout.image, survey.images([survey.row_of(100023)])[0])

    def test_previews_beside_fits_are_no_images(self, tmp_path: Path) -> None:
        (tmp_path / "img").mkdir()
        extensions(tmp_path / "img" / f"{ID}.fits", FILTER="{}")
        self.picture(tmp_path / "img" / f"{ID}.jpg")
        opened, _ = open_local_survey(tmp_path / "s", "folder", tmp_path / "img")
        assert (len(opened), opened.bands) == (1, BANDS)

    def test_names_that_are_positions(self, tmp_path: Path) -> None:
        self.picture(tmp_path / "J123456.78-012345.6.png")
        (row,) = catalog_of_folder(tmp_path, bands=DISPLAY_BANDS).itertuples()
        place = SkyCoord("12h34m56.78s -01d23m45.6s")
        assert SkyCoord(row.ra, row.dec, unit="deg").separation(place).arcsec < 1e-3


def galaxy10(path: Path, size: int = 69, count: int = 12, **more: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(7)
    images = rng.integers(0, 255, (count, size, size, 3), dtype=np.uint8)
    with h5py.File(path, "w") as file:
        file["images"], file["ans"] = images, np.arange(count) % 10
        for name, values in more.items():
            file[name] = values
    return images


class TestGalaxy10:
    def test_its_labels_and_pixels(self, tmp_path: Path) -> None:
        images = galaxy10(
            tmp_path / "g.h5", 256, ra=np.linspace(0, 350, 12), dec=np.linspace(-5, 5, 12), pxscale=np.full(12, 0.262)
        )
        result = ran(
            "ingest", tmp_path / "s", "--source", "galaxy10", "--from", tmp_path / "g.h5", module="trainer.__main__"
        )
        assert result.returncode == 0, result.stdout + result.stderr
        survey = Survey.open(tmp_path / "s")
        assert survey.catalog["label"].tolist() == [CLASSES[256][number % 10] for number in range(12)]
        np.testing.assert_allclose(survey.catalog["ra"], np.linspace(0, 350, 12))
        expected = images[:, ::-1].reshape(12, 64, 4, 64, 4, 3).mean(axis=(2, 4)) / 255
        np.testing.assert_allclose(survey.images(range(12)), expected, atol=1e-6)
        assert survey.status["pixel_scale"].tolist() == pytest.approx([4 * 0.262] * 12)
        assert survey.notes == (DISPLAY_NOTE,)

    def test_the_file_without_positions(self, tmp_path: Path) -> None:
        galaxy10(tmp_path / "g.h5")
        catalog = catalog_of_galaxy10(tmp_path / "g.h5")
        assert catalog["label"].tolist()[:10] == list(CLASSES[69])
        assert (catalog["galaxy_id"].tolist(), catalog["ra"].isna().all()) == (list(range(12)), True)

    def test_another_file(self, tmp_path: Path) -> None:
        galaxy10(tmp_path / "g.h5")
        damaged = (tmp_path / "g.h5").read_bytes()[:3000]
        (tmp_path / "d.h5").write_bytes(damaged)
        (tmp_path / "t.h5").write_text("no")
        with h5py.File(tmp_path / "o.h5", "w") as file:
            file["x"] = np.zeros(3)
        for name in ("d.h5", "t.h5", "o.h5", "nothing.h5"):
            with pytest.raises(InputError):
                catalog_of_galaxy10(tmp_path / name)
        with pytest.raises(InputError, match="u g r i z"):
            Galaxy10Source(tmp_path / "g.h5", bands=BANDS)

    def test_images_beyond_reason_are_not_read(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "g.h5", "w") as file:
            file.create_dataset("images", (3, 100_000, 100_000, 3), np.uint8, chunks=(1, 64, 64, 3))
            file["ans"] = [0, 1, 2]
        with pytest.raises(InputError, match=r"100000 x 100000|HDF5 content is damaged"):
            catalog_of_galaxy10(tmp_path / "g.h5")

    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path) -> None:
        galaxy10(tmp_path / "g.h5", 69, 600)
        source = Galaxy10Source(tmp_path / "g.h5", shape=(32, 32))
        for number in (0, 599, 300):
            source.fetch(Galaxy(number, number, np.nan, np.nan))
            assert sys.getsizeof(source._block) < 70 * 69 * 69 * 3


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Two kinds of galaxies as JPEGs named by short ids, with a table of classes."""
    folder = tmp_path_factory.mktemp("colour")
    (folder / "img").mkdir()
    rng = np.random.default_rng(2)
    for number in range(60):
        shape = light(23.5, 23.5, 3 + 5 * (number % 2), 48)[..., None] * [220, 150, 90]
        noisy = np.clip(shape + rng.normal(8, 3, shape.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / "img" / f"{100000 + number}.jpg", quality=95)
    table = pd.DataFrame({"objid": 100000 + np.arange(60), "ra": np.arange(60) * 5.0, "dec": np.arange(60) - 30.0})
    table.assign(label=np.array(["small", "large"])[np.arange(60) % 2]).to_csv(folder / "t.csv", index=False)
    done = ran(
        "ingest", folder / "s", "--source", "folder", "--from", folder / "img", "--catalog", folder / "t.csv",
        "--size", 24, module="trainer.__main__",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Survey.open(folder / "s")


class TestColourSurveys:
    def test_a_network_learns_them_in_their_own_scaling(self, colours: Survey) -> None:
        from trainer_surveys import tiny_network

        from trainer.config import Config
        from trainer.fit import fit

        with tiny_network() as network:
            model = fit(colours, "tiny", Config(network=network, epochs=2, batch_size=8))
        assert model.run["scaling"]["kind"] == model.run["config"]["scaling"] == "display"
        assert model.run["scaling"]["unit"] == DISPLAY_UNIT
        assert len(model.predictions) == 60

    def test_they_are_shown_as_they_are(self, colours: Survey) -> None:
        images = colours.images(range(4))
        stretch = stretch_of(images, colours.bands)
        np.testing.assert_array_equal(rgb(images, colours.bands, stretch), np.rint(images * 255).astype(np.uint8))
        assert "stretched for the eye before" in str(stretch)
        assert DISPLAY_UNIT in bands_panel(images[0], colours.bands).data[0].hovertemplate

    def test_exported_cutouts_claim_no_flux(self, colours: Survey, tmp_path: Path) -> None:
        done = ran("export", colours.path, "100003", "--out", tmp_path / "out")
        files = list((tmp_path / "out").rglob("100003.fits"))
        assert files, done.stdout + done.stderr
        head = fits.getheader(files[0])
        assert (head["BUNIT"], "not linear" in head.comments["BUNIT"]) == (DISPLAY_UNIT, True)

    def test_a_survey_says_so_when_it_is_checked(self, colours: Survey) -> None:
        assert any(finding.words == DISPLAY_NOTE for finding in check_survey(colours.path))


# -- images as surveys publish them -----------------------------------------------------------------------------------


def one_band(**cards: object) -> fits.ImageHDU:
    return fits.ImageHDU(cube()[2], header(**cards))


def test_the_weight_of_a_dark_energy_survey_image_is_no_second_image(tmp_path):
    parts = (one_band(BAND="r"), one_band(BAND="r"), one_band(BAND="r"))
    for hdu, name in zip(parts, ("SCI", "MSK", "WGT"), strict=True):
        hdu.name = name
    parts[2].data[:] = 7
    pixels = read(written(tmp_path / "des.fits", *parts), ("r",))
    np.testing.assert_array_equal(pixels.image[..., 0], cube()[2])


def test_the_inverse_variance_of_a_legacy_surveys_cube_is_no_second_cube(tmp_path):
    cubes = [fits.ImageHDU(cube()[1:4], header(BANDS="gri", IMAGETYP=kind)) for kind in ("image", "invvar")]
    cubes[1].data[:] = 7
    pixels = read(written(tmp_path / "ls.fits", *cubes), ("i", "g", "r"))
    np.testing.assert_array_equal(pixels.image, np.moveaxis(cube()[[3, 1, 2]], 0, -1))


def test_the_primary_header_names_the_filter_of_an_image_beside_masks(tmp_path):
    primary = fits.PrimaryHDU()
    primary.header["FILTER"] = "HSC-I2"
    parts = [primary, one_band(FLUXMAG0=10 ** (27 / 2.5), BUNIT=""), one_band(), one_band()]
    for hdu, name in zip(parts[1:], ("IMAGE", "MASK", "VARIANCE"), strict=True):
        hdu.name = name
    fits.HDUList(parts).writeto(tmp_path / "hsc.fits")
    with pytest.raises(CutoutUnavailable, match="HSC-I2"):
        read(tmp_path / "hsc.fits", ("r",))
    pixels = read(tmp_path / "hsc.fits", ("i",))
    assert (pixels.calibrated, "FLUXMAG0" in pixels.unit, pixels.note) == (True, True, "")
    np.testing.assert_allclose(pixels.image[..., 0], cube()[2] * 10 ** ((22.5 - 27) / 2.5), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("zero_point", "calibrated"), [(22.5, True), (30.0, False)])
def test_without_unit_a_zero_point_decides_whether_pixels_are_nanomaggies(tmp_path, zero_point, calibrated):
    pixels = read(written(tmp_path / "a.fits", one_band(FILTER="r", BUNIT="", MAGZERO=zero_point)), ("r",))
    assert pixels.calibrated == calibrated
    assert ("counts" in pixels.note) != calibrated
    assert ("MAGZERO = 30" in pixels.note) != calibrated


@pytest.mark.parametrize(
    "cards", [{"ZPAB": 27.0}, {"MAGZP": 27.0, "PHOTSYS": "AB"}, {"ZEROPT": (27.0, "AB mag of one count")}]
)
def test_a_zero_point_of_the_ab_system_is_applied(tmp_path, cards):
    pixels = read(written(tmp_path / "a.fits", one_band(FILTER="r", BUNIT="", **cards)), ("r",))
    np.testing.assert_allclose(pixels.image[..., 0], cube()[2] * 10 ** ((22.5 - 27) / 2.5), rtol=1e-6, atol=1e-9)
    assert (pixels.calibrated, pixels.note) == (True, "")


def test_an_assumed_unit_is_noted(tmp_path):
    assert read(written(tmp_path / "a.fits", one_band(FILTER="r", BUNIT="")), ("r",)).note == NO_UNIT


@pytest.mark.parametrize("empty", [0.0, np.nan])
def test_an_area_that_was_not_measured_is_not_valid(empty):
    image = np.moveaxis(cube(), 0, -1).copy()
    image[:20, 40:, 1] = empty
    image[50, 50, 2] = 0.0  # one pixel may well be zero
    filled, valid = mask_invalid(image, BANDS)
    assert not valid[:20, 40:].any()
    assert valid.sum() == SIZE**2 - 20 * 24
    assert not filled[~valid].any()


@pytest.mark.parametrize("values", [np.maximum(cube(), 0), np.round(cube() * 100)])
def test_dark_areas_of_models_and_of_counts_are_valid(values):
    assert mask_invalid(np.moveaxis(values, 0, -1), BANDS)[1].all()


def test_pixels_that_are_inverse_hyperbolic_sines_are_refused(tmp_path):
    with pytest.raises(CutoutUnavailable, match="BSOFTEN"):
        read(written(tmp_path / "ps1.fits", one_band(FILTER="r", BSOFTEN=100.0, BOFFSET=3.0)), ("r",))


@pytest.mark.parametrize("listed", [np.array([b"z", b"g", b"r"]), np.array(["z", "g", "r"]), np.array("z g r")])
def test_the_bands_that_a_numpy_file_lists_decide_whatever_texts_they_are(tmp_path, listed):
    np.savez(tmp_path / "a.npz", image=cube()[[4, 1, 2]], bands=listed)
    pixels = read(tmp_path / "a.npz", ("g", "r", "z"))
    np.testing.assert_array_equal(pixels.image, np.moveaxis(cube()[[1, 2, 4]], 0, -1))
    assert pixels.note == NO_UNIT


@pytest.mark.parametrize(("text", "number"), [("J2000.0", 2000.0), ("2000", 2000.0), ("B1950", 1950.0)])
def test_an_equinox_may_be_a_text(tmp_path, text, number):
    places = []
    for equinox in (text, number):
        cards = header(FILTER="r")
        del cards["RADESYS"]
        cards["EQUINOX"] = equinox
        pixels = read(written(tmp_path / "a.fits", fits.ImageHDU(cube()[2], cards)), ("r",))
        places.append(pixels.sky(31.5, 31.5))
    np.testing.assert_allclose(*places, rtol=0, atol=1e-9)
    assert (abs(places[0][0] - 187.25) > 0.1) == (number == 1950.0)


def test_an_equinox_that_is_no_year_is_refused(tmp_path):
    with pytest.raises(CutoutUnavailable, match="EQUINOX"):
        read(written(tmp_path / "a.fits", one_band(FILTER="r", EQUINOX="now")), ("r",))


def test_a_file_that_is_no_standard_fits_says_so(tmp_path):
    fits.PrimaryHDU(cube()[2], header(FILTER="r")).writeto(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits").write_bytes(content[:29] + b"F" + content[30:])
    with pytest.raises(CutoutUnavailable, match="SIMPLE = F"):
        read(tmp_path / "a.fits", ("r",))


def test_hidden_files_are_no_images(tmp_path):
    extensions(tmp_path / f"{ID}.fits", FILTER="{}")
    (tmp_path / f"._{ID}.fits").write_bytes(b"Mac OS X resource fork")
    (tmp_path / "._a.jpg").write_bytes(b"Mac OS X resource fork")
    assert catalog_of_folder(tmp_path)["file"].tolist() == [f"{ID}.fits"]
