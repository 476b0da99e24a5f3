from __future__ import annotations

import bz2

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Galaxy
from gz2interp.stores.fits_headers import celestial
from gz2interp.stores.resampling import north_up, resample
from trainer.sources import Source, sdss_frames
from trainer.sources.detection import find_objects
from trainer.sources.judging import sky_level, sky_sigma
from trainer.sources.sdss_frames import SdssFrames, cut_out

NATIVE = 0.396
BANDS = ("u", "g", "r", "i", "z")
SHAPE = (150, 190)
FLUX = {"u": 20.0, "g": 60.0, "r": 100.0, "i": 140.0, "z": 170.0}
RA, DEC = 150.0, 2.0


def frame_wcs(turn=90.0, ra=RA, dec=DEC, offset=0.0) -> WCS:
    """A frame of which +y points `turn` degrees east of north."""
    wcs = north_up(ra, dec, NATIVE, SHAPE)
    angle = np.radians(turn)
    wcs.wcs.pc = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    wcs.wcs.crpix = np.array(wcs.wcs.crpix) + offset
    return wcs


def star(wcs, flux=100.0, ra=RA, dec=DEC, sigma=1.5, sky=0.0, seed=0):
    x0, y0 = wcs.world_to_pixel_values(ra, dec)
    y, x = np.indices(SHAPE)
    light = np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    return (flux * light + np.random.default_rng(seed).normal(0, sky, SHAPE)).astype(np.float32)


def write_set(folder, name="001035-6-0017", bands=BANDS, suffix="fits", **place):
    for n, band in enumerate(bands):
        wcs = frame_wcs(offset=0.37 * n, **place)  # each band lies a little differently, as in SDSS
        head = wcs.to_header()
        head["BUNIT"] = "nanomaggy"
        fits.writeto(folder / f"frame-{band}-{name}.{suffix}", star(wcs, FLUX[band], sky=0.02, seed=n), head)


def galaxy(ra=RA, dec=DEC):
    return Galaxy(0, 1, ra, dec)


def measured(image, pixel_scale, within=5.0):
    """Flux, and centroid from the middle towards +x and +y [arcsec], of one band inside a circle [arcsec]."""
    y, x = np.indices(image.shape)
    y, x = ((axis - (size - 1) / 2) * pixel_scale for axis, size in zip((y, x), image.shape, strict=True))
    light = image * (np.hypot(x, y) < within)
    return light.sum(), (light * x).sum() / light.sum(), (light * y).sum() / light.sum()


@pytest.mark.parametrize("turn", [0.0, 37.0, 90.0, 200.0])
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.3, 2.0, 4.0])
def test_light_and_place_are_kept(turn, scale):
    wcs, target = frame_wcs(turn), north_up(RA, DEC, scale * NATIVE, (48, 48))
    flux, valid = resample(star(wcs), wcs, target, (48, 48))
    light, x, y = measured(flux, scale * NATIVE)
    assert light == pytest.approx(100.0, rel=5e-3)
    assert np.hypot(x, y) < 0.02 * NATIVE
    assert valid[24, 24]


def test_north_is_up_and_east_is_left():
    wcs, target = frame_wcs(123.0), north_up(RA, DEC, NATIVE, (64, 64))
    north, _ = resample(star(wcs, dec=DEC + 5 / 3600), wcs, target, (64, 64))
    east, _ = resample(star(wcs, ra=RA + 5 / 3600 / np.cos(np.radians(DEC))), wcs, target, (64, 64))
    np.testing.assert_allclose(measured(north, NATIVE, 12)[1:], (0, 5), rtol=0, atol=0.01)
    np.testing.assert_allclose(measured(east, NATIVE, 12)[1:], (-5, 0), rtol=0, atol=0.01)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_holes_and_edges_are_not_valid(scale):
    wcs = frame_wcs(0.0)
    data = np.ones(SHAPE, np.float32)
    data[70:80, 90:100] = np.nan
    flux, valid = resample(data, wcs, north_up(RA, DEC, scale * NATIVE, (80, 80)), (80, 80))
    assert not valid[40, 40]
    assert not valid[0, 0] if scale == 3.0 else valid[0, 0]
    np.testing.assert_allclose(flux[valid], scale**2, rtol=2e-2)
    assert (flux[~valid] == 0).all()
    far = north_up(RA + 1.0, DEC, NATIVE, (80, 80))
    assert not resample(data, wcs, far, (80, 80))[1].any()


def test_sky_is_measured_beside_the_galaxy():
    image = star(frame_wcs(), flux=500.0, sky=0.1)
    assert sky_sigma(image[..., None], np.ones(SHAPE, bool))[0] == pytest.approx(0.1, rel=0.05)
    assert np.isnan(sky_level(np.array([], np.float32))).all()


class TestSource:
    def test_a_cutout(self, tmp_path):
        write_set(tmp_path)
        source = SdssFrames(tmp_path)
        assert isinstance(source, Source)
        cutout = source.fetch(galaxy())
        assert (cutout.image.shape, cutout.image.dtype, cutout.valid.all()) == ((64, 64, 5), np.float32, True)
        assert cutout.field == pytest.approx(64 * NATIVE)
        assert (cutout.native_unit, cutout.position_angle) == ("nanomaggy", 0.0)
        assert np.isnan(cutout.psf_fwhm).all()
        for n, band in enumerate(BANDS):
            light, x, y = measured(cutout.image[..., n], NATIVE, 3.0)
            assert light == pytest.approx(FLUX[band], rel=0.02)
            assert np.hypot(x, y) < 0.1 * NATIVE

    def test_the_edge(self, tmp_path):
        write_set(tmp_path, turn=0.0)
        cutout = SdssFrames(tmp_path).fetch(galaxy(dec=DEC + 65 * NATIVE / 3600))
        assert 0.5 < cutout.valid.mean() < 0.75
        assert (cutout.image[~cutout.valid] == 0).all()

    def test_the_set_that_holds_it_best(self, tmp_path):
        near = DEC + 40 * NATIVE / 3600
        write_set(tmp_path, "000001-1-0001", turn=0.0)
        write_set(tmp_path, "000002-1-0001", turn=0.0, dec=near + 5 * NATIVE / 3600)
        assert SdssFrames(tmp_path).fetch(galaxy(dec=near)).valid.all()

    def test_frames_are_opened_once_and_few_are_kept(self, tmp_path, monkeypatch):
        for n in range(3):
            write_set(tmp_path, f"00000{n}-1-0001", ra=RA + n)
        opened = []
        read = sdss_frames.read_frame
        monkeypatch.setattr(sdss_frames, "read_frame", lambda path: opened.append(path.name) or read(path))
        source = SdssFrames(tmp_path, open_sets=2)
        for n in (0, 0, 1, 0, 2, 0):
            source.fetch(galaxy(ra=RA + n))
        assert [name[8:14] for name in opened[::5]] == ["000000", "000001", "000002"]
        source.fetch(galaxy(ra=RA + 1))
        assert len(opened) == 20

    @pytest.mark.parametrize(
        ("ra", "status"), [(RA + 10, "out_of_footprint"), (RA + 180, "out_of_footprint"), (np.nan, "missing")]
    )
    def test_nowhere(self, tmp_path, ra, status):
        write_set(tmp_path)
        with pytest.raises(CutoutUnavailable) as error:
            SdssFrames(tmp_path).fetch(galaxy(ra=ra))
        assert error.value.status == status

    def test_a_band_is_missing(self, tmp_path):
        write_set(tmp_path, bands=BANDS[:4])
        with pytest.raises(CutoutUnavailable, match="001035-6-0017 has no frame in z") as error:
            SdssFrames(tmp_path).fetch(galaxy())
        assert error.value.status == "missing"

    def test_a_damaged_frame(self, tmp_path):
        write_set(tmp_path)
        whole = (tmp_path / "frame-g-001035-6-0017.fits").read_bytes()
        (tmp_path / "frame-g-001035-6-0017.fits").unlink()
        (tmp_path / "frame-g-001035-6-0017.fits.bz2").write_bytes(bz2.compress(whole)[:30_000])
        with pytest.raises(CutoutUnavailable, match=r"frame-g-001035-6-0017\.fits\.bz2 cannot be read") as error:
            SdssFrames(tmp_path).fetch(galaxy())
        assert error.value.status == "failed"

    @pytest.mark.parametrize("fault", ["a band is missing", "cut short"])
    def test_another_set_steps_in_and_a_failure_is_remembered(self, tmp_path, monkeypatch, fault):
        write_set(tmp_path, "000001-1-0001", turn=0.0)
        write_set(tmp_path, "000002-1-0001", turn=0.0, dec=DEC + 9 * NATIVE / 3600)
        broken = tmp_path / "frame-g-000001-1-0001.fits"
        broken.write_bytes(broken.read_bytes()[:30_000])
        if fault == "a band is missing":
            broken.unlink()
        opened = []
        read = sdss_frames.read_frame
        monkeypatch.setattr(sdss_frames, "read_frame", lambda path: opened.append(path.name) or read(path))
        source = SdssFrames(tmp_path)
        for _ in range(3):
            np.testing.assert_allclose(measured(source.fetch(galaxy()).image[..., 2], NATIVE)[0], FLUX["r"], rtol=0.02)
        assert len(opened) == len(set(opened))
        assert broken.name in opened or fault == "a band is missing"
        with pytest.raises(CutoutUnavailable, match="000001-1-0001"):  # there only the broken one shows it
            source.fetch(galaxy(dec=DEC - 70 * NATIVE / 3600))
        assert len(opened) == len(set(opened))

    def test_nothing_readable(self, tmp_path):
        for band in BANDS:
            (tmp_path / f"frame-{band}-001035-6-0017.fits").write_bytes(b"<html>")
        with pytest.raises(CutoutUnavailable, match="frames of 001035-6-0017 cannot be read") as error:
            SdssFrames(tmp_path).fetch(galaxy())
        assert error.value.status == "failed"
        with pytest.raises(InputError, match="No frame in r can be read"):
            find_objects(tmp_path)

    def test_no_frames(self, tmp_path):
        with pytest.raises(InputError, match="holds no SDSS frames"):
            SdssFrames(tmp_path)
        with pytest.raises(InputError, match="no folder"):
            SdssFrames(tmp_path / "nowhere")


def test_objects_are_found_where_they_are(tmp_path):
    wcs = frame_wcs(60.0)
    places = [(RA, DEC, 50.0), (RA + 0.0031, DEC, 80.0), (RA + 0.0031, DEC + 6 / 3600, 20.0)]
    sky = np.random.default_rng(1).normal(0.3, 0.02, SHAPE)
    data = sum(star(wcs, flux, ra, dec) for ra, dec, flux in places) + sky
    fits.writeto(tmp_path / "frame-r-000001-1-0001.fits", data.astype(np.float32), wcs.to_header())
    objects = find_objects(tmp_path)
    assert len(objects) == 2  # the third lies 6 arcsec beside a brighter one
    np.testing.assert_allclose(objects[["ra", "dec"]], [places[1][:2], places[0][:2]], rtol=0, atol=0.1 * NATIVE / 3600)
    np.testing.assert_allclose(objects["r"], 22.5 - 2.5 * np.log10([80.0, 50.0]), rtol=0, atol=0.03)
    assert objects["galaxy_id"].dtype == np.int64
    assert find_objects(tmp_path, most=1)["galaxy_id"].tolist() == [objects.loc[0, "galaxy_id"]]


@pytest.fixture(scope="module")
def real_frames(unpacked_frames):
    return SdssFrames(unpacked_frames)


@pytest.mark.realdata
def test_a_real_field(unpacked_frames, real_frames):
    """Light and place of real objects are the same at native scale, at half, and at twice the field."""
    objects = find_objects(unpacked_frames)
    assert len(objects) == 40
    assert objects["r"].is_monotonic_increasing
    fields = [real_frames]
    for times in (0.5, 2.0):
        fields.append(SdssFrames(unpacked_frames, field=times * real_frames.field))
        fields[-1]._frames = real_frames._frames  # the stars of a set, measured once
    alone = 0
    for row in objects.iloc[8:17].itertuples():
        cutouts = [source.fetch(Galaxy(row.Index, row.galaxy_id, row.ra, row.dec)) for source in fields]
        assert cutouts[0].valid.all()
        results = [measured(cutout.image[..., 2], cutout.pixel_scale, 4.5) for cutout in cutouts]
        if np.hypot(*results[0][1:]) > 0.1:
            continue  # a neighbour lies on the aperture's rim: what falls inside depends on the pixels
        alone += 1
        for light, x, y in results[1:]:
            assert light == pytest.approx(results[0][0], rel=0.02)
            assert np.hypot(x - results[0][1], y - results[0][2]) < 0.3 * NATIVE
    assert alone >= 6


@pytest.mark.realdata
def test_real_cutouts_of_the_same_field(real_data, real_frames):
    """What others cut from this field at native pixels, turned north, is what we cut from the frames."""
    compared = 0
    for path in sorted((real_data / "sdss_cutouts").glob("sdss_[78]*.fits")):
        with fits.open(path) as hdus:
            centre = celestial(hdus["R"].header).pixel_to_world_values(31.5, 31.5)
            target = north_up(*centre, NATIVE, (32, 32))
            theirs = [resample(hdus[b].data, celestial(hdus[b].header), target, (32, 32))[0] for b in BANDS]
        ours = cut_out(real_frames._frames("001035-6-0017"), galaxy(*centre), (32, 32), NATIVE).image
        np.testing.assert_allclose(np.stack(theirs, axis=-1), ours, rtol=0, atol=2e-3 * ours.max())
        compared += 1
    assert compared == 8
