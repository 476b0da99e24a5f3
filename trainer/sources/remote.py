"""Common parts of sources that query an archive galaxy by galaxy, and the field of view of a cutout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE
from trainer.archives.limits import ArchiveError, Limits
from trainer.archives.service import Service
from trainer.sources.judging import ImageRequest, sky_sigma

__all__ = ["BandImages", "Field", "GalaxyField", "SourceSettings", "check_position", "radius_in_pixels"]


@dataclass(frozen=True)
class Field:
    """The full width of a cutout.

    Attributes
    ----------
    arcsec : float
        The same for every galaxy. By default 64 native pixels of 0.396 arcsec.
    radii : float, optional
        So many Petrosian radii of the galaxy instead. It removes the apparent size, which a network may want to know.
    """

    arcsec: float = CUTOUT_SIZE * NATIVE_PIXEL_SCALE
    radii: float | None = None

    def __post_init__(self) -> None:
        if not (self.arcsec > 0 and (self.radii is None or self.radii > 0)):
            raise InputError(f"A field of {self.radii or self.arcsec:g} was given", "A width above 0")

    def of(self, galaxy: Galaxy) -> float:
        """The width for one galaxy [arcsec].

        Raises
        ------
        CutoutUnavailable
            The field is in radii, and the catalogue does not give the galaxy's.
        """
        if self.radii is None:
            return self.arcsec
        if not galaxy.petro_radius > 0:
            raise CutoutUnavailable("missing", "the catalogue gives no Petrosian radius to measure the field by")
        return self.radii * galaxy.petro_radius


def radius_in_pixels(radii: NDArray[np.float64], field: Field, pixels: int) -> NDArray[np.float64]:
    """Petrosian radii (n,) [arcsec] in cutout pixels; NaN where unknown."""
    widths = np.full(len(radii), field.arcsec) if field.radii is None else field.radii * radii
    return radii * pixels / widths


_SURE = 3
"""How often an image must come back blank before that is believed."""


class SourceSettings:
    """Everything that an archive source is told besides where to ask.

    Parameters
    ----------
    bands : tuple of str
    shape : (int, int)
        (y, x).
    field : Field
    limits : Limits
    stop : Event, optional
        Set when the run is being ended.
    allowed : sequence of str
        Hosts, besides the services' own, that these may link or redirect to.
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
        """A service at an address, asked within these limits."""
        return Service(name, address, self.limits, self.stop, self.allowed)


class GalaxyField:
    """One galaxy's field: what each of its images is asked to be.

    Parameters
    ----------
    galaxy : Galaxy
    setting : SourceSettings

    Raises
    ------
    CutoutUnavailable
        The catalogue does not say where the galaxy is, or how large, if that is needed.
    """

    def __init__(self, galaxy: Galaxy, setting: SourceSettings) -> None:
        check_position(galaxy)
        self.galaxy, self.shape = galaxy, setting.shape
        self.width = setting.field.of(galaxy)
        self.pixel_scale = self.width / setting.shape[1]

    def asked(self, band: str) -> ImageRequest:
        """What the image of a band must be."""
        return ImageRequest(self.galaxy.ra, self.galaxy.dec, band, self.pixel_scale, self.shape)


class BandImages:
    """The images of one galaxy that have come so far, band by band.

    Parameters
    ----------
    bands : sequence of str
    """

    def __init__(self, bands: Sequence[str]) -> None:
        self._bands, self._found = tuple(bands), dict[str, NDArray[np.float32]]()
        self._blank = Counter[str]()

    @property
    def lacking(self) -> list[str]:
        """The bands still to be asked for, in order."""
        return [band for band in self._bands if band not in self._found]

    @property
    def open_questions(self) -> int:
        """How many answers are still needed; it falls with each image, and with each that is known to be blank."""
        return sum(_SURE - min(self._blank[band], _SURE - 1) for band in self.lacking)

    def keep(self, band: str, pixels: NDArray[np.float32]) -> None:
        """An image that has passed.

        Raises
        ------
        ArchiveError
            Another band's image has the same pixels.
        """
        for other, known in self._found.items():
            if np.array_equal(known, pixels, equal_nan=True):
                raise ArchiveError("answer", f"the images of bands {other} and {band} are the same, pixel by pixel")
        self._found[band] = pixels

    def blank(self, band: str, words: str) -> None:
        """An image came back all zero or all NaN; once or twice may be a fault.

        Raises
        ------
        CutoutUnavailable
            ``"out_of_footprint"``: no band has anything there.
        """
        self._blank[band] += 1
        if all(self._blank[band] >= _SURE for band in self._bands):
            raise CutoutUnavailable(
                "out_of_footprint", f"every band is blank, asked {_SURE} times ({words}): outside the imaged sky"
            )

    def cutout(self, source: str, framing: GalaxyField, unit: str, factors: Mapping[str, float]) -> Cutout:
        """The galaxy, when no band is lacking.

        Parameters
        ----------
        source : str
        framing : GalaxyField
        unit : str
            As given by the service, and how far it is known.
        factors : mapping
            Band to nanomaggies per cutout pixel of one of the service's units.

        Raises
        ------
        CutoutUnavailable
            ``"failed"``: the galaxy itself was not imaged.
        """
        image = np.stack([self._found[band] * np.float32(factors[band]) for band in self._bands], axis=-1)
        # Services fill with zeros what they have no sky for; measured sky is not exactly 0 in every band.
        valid = np.isfinite(image).all(axis=-1) & (image != 0).any(axis=-1)
        height, width = valid.shape
        if not valid[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1].all():
            raise CutoutUnavailable("failed", "the galaxy itself lies beyond the edge of what was imaged")
        image = np.where(valid[..., None], image, np.float32(0.0))
        return Cutout(
            image=image,
            valid=valid,
            source=source,
            pixel_scale=framing.pixel_scale,
            position_angle=0.0,
            native_unit=unit,
            sky_sigma=sky_sigma(image, valid),
            psf_fwhm=(float("nan"),) * len(self._bands),
        )


def check_position(galaxy: Galaxy) -> None:
    """Refuse to ask for a galaxy of which nobody knows where it is."""
    if not (np.isfinite(galaxy.ra) and -90.0 <= galaxy.dec <= 90.0):
        raise CutoutUnavailable("missing", "the catalogue gives no position")
