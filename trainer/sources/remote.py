"""Common parts of sources that query an archive galaxy by galaxy, and the field of view of cutouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE
from trainer.archives.limits import ArchiveError, Limits
from trainer.archives.service import Service
from trainer.sources.judging import ImageRequest, sky_sigma, validate_image

__all__ = ["BandImages", "Field", "GalaxyField", "SourceSettings", "check_position", "radius_in_pixels"]


@dataclass(frozen=True)
class Field:
    """Full width of a cutout.

    Attributes
    ----------
    arcsec : float
        The same for every galaxy. By default 64 native pixels of 0.396 arcsec.
    radii : float, optional
        Width in Petrosian radii of the galaxy instead, which removes the apparent size.
    """

    arcsec: float = CUTOUT_SIZE * NATIVE_PIXEL_SCALE
    radii: float | None = None

    def __post_init__(self) -> None:
        if not (self.arcsec > 0 and (self.radii is None or self.radii > 0)):
            raise InputError(f"A field of {self.radii or self.arcsec:g} was given", "A width above 0")

    def of(self, galaxy: Galaxy) -> float:
        """Width for one galaxy [arcsec].

        Raises
        ------
        CutoutUnavailable
            The field is in radii, and the galaxy has none in the catalogue.
        """
        if self.radii is None:
            return self.arcsec
        if not galaxy.petro_radius > 0:
            raise CutoutUnavailable("missing", "the catalogue has no Petrosian radius for the width of the field")
        return self.radii * galaxy.petro_radius


def radius_in_pixels(radii: NDArray[np.float64], field: Field, pixels: int) -> NDArray[np.float64]:
    """Convert Petrosian radii (n,) from arcsec to cutout pixels; NaN where unknown."""
    widths = np.full(len(radii), field.arcsec) if field.radii is None else field.radii * radii
    return radii * pixels / widths


_BLANKS = 3
"""Number of blank answers after which a band counts as blank."""


class SourceSettings:
    """Settings common to all archive sources.

    Parameters
    ----------
    shape : (int, int)
        (y, x).
    stop : Event, optional
        Set to stop the run.
    allowed : sequence of str
        Other hosts that the services may link or redirect to.
    """

    def __init__(
        self,
        *,
        bands: tuple[str, ...] = BANDS,
        shape: tuple[int, int] = (CUTOUT_SIZE, CUTOUT_SIZE),
        field: Field | None = None,
        limits: Limits | None = None,
        stop: Event | None = None,
        allowed: Sequence[str] = (),
    ) -> None:
        self.bands, self.shape, self.allowed = bands, shape, tuple(allowed)
        self.field, self.limits, self.stop = field or Field(), limits or Limits(), stop or Event()

    def service(self, name: str, address: str) -> Service:
        """A service at an address, with these limits."""
        return Service(name, address, self.limits, self.stop, self.allowed)


class GalaxyField:
    """Position, width and pixel scale of the images of one galaxy.

    Raises
    ------
    CutoutUnavailable
        The catalogue lacks the position of the galaxy, or its radius where the field depends on it.
    """

    def __init__(self, galaxy: Galaxy, setting: SourceSettings) -> None:
        check_position(galaxy)
        self.galaxy, self.shape = galaxy, setting.shape
        self.width = setting.field.of(galaxy)
        self.pixel_scale = self.width / setting.shape[1]

    def request(self, band: str) -> ImageRequest:
        """Request for the image of a band."""
        return ImageRequest(self.galaxy.ra, self.galaxy.dec, band, self.pixel_scale, self.shape)


class BandImages:
    """The images of one galaxy received so far, by band."""

    def __init__(self, bands: Sequence[str]) -> None:
        self._bands, self._images = tuple(bands), dict[str, NDArray[np.float32]]()
        self._blank = Counter[str]()

    @property
    def missing(self) -> list[str]:
        """The missing bands, in order."""
        return [band for band in self._bands if band not in self._images]

    @property
    def answers_needed(self) -> int:
        """Number of answers still needed; it decreases with each image and with each blank answer."""
        return sum(_BLANKS - min(self._blank[band], _BLANKS - 1) for band in self.missing)

    def request(self, field: GalaxyField, content: Callable[[str], bytes]) -> None:
        """Request the missing bands once; `content` returns the FITS file of a band.

        Raises
        ------
        ArchiveError
            The last invalid or blank answer; at once for other failures.
        """
        failure: ArchiveError | None = None
        for band in self.missing:
            try:
                self.add(band, validate_image(content(band), field.request(band)))
            except ArchiveError as trouble:
                if trouble.kind not in ("answer", "blank"):
                    raise
                if trouble.kind == "blank":
                    self.add_blank(band, trouble.words)
                failure = ArchiveError(trouble.kind, f"{trouble.words} (band {band})")
        if failure:
            raise failure

    def add(self, band: str, pixels: NDArray[np.float32]) -> None:
        """Add a validated image.

        Raises
        ------
        ArchiveError
            Another band's image has the same pixels.
        """
        for other, image in self._images.items():
            if np.array_equal(image, pixels, equal_nan=True):
                raise ArchiveError("answer", f"the images of bands {other} and {band} are the same, pixel by pixel")
        self._images[band] = pixels

    def add_blank(self, band: str, words: str) -> None:
        """Count a blank answer (all zero or all NaN); one or two may be a fault of the service.

        Raises
        ------
        CutoutUnavailable
            ``"out_of_footprint"``: every band is blank.
        """
        self._blank[band] += 1
        if all(self._blank[band] >= _BLANKS for band in self._bands):
            raise CutoutUnavailable(
                "out_of_footprint",
                f"every band is blank in {_BLANKS} requests ({words}): outside the imaged sky",
            )

    def cutout(self, source: str, field: GalaxyField, unit: str, factors: Mapping[str, float]) -> Cutout:
        """The cutout, once no band is missing.

        Parameters
        ----------
        unit : str
            Unit of the service, and whether it is verified.
        factors : mapping
            Nanomaggies per cutout pixel in one unit of the service, by band.

        Raises
        ------
        CutoutUnavailable
            ``"failed"``: the centre of the galaxy was not imaged.
        """
        image = np.stack([self._images[band] * np.float32(factors[band]) for band in self._bands], axis=-1)
        # Services fill unimaged sky with zeros; measured sky is not exactly 0 in every band.
        valid = np.isfinite(image).all(axis=-1) & (image != 0).any(axis=-1)
        height, width = valid.shape
        if not valid[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1].all():
            raise CutoutUnavailable("failed", "the galaxy is outside the imaged area")
        image = np.where(valid[..., None], image, np.float32(0.0))
        return Cutout(
            image=image,
            valid=valid,
            source=source,
            pixel_scale=field.pixel_scale,
            position_angle=0.0,
            native_unit=unit,
            sky_sigma=sky_sigma(image, valid),
            psf_fwhm=(float("nan"),) * len(self._bands),
        )


def check_position(galaxy: Galaxy) -> None:
    """Raise `CutoutUnavailable` if the catalogue has no position of the galaxy."""
    if not (np.isfinite(galaxy.ra) and -90.0 <= galaxy.dec <= 90.0):
        raise CutoutUnavailable("missing", "the catalogue gives no position")
