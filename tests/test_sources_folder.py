from __future__ import annotations

import logging
import pickle

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Galaxy
from gz2interp.sky import cutout_wcs
from gz2interp.stores.fits_headers import celestial
from gz2interp.stores.resampling import north_up
from trainer.catalog import name_id, position_ids
from trainer.sources import SOURCES, Source, open_source, register
from trainer.sources.folder import MAX_OFF_CENTRE, FolderSource, catalog_of_folder
from trainer.sources.folder_index import ImageFiles, find_images

LARGE = 588015507658768484
BANDS = ("u", "g", "r", "i", "z")
SMALL = (8, 6)


def image(shape=SMALL, seed=0):
    return np.random.default_rng(seed).normal(1.0, 0.1, (*shape, 5)).astype(np.float32)


def galaxy(row=0, galaxy_id=LARGE, ra=np.nan, dec=np.nan):
    return Galaxy(row, galaxy_id, ra, dec)


def header(unit="nanomaggy", turn=0.0, **cards):
    wcs = north_up(150.0, 2.0, 0.5, SMALL)
    angle = np.radians(turn)
    wcs.wcs.pc = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    head = wcs.to_header()
    head["BUNIT"] = unit
    head.update(cards)
    return head


def extensions(path, pixels, key="EXTNAME", spell=str.upper, **options):
    hdus = [fits.ImageHDU(pixels[..., n], header(**options, **{key: spell(band)})) for n, band in enumerate(BANDS)]
    fits.HDUList([fits.PrimaryHDU(), *hdus[::-1]]).writeto(path)


def source(folder, catalog=None, **options):
    return FolderSource(folder, catalog, shape=SMALL, **options)


def test_the_contract(tmp_path):
    np.save(tmp_path / "array_number_0.npy", image())
    opened = open_source("folder", tmp_path, shape=SMALL)
    assert isinstance(opened, Source)
    with pytest.raises(InputError, match=r"no source 'sky'.*folder, sdss_frames"):
        open_source("sky")
    with pytest.raises(InputError, match="already"):
        register("folder", FolderSource)
    register("mine", FolderSource)
    try:
        assert open_source("mine", tmp_path).name == "folder"
    finally:
        del SOURCES["mine"]


class TestLayouts:
    @pytest.mark.parametrize(
        ("key", "spell"), [("EXTNAME", str.upper), ("FILTER", str.lower), ("EXTNAME", "sdss_{}".format)]
    )
    def test_extensions_by_name_in_any_order(self, tmp_path, key, spell):
        extensions(tmp_path / f"g{LARGE}.fits", image(), key, spell)
        cutout = source(tmp_path).fetch(galaxy())
        np.testing.assert_array_equal(cutout.image, image())
        assert cutout.pixel_scale == pytest.approx(0.5, abs=1e-9)
        assert (cutout.native_unit, cutout.position_angle, cutout.valid.all()) == ("nanomaggy", 0.0, True)
        assert np.allclose(cutout.sky_sigma, 0.1, atol=0.05)
        assert np.isnan(cutout.psf_fwhm).all()
        assert cutout.image.dtype == np.float32

    def test_a_cube(self, tmp_path):
        head = header(turn=30.0, PSF_FWHM=1.3)
        fits.writeto(tmp_path / f"{LARGE}.fits.gz", np.moveaxis(image(), -1, 0), head)
        cutout = source(tmp_path).fetch(galaxy())
        np.testing.assert_array_equal(cutout.image, image())
        assert cutout.position_angle == pytest.approx(30.0, abs=1e-6)
        assert cutout.psf_fwhm == (1.3,) * 5

    @pytest.mark.parametrize("name", ["{id}_{band}.fits", "{band}-{id}.fits", "cut.{band}.{id}.fits"])
    def test_one_file_per_band(self, tmp_path, name):
        for n, band in enumerate(BANDS):
            fits.writeto(tmp_path / name.format(id=LARGE, band=band), image()[..., n], header())
        np.testing.assert_array_equal(source(tmp_path).fetch(galaxy()).image, image())
        assert len(catalog_of_folder(tmp_path)) == 1

    @pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1)])
    def test_numpy_in_either_order(self, tmp_path, axes):
        np.save(tmp_path / f"{LARGE}.npy", image().transpose(axes))
        cutout = source(tmp_path, pixel_scale=0.396).fetch(galaxy())
        np.testing.assert_array_equal(cutout.image, image())
        assert (cutout.pixel_scale, cutout.native_unit) == (0.396, "nanomaggy (assumed)")

    def test_npz_by_band_and_as_one(self, tmp_path):
        np.savez(tmp_path / f"{LARGE}.npz", **{band: image()[..., n] for n, band in enumerate(BANDS)})
        np.savez(tmp_path / f"{LARGE + 1}.npz", image())
        for galaxy_id in (LARGE, LARGE + 1):
            np.testing.assert_array_equal(source(tmp_path).fetch(galaxy(0, galaxy_id)).image, image())

    @pytest.mark.parametrize(
        ("unit", "factor"), [("maggies", 1e9), ("Jy", 1 / 3.631e-6), ("uJy", 1 / 3.631), ("adu", 1)]
    )
    def test_units(self, tmp_path, unit, factor):
        extensions(tmp_path / f"{LARGE}.fits", image(), unit=unit)
        cutout = source(tmp_path).fetch(galaxy())
        np.testing.assert_allclose(cutout.image, image() * factor, rtol=1e-6)
        assert cutout.native_unit == unit


class TestPixels:
    def test_what_was_not_measured_is_not_valid(self, tmp_path):
        pixels = image()
        pixels[2, 3, 4] = np.nan
        np.save(tmp_path / f"{LARGE}.npy", pixels)
        cutout = source(tmp_path).fetch(galaxy())
        assert np.argwhere(~cutout.valid).tolist() == [[2, 3]]
        assert (cutout.image[2, 3] == 0).all()
        assert np.isfinite(cutout.image).all()

    def test_what_single_precision_cannot_hold_is_not_valid(self, tmp_path):
        pixels = image().astype(np.float64)
        pixels[2, 3, 4] = 1e39
        np.save(tmp_path / f"{LARGE}.npy", pixels)
        extensions(tmp_path / f"{LARGE + 1}.fits", pixels)
        for galaxy_id in (LARGE, LARGE + 1):
            assert np.argwhere(~source(tmp_path).fetch(galaxy(0, galaxy_id)).valid).tolist() == [[2, 3]]

    def test_capitals_in_a_suffix(self, tmp_path):
        np.save(tmp_path / "a.npy", image())
        (tmp_path / "a.npy").rename(tmp_path / f"{LARGE}.NPY")
        np.testing.assert_array_equal(source(tmp_path).fetch(galaxy()).image, image())
        assert catalog_of_folder(tmp_path)["ra"].isna().all()

    def test_larger_images_are_cropped_about_their_middle(self, tmp_path, caplog):
        np.save(tmp_path / f"{LARGE}.npy", image((12, 11)))
        with caplog.at_level(logging.INFO):
            cutout = source(tmp_path).fetch(galaxy())
        np.testing.assert_array_equal(cutout.image, image((12, 11))[2:10, 2:8])
        assert "cropped" in caplog.text

    @pytest.mark.parametrize(
        ("pixels", "reason"),
        [
            (image((7, 6)), "7 x 6 pixels, fewer than 8 x 6"),
            (image()[..., :3], r"is neither \(band, y, x\) or"),
            (np.zeros((5, 9, 5)), "could be either"),
            (np.zeros(5), "is neither"),
            (np.array([{"a": 1}], dtype=object), "Python objects, which are never loaded"),
            (np.full((*SMALL, 5), "1.0"), r"values of type <U3; real numbers"),
            (image() > 1, "values of type bool; real numbers"),
            (image() * 1j, "values of type complex64; real numbers"),
        ],
    )
    def test_shapes_that_are_wrong(self, tmp_path, pixels, reason):
        np.save(tmp_path / f"{LARGE}.npy", pixels, allow_pickle=True)
        with pytest.raises(CutoutUnavailable, match=reason) as error:
            source(tmp_path).fetch(galaxy())
        assert error.value.status == "failed"

    def test_damaged_files(self, tmp_path):
        extensions(tmp_path / f"{LARGE}.fits", image((60, 60)))
        whole = (tmp_path / f"{LARGE}.fits").read_bytes()
        (tmp_path / f"{LARGE}.fits").write_bytes(whole[: len(whole) // 2])
        (tmp_path / f"{LARGE + 1}.fits").write_bytes(b"<html>not found</html>")
        (tmp_path / f"{LARGE + 2}.npz").write_bytes(b"PK\x03\x04rubbish")
        (tmp_path / f"{LARGE + 3}.npy").write_bytes(pickle.dumps([1]))
        fits.writeto(tmp_path / f"{LARGE + 4}.fits", image()[..., 0])
        for galaxy_id in range(LARGE, LARGE + 5):
            with pytest.raises(CutoutUnavailable, match=str(galaxy_id)) as error:
                source(tmp_path).fetch(galaxy(0, galaxy_id))
            assert error.value.status == "failed"


class TestPlace:
    """Where a header says that a light lies, it lies by the cutout's own WCS too."""

    SCALE = 0.5

    def scene(self, path, *, turn, mirrored, size, middle):
        """An image whose galaxy, at (150, 2), stands at pixel `middle` (x, y), and of a star beside it the position."""
        wcs = north_up(150.0, 2.0, self.SCALE, size)
        angle = np.radians(turn)
        wcs.wcs.pc = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag(
            [-1 if mirrored else 1, 1]
        )
        wcs.wcs.crpix = np.array(middle) + 1
        pixels = np.zeros((*size, 5), np.float32)
        x, y = int(np.rint(middle[0])) + 5, int(np.rint(middle[1])) - 3
        pixels[y, x] = 100.0
        fits.writeto(path, np.moveaxis(pixels, -1, 0), wcs.to_header())
        return wcs.pixel_to_world_values(x, y)

    @pytest.mark.parametrize("turn", [0.0, 40.0, 200.0])
    @pytest.mark.parametrize("mirrored", [False, True])
    @pytest.mark.parametrize("middle", [(20.0, 20.0), (12.2, 27.4), (16.5, 16.0)])
    def test_a_light_stays_where_it_was(self, tmp_path, turn, mirrored, middle):
        shape = (24, 24)
        star = self.scene(tmp_path / f"{LARGE}.fits", turn=turn, mirrored=mirrored, size=(41, 40), middle=middle)
        cutout = FolderSource(tmp_path, shape=shape).fetch(galaxy(ra=150.0, dec=2.0))
        y, x, _ = np.argwhere(cutout.image > 0)[0]
        told = cutout_wcs(150.0, 2.0, cutout.pixel_scale, cutout.position_angle, shape).world_to_pixel_values(*star)
        assert np.abs(np.subtract(told, (x, y))).max() < 0.5 + 1e-3

    def test_a_mirrored_image_is_told_and_its_pixels_kept(self, tmp_path, caplog):
        mirrored = header()
        mirrored["CDELT1"] *= -1
        fits.writeto(tmp_path / f"{LARGE}.fits", np.moveaxis(image(), -1, 0), mirrored)
        with caplog.at_level(logging.INFO):
            cutout = source(tmp_path).fetch(galaxy(ra=150.0, dec=2.0))
        np.testing.assert_array_equal(cutout.image, image()[:, ::-1])
        assert "east on the right" in caplog.text

    @pytest.mark.parametrize(("off", "told"), [(3.0, "3.0 pixels"), (-40.0, "40.0 pixels"), (None, "half the sky")])
    def test_a_galaxy_beside_the_middle_is_refused_beyond_a_tolerance(self, tmp_path, off, told):
        fits.writeto(tmp_path / f"{LARGE}.fits", np.moveaxis(image(), -1, 0), header())
        pixel = self.SCALE / 3600
        near = galaxy(ra=150.0, dec=2.0 + (MAX_OFF_CENTRE - 0.01) * pixel)
        np.testing.assert_array_equal(source(tmp_path).fetch(near).image, image())
        far = galaxy(ra=330.0, dec=-2.0) if off is None else galaxy(ra=150.0, dec=2.0 + off * pixel)
        with pytest.raises(
            CutoutUnavailable, match=f"the galaxy lies {told} from the centre.*; 2 are allowed"
        ) as error:
            source(tmp_path).fetch(far)
        assert error.value.status == "failed"

    def test_a_window_at_the_rim_of_the_image(self, tmp_path):
        self.scene(tmp_path / f"{LARGE}.fits", turn=0.0, mirrored=False, size=(30, 30), middle=(10.0, 15.0))
        with pytest.raises(CutoutUnavailable, match=r"lies 3\.5 pixels from the centre"):
            FolderSource(tmp_path, shape=(28, 28)).fetch(galaxy(ra=150.0, dec=2.0))
        assert FolderSource(tmp_path, shape=(24, 24)).fetch(galaxy(ra=150.0, dec=2.0)).valid.all()

    def test_coordinates_that_are_none_of_the_sky_say_nothing(self, tmp_path):
        planet = header()
        planet.update(CTYPE1="MALN-TAN", CTYPE2="MALT-TAN")
        fits.writeto(tmp_path / "ngc.fits", np.moveaxis(image(), -1, 0), planet)
        catalog = catalog_of_folder(tmp_path)
        assert catalog["ra"].isna().all()
        np.testing.assert_array_equal(source(tmp_path, catalog).fetch(galaxy(0, 1, 3.0, 4.0)).image, image())


class TestWhichFile:
    def test_by_row(self, tmp_path):
        for row in (0, 2, 10):
            np.save(tmp_path / f"array_number_{row}.npy", image(seed=row))
        np.testing.assert_array_equal(source(tmp_path).fetch(galaxy(10, 7)).image, image(seed=10))
        with pytest.raises(CutoutUnavailable, match=r"no file of .* shows galaxy 7") as error:
            source(tmp_path).fetch(galaxy(1, 7))
        assert error.value.status == "missing"

    def test_ids_before_rows(self, tmp_path):
        np.save(tmp_path / f"{LARGE}.npy", image(seed=1))
        np.save(tmp_path / "array_number_0.npy", image(seed=2))
        np.testing.assert_array_equal(source(tmp_path).fetch(galaxy(0, LARGE)).image, image(seed=1))
        with pytest.raises(CutoutUnavailable):
            source(tmp_path).fetch(galaxy(0, LARGE + 1))

    def test_by_position(self, tmp_path):
        np.save(tmp_path / "cut_0.00001_-1.50000.npy", image())
        across_zero = galaxy(5, 9, 359.99999, -1.5)
        np.testing.assert_array_equal(source(tmp_path).fetch(across_zero).image, image())
        with pytest.raises(CutoutUnavailable):
            source(tmp_path).fetch(galaxy(5, 9, 0.001, -1.5))

    def test_by_the_catalogues_column(self, tmp_path):
        (tmp_path / "deep").mkdir()
        np.save(tmp_path / "deep" / "a.npy", image())
        catalog = pd.DataFrame({"file": pd.array([None, "deep/a.npy", "deep/b.npy"], dtype="str")})
        np.testing.assert_array_equal(source(tmp_path, catalog).fetch(galaxy(1)).image, image())
        for row, reason in ((0, "names no file"), (2, "has no deep/b.npy")):
            with pytest.raises(CutoutUnavailable, match=reason):
                source(tmp_path, catalog).fetch(galaxy(row))

    def test_no_folder_and_an_empty_one(self, tmp_path):
        with pytest.raises(InputError, match="holds no images"):
            source(tmp_path)
        with pytest.raises(InputError, match="no folder"):
            source(tmp_path / "nowhere")


class TestCatalogOfFolder:
    def test_ids_from_names_positions_and_headers(self, tmp_path):
        np.save(tmp_path / f"{LARGE}.npy", image())
        np.save(tmp_path / "cut_10.5_+2.25.npy", image())
        np.save(tmp_path / "ngc1300.npy", image())
        extensions(tmp_path / "with_wcs.fits", image())
        catalog = catalog_of_folder(tmp_path).set_index("file")
        assert catalog["id_from"].to_dict() == {
            f"{LARGE}.npy": "name",
            "cut_10.5_+2.25.npy": "position",
            "ngc1300.npy": "file",
            "with_wcs.fits": "position",
        }
        assert catalog["galaxy_id"].tolist() == [
            LARGE,
            position_ids(10.5, 2.25)[0],
            name_id("ngc1300"),
            position_ids(150.0, 2.0)[0],
        ]
        assert catalog["ra"].isna().sum() == 2

    def test_it_makes_a_source(self, tmp_path):
        for row in (10, 9):
            np.save(tmp_path / f"array_number_{row}.npy", image(seed=row))
        catalog = catalog_of_folder(tmp_path)
        assert catalog["file"].tolist() == ["array_number_9.npy", "array_number_10.npy"]
        np.testing.assert_array_equal(source(tmp_path, catalog).fetch(galaxy(1)).image, image(seed=10))

    def test_one_galaxy_twice(self, tmp_path):
        np.save(tmp_path / f"a{LARGE}.npy", image())
        np.save(tmp_path / f"b{LARGE}.npy", image())
        with pytest.raises(InputError, match="same galaxy"):
            catalog_of_folder(tmp_path)

    def test_numbers_are_rows_of_the_table_on_disk(self, tmp_path):
        """A row that the reader drops must not shift the images of those behind it."""
        for row in range(4):
            np.save(tmp_path / f"array_number_{row}.npy", image(seed=row))
        (tmp_path / "t.csv").write_text("objid,ra,dec\n5,1,2\n6,999,2\n7,3,4\n8,5,6\n9,7,8\n")
        catalog = catalog_of_folder(tmp_path, tmp_path / "t.csv")
        assert catalog["galaxy_id"].tolist() == [5, 7, 8, 9]
        np.testing.assert_array_equal(source(tmp_path, catalog).fetch(galaxy(1, 7)).image, image(seed=2))
        with pytest.raises(CutoutUnavailable, match="names no file"):
            source(tmp_path, catalog).fetch(galaxy(3, 9))

    def test_a_table_of_others(self, tmp_path):
        np.save(tmp_path / "ngc.npy", image())
        (tmp_path / "t.csv").write_text("ra,dec\n1,2\n")
        with pytest.raises(
            InputError,
            match=r"None of the 1 images in .* 1 galaxies: .* named ngc\.npy, and the ids are \d+",
        ):
            catalog_of_folder(tmp_path, tmp_path / "t.csv")


@pytest.mark.realdata
def test_real_cutouts(real_data):
    folder = real_data / "sdss_cutouts"
    from_names, from_table = catalog_of_folder(folder), catalog_of_folder(folder, folder / "cutouts.csv")
    assert sorted(from_names["file"]) == sorted(from_table["file"])
    by_name, by_file = FolderSource(folder), FolderSource(folder, from_table)
    for row, (galaxy_id, ra, dec) in enumerate(from_table[["galaxy_id", "ra", "dec"]].itertuples(index=False)):
        one, other = by_name.fetch(galaxy(row, galaxy_id, ra, dec)), by_file.fetch(galaxy(row))
        np.testing.assert_array_equal(one.image, other.image)
        assert one.image.shape == (64, 64, 5)
        assert one.pixel_scale == pytest.approx(0.396, abs=1e-3)
        assert one.native_unit == "nanomaggy"
        with fits.open(folder / from_table["file"][row]) as hdus:
            x, y = celestial(hdus["R"].header).world_to_pixel_values(ra, dec)
        assert max(abs(x - 31.5), abs(y - 31.5)) < 0.5  # cut by whole pixels, about the galaxy


# -- names as surveys give them ---------------------------------------------------------------------------------------


def named(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("science", "weight"),
    [
        ("a_sci", "a_wht"),
        ("a_drz_sci", "a_drz_wht"),
        ("a.sci.r", "a.wei.r"),
        ("a-image", "a-invvar"),
        ("a", "a.weight"),
    ],
)
def test_weights_beside_an_image_are_no_images_whatever_the_image_is_called(tmp_path, science, weight):
    images = find_images(named(tmp_path, f"{science}.fits", f"{weight}.fits"), ("r",))
    assert [image.paths[0].name for image in images] == [f"{science}.fits"]


@pytest.mark.parametrize(
    "names", [("1237648720693755918_a.fits", "1237648720693755918_b.fits"), ("a/7.npy", "b/7.npy")]
)
def test_two_images_of_one_galaxy_of_a_table_are_refused(tmp_path, names):
    (tmp_path / "t.csv").write_text("id,ra,dec\n1237648720693755918,10.5,1.0\n7,20.5,1.0\n")
    with pytest.raises(InputError, match="show the same galaxy"):
        catalog_of_folder(named(tmp_path / "f", *names), tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(f"id,ra,dec,file\n1237648720693755918,10.5,1.0,{names[1]}\n7,20.5,1.0,{names[1]}\n")
    assert catalog_of_folder(tmp_path / "f", tmp_path / "t.csv")["file"].tolist() == [names[1]] * 2


def test_a_position_in_a_name_needs_no_sign_but_decimals(tmp_path):
    stems = ["cutout_154.7709_46.4537", "cutout_154.7709_-46.4537", "cutout_154.7709_+46.4537", "model_1.5_2.5"]
    places = [ImageFiles((tmp_path,), stem).position for stem in stems]
    assert places == [(154.7709, 46.4537), (154.7709, -46.4537), (154.7709, 46.4537), None]
