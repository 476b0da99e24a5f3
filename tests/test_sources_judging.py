"""Nothing but the image that was asked for passes."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from gz2interp.errors import CutoutUnavailable
from gz2interp.stores.resampling import north_up
from trainer.archives.limits import ArchiveError
from trainer.sources.judging import ImageRequest, validate_image
from trainer.sources.remote import BandImages

ASKED = ImageRequest(150.0, 2.0, "r", 0.396, (64, 64))
PIXELS = np.random.default_rng(3).normal(size=(64, 64)).astype(np.float32)


def image(pixels=PIXELS, *, ra=150.0, dec=2.0, scale=0.396, **cards) -> bytes:
    header = north_up(ra, dec, scale, pixels.shape[-2:]).to_header()
    header.update(cards)
    file = BytesIO()
    fits.PrimaryHDU(pixels, header).writeto(file)
    return file.getvalue()


def test_the_image_that_was_asked_for_passes_unchanged() -> None:
    np.testing.assert_array_equal(validate_image(image(SURVEY="SDSSr"), ASKED), PIXELS)


def test_a_third_axis_of_one_is_no_other_shape() -> None:
    np.testing.assert_array_equal(validate_image(image(PIXELS[None]), ASKED), PIXELS)


def test_pixels_that_were_not_imaged_stay_marked() -> None:
    holed = np.where(np.arange(64) < 5, np.nan, PIXELS).astype(np.float32)
    np.testing.assert_array_equal(validate_image(image(holed), ASKED), holed)


def _bare() -> bytes:
    file = BytesIO()
    fits.PrimaryHDU(PIXELS).writeto(file)
    return file.getvalue()


WRONG = {
    "empty": (b"", "empty file"),
    "web page": (b"<html><title>Oops</title></html>", "web page: Oops"),
    "no FITS": (b"GIF89a...", "no FITS"),
    "header only": (image()[:2000], "damaged"),
    "cut short": (image()[:9000], "damaged or cut short"),
    "other shape": (image(PIXELS[:32, :32]), "32 x 32 pixels"),
    "other place": (image(ra=150.01), "another place"),
    "opposite sky": (image(ra=330.0, dec=-2.0), "another place"),
    "a pixel off": (image(dec=2.0 + 0.396 / 3600), "another place"),
    "other scale": (image(scale=0.8), "not 0.396"),
    "mirrored": (image(CDELT1=0.396 / 3600), "mirrored"),
    "no place": (_bare(), "has no WCS"),
    "constant": (image(np.full((64, 64), 7.0, np.float32)), "every pixel of the image is 7"),
    "zeros": (image(np.zeros((64, 64), np.float32)), "all zero"),
    "NaN": (image(np.full((64, 64), np.nan, np.float32)), "no pixel"),
    "other band": (image(SURVEY="SDSSg"), "band g"),
    "other filter": (image(FILTER="i-band"), "band i"),
}


@pytest.mark.parametrize("name", WRONG)
def test_nothing_else_passes(name: str) -> None:
    content, words = WRONG[name]
    with pytest.raises(ArchiveError, match=words) as caught:
        validate_image(content, ASKED)
    assert caught.value.kind == ("blank" if name in ("zeros", "NaN") else "answer")


@given(st.integers(0, len(image())), st.binary(min_size=1, max_size=40))
def test_a_damaged_file_is_told_or_read_but_never_breaks(at: int, dirt: bytes) -> None:
    whole = image()
    damaged = whole[:at] + dirt + whole[at + len(dirt) :]
    try:
        pixels = validate_image(damaged, ASKED)
    except ArchiveError:
        return
    assert pixels.shape == (64, 64)
    assert pixels.dtype == np.float32


@given(st.integers(0, len(image()) - 2881))
def test_no_part_of_a_file_passes(length: int) -> None:
    with pytest.raises(ArchiveError):
        validate_image(image()[:length], ASKED)


def test_two_bands_are_never_the_same_pixels() -> None:
    planes = BandImages("ugriz")
    planes.add("g", PIXELS)
    with pytest.raises(ArchiveError, match="g and r are the same"):
        planes.add("r", PIXELS.copy())
    assert planes.missing == ["u", "r", "i", "z"]


def test_sky_is_outside_only_when_every_band_says_so_again_and_again() -> None:
    planes = BandImages("gr")
    for band in "grgrg":
        planes.add_blank(band, "all zero")
    with pytest.raises(CutoutUnavailable) as caught:
        planes.add_blank("r", "all zero")
    assert caught.value.status == "out_of_footprint"
