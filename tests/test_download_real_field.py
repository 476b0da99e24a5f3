"""One real field through the three services' protocols, resampled as they do: the same light at the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astroquery.sdss import conf as sdss_conf
from astroquery.skyview import conf as skyview_conf

from gz2interp.results import Cutout, Galaxy
from trainer.archives.limits import Limits
from trainer.archives.units import Unit, read_unit
from trainer.calibrate import aperture_flux, calibrate, unit_of_scales, write_calibration
from trainer.download import DownloadPlan
from trainer.download.asking import ArchiveSettings, open_archives
from trainer.rehearsal import ArchiveServer, FrameSky
from trainer.sources.detection import find_objects

pytestmark = [pytest.mark.realdata, pytest.mark.long]
FIELD = {"run": 1035, "rerun": 301, "camcol": 6, "field": 17}


@pytest.fixture(scope="module")
def frames(real_data: Path) -> Path:
    return real_data / "sdss_frames"


@pytest.fixture(scope="module")
def objects(frames: Path) -> pd.DataFrame:
    found = find_objects(frames, "r")
    return found[found["r"].between(15.5, 18.5)].head(20).reset_index(drop=True)


@pytest.fixture
def sources(frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The three, asked of a server that holds the field."""
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path / "surveys"))
    with ArchiveServer(FrameSky(frames), frames=frames, fields=FIELD) as server:
        address = f"{server.address}/hips-image-services/hips2fits"
        monkeypatch.setattr("trainer.sources.hips2fits.configured", lambda section, item: address)
        with (
            skyview_conf.set_temp("url", f"{server.address}/current/cgi/basicform.pl"),
            sdss_conf.set_temp("skyserver_baseurl", server.address),
            sdss_conf.set_temp("sas_baseurl", f"{server.address}/sas"),
        ):
            asking = ArchiveSettings(Limits(rate=0, tries=2), cache=tmp_path / "cache")
            yield {name: open_archives([name], DownloadPlan(), asking)[0] for name in ("sdss", "skyview", "hips2fits")}


def centroid(cutout: Cutout) -> np.ndarray:
    """Of the light within five pixels of the middle, in the r band [pixel]."""
    image = cutout.image[..., 2] - np.median(cutout.image[..., 2])
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    near = np.hypot(y - 31.5, x - 31.5) <= 5.0
    return np.array([(image * axis)[near].sum() / image[near].sum() for axis in (x, y)])


def test_three_sources_show_the_same_light_at_the_same_place(sources, objects: pd.DataFrame) -> None:
    shifts, ratios = [], []
    for row, (ra, dec) in enumerate(zip(objects["ra"], objects["dec"], strict=True)):
        galaxy = Galaxy(row, row, float(ra), float(dec))
        try:
            cutouts = {name: source.fetch(galaxy) for name, source in sources.items()}
            flux = {name: aperture_flux(cutout)[1:4] for name, cutout in cutouts.items()}
        except Exception as error:
            if "edge" in str(error) or "not all on the image" in str(error):
                continue
            raise
        assert {name: cutout.source for name, cutout in cutouts.items()} == {name: name for name in sources}
        for name in ("skyview", "hips2fits"):
            shifts.append(np.hypot(*(centroid(cutouts[name]) - centroid(cutouts["sdss"]))))
            bright = flux["sdss"] > 10.0  # magnitude 20: the sky's noise in the aperture is below a hundredth
            ratios.append((flux[name] / flux["sdss"])[bright])
    assert len(shifts) >= 16
    assert np.max(shifts) < 0.3
    assert len(np.concatenate(ratios)) >= 48
    assert np.abs(np.concatenate(ratios) - 1.0).max() < 0.02


def test_one_download_serves_every_galaxy_on_a_frame(sources, objects: pd.DataFrame) -> None:
    source = sources["sdss"]
    for row, (ra, dec) in enumerate(zip(objects["ra"][:4], objects["dec"][:4], strict=True)):
        source.fetch(Galaxy(row, row, float(ra), float(dec)))
    assert source.services[1].requests == 5  # one for each band


def test_a_service_in_other_units_is_found_out(sources, objects: pd.DataFrame) -> None:
    """The frames' own photometry is the catalogue; one service is then told to be in tenths of it."""
    stars = [sources["sdss"].fetch(Galaxy(row, row, ra, dec)) for row, (ra, dec) in _inside(objects)]
    flux = np.array([aperture_flux(star) for star in stars])
    bright = (flux > 10.0).all(axis=1)
    places = pd.DataFrame([place for _, place in _inside(objects)], columns=["ra", "dec"])[bright]
    catalog = places.assign(**{band: 22.5 - 2.5 * np.log10(flux[bright, n]) for n, band in enumerate("ugriz")})
    assert len(catalog) >= 6
    source = sources["skyview"]
    source.unit = Unit("as given")
    scales = calibrate(source, catalog)
    assert unit_of_scales(scales).words.startswith("nanomaggy (verified")
    source.unit = Unit("as given", dict.fromkeys("ugriz", 0.1))
    unit, _ = write_calibration(source, calibrate(source, catalog))
    np.testing.assert_allclose(list(unit.nanomaggies.values()), 10.0, rtol=0.02)
    assert read_unit("skyview", "127.0.0.1") == unit


def _inside(objects: pd.DataFrame) -> list[tuple[int, tuple[float, float]]]:
    places = [(float(ra), float(dec)) for ra, dec in zip(objects["ra"], objects["dec"], strict=True)]
    return [(row, place) for row, place in enumerate(places) if row < 12]
