"""The whole way on real pixels: cutouts from a folder and from whole frames, scored, analysed and explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy.ndimage import map_coordinates

from gz2interp.embedding.projection import MapSettings
from gz2interp.network.quiet import keras
from gz2interp.stores.checking import check_survey
from gz2interp.stores.fits_headers import celestial
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings
from gz2interp.workflows.explain import AttributionSettings, explain
from gz2interp.workflows.import_results import import_model
from gz2interp.workflows.maps import write_maps
from gz2interp.workflows.study import Study
from trainer.ingest import ingest, open_local_survey
from trainer.networks import build_network
from trainer.sources.frame_sets import read_frame

pytestmark = pytest.mark.realdata
BANDS = ("u", "g", "r", "i", "z")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(1)
    sky = [0.1, 0.02, 0.03, 0.04, 0.15]
    model = build_network("cnn", shape=(64, 64), class_count=5, scaling="asinh", softening=sky)
    file = tmp_path_factory.mktemp("network") / "fresh.keras"
    model.save(file)
    return file


def walked(survey: Survey, network: Path, folder: Path) -> list[tuple[int, WCS]]:
    """Everything after the cutouts, up to maps of some galaxies; their rows, and the sky as the maps have it."""
    study = Study(survey, import_model(survey, network))
    found = analyse(study, AnalyseSettings(neighbours=5, map=MapSettings(neighbours=5)))
    assert len(found.rows) == survey.usable.sum()
    assert np.isfinite(found.activations()).all()
    rows = [int(row) for row in found.rows[:: len(found.rows) // 5]]
    ids = survey.catalog["galaxy_id"].iloc[rows].tolist()
    paths = write_maps(explain(study, ids, AttributionSettings("gradient")), folder)
    assert not [finding.words for finding in check_survey(survey.path) if finding.is_damage]
    return [(row, WCS(fits.getheader(path, "IMAGE")).celestial) for row, path in zip(rows, paths, strict=True)]


def test_real_cutouts_from_a_folder(real_data: Path, network: Path, tmp_path: Path) -> None:
    survey, source = open_local_survey(tmp_path / "cut", "folder", real_data / "sdss_cutouts", bands=BANDS)
    assert ingest(source, survey) == {"ok": 32}
    x, y = np.array([[-0.5, 63.5, -0.5, 63.5], [-0.5, -0.5, 63.5, 63.5]])
    for row, ours in walked(survey.refreshed(), network, tmp_path):
        theirs = celestial(fits.getheader(real_data / "sdss_cutouts" / survey.catalog["file"].iloc[row], "U"))
        assert theirs is not None
        at = ours.world_to_pixel_values(*theirs.pixel_to_world_values(x, y))
        assert np.abs(np.subtract(at, (x, y))).max() < 0.6  # half a pixel of cutting by whole ones, and their rounding


@pytest.mark.long
def test_objects_found_on_whole_frames(real_data: Path, network: Path, tmp_path: Path) -> None:
    survey, source = open_local_survey(tmp_path / "frames", "sdss_frames", real_data / "sdss_frames", bands=BANDS)
    assert ingest(source, survey)["ok"] >= 20
    survey = survey.refreshed()
    middles = survey.images(np.flatnonzero(survey.usable))[:, 24:40, 24:40, 2]
    sky = survey.status["sky_sigma_r"].to_numpy()[survey.usable]
    assert (middles.max(axis=(1, 2)) > 10 * sky).all()  # there is an object where one was found
    (frame,) = (read_frame(path) for path in (real_data / "sdss_frames").glob("frame-r-*"))
    y, x = np.indices((64, 64))
    for row, ours in walked(survey, network, tmp_path):
        seen = survey.images([row])[0, ..., 2]
        at = frame.wcs.world_to_pixel_values(*ours.pixel_to_world_values(x, y))
        there = map_coordinates(frame.data, at[::-1], order=1)  # the frame's own light where the map says it looked
        assert np.corrcoef(seen.ravel(), there.ravel())[0, 1] > 0.99
        brightest = np.argwhere(seen == seen[24:40, 24:40].max())[0]
        place = ours.world_to_pixel_values(*survey.catalog[["ra", "dec"]].iloc[row])
        assert np.abs(brightest - place[::-1]).max() < 2
