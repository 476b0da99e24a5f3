"""Painted noise, seeing and colours beside real ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.stats import sigma_clipped_stats

from gz2interp.painting import Noise, catalog_of, draw_recipes
from gz2interp.schema import BANDS, vote_column

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize("band", ["u", "g", "r", "i", "z"])
def test_the_sky_is_as_noisy_as_in_a_real_frame(unpacked_frames, band):
    with fits.open(unpacked_frames / f"frame-{band}-001035-6-0017.fits") as frame:
        _, _, scatter = sigma_clipped_stats(frame[0].data[:400, :400], sigma=3)
        calibration, sky = np.median(frame[1].data), np.median(frame[2].data["ALLSKY"][0])
    noise, index = Noise(), BANDS.index(band)
    assert noise.sky_sigma[index] == pytest.approx(scatter, rel=0.08)
    # The gain: photons of the sky alone make most of its scatter, never more than all of it.
    from_photons = np.sqrt(sky * calibration / noise.electrons[index])
    assert 0.7 < from_photons / scatter < 1.05


@pytest.fixture(scope="module")
def catalogues(real_data):
    """Of Stripe 82, and of as many painted galaxies as give their colours a width."""
    return pd.read_csv(real_data / "gz2_stripe82.csv.gz"), catalog_of(draw_recipes(4000, seed=1), seed=1)


@pytest.mark.parametrize("answer", ["a01_smooth", "a02_features_or_disk"])
def test_colours_are_those_of_stripe_82(catalogues, answer):
    column = vote_column("t01_smooth_or_features", answer)
    real, painted = (table[table[column] > 0.8] for table in catalogues)
    for blue, red in pairwise(BANDS):
        ours, theirs = painted[blue] - painted[red], real[blue] - real[red]
        assert ours.median() == pytest.approx(theirs.median(), abs=0.05)
        assert ours.std() == pytest.approx(theirs[theirs.abs() < 4].std(), rel=0.2)
