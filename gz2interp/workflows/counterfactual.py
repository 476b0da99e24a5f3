"""A repainted galaxy as a figure or as a FITS file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from astropy.io import fits

from gz2interp.errors import InputError, choices
from gz2interp.figures.repaint import Counterfactual, counterfactual_figure, middle_band
from gz2interp.figures.shown import Sky
from gz2interp.figures.style import FORMATS, save_figure
from gz2interp.painting import Alteration
from gz2interp.results import Cutout
from gz2interp.schema import name_in_words
from gz2interp.sky import cutout_wcs
from gz2interp.stores.files import replaced
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import ascii_of
from gz2interp.workflows.maps import image_hdu
from gz2interp.workflows.repaint import Repainted, ingredients_of

__all__ = ["said_of", "write_repainted"]


def write_repainted(survey: Survey, repainted: Repainted, path: Path, model: ModelFolder | None = None) -> None:
    """Write PDF, SVG or PNG with the caption beside it, or FITS with both images, by suffix.

    Parameters
    ----------
    survey : Survey
    repainted : Repainted
    path : Path
    model : ModelFolder, optional
        The network whose answers are drawn, for the caption.

    Raises
    ------
    InputError
        The suffix is another one.
    """
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        _write_figure(survey, repainted, path, model)
    elif suffix == ".fits":
        with replaced(path) as aside:
            _file(survey, repainted).writeto(aside)
    else:
        raise InputError(f"The file {path.name} was asked for", f"The suffix may be {choices((*FORMATS, '.fits'))}")


def said_of(alteration: Alteration) -> str:
    """The alteration in words, for example ``without arms, turned by 30 degrees``."""
    words = {
        "without": f"without {' and '.join(alteration.without)}",
        "with_parts": f"with {' and '.join(part.name for part in alteration.with_parts)}",
        "turned": f"turned by {alteration.turned:g} degrees",
        "dimmed": f"{abs(alteration.dimmed):g} mag {'fainter' if alteration.dimmed > 0 else 'brighter'}",
        "redshift": f"at redshift {alteration.redshift}",
        "blurred": f"seeing {alteration.blurred:g} times as wide",
        "recoloured": "recoloured by " + ", ".join(f"{value:+g}" for value in alteration.recoloured),
        "only": f"its {' and '.join(alteration.only)} only",
    }
    plain = Alteration()
    changed = [field.name for field in fields(plain) if getattr(alteration, field.name) != getattr(plain, field.name)]
    return ", ".join(words[name] for name in changed)


def _write_figure(survey: Survey, repainted: Repainted, path: Path, model: ModelFolder | None) -> None:
    words = said_of(repainted.alteration)
    light = [
        (f"{name_in_words(part.name)}, {_percent(part.share)}", part.light)
        for part in ingredients_of(survey, repainted.galaxy_id)
    ]
    said = repainted.said_before, repainted.said_after
    sky = Sky(repainted.before.pixel_scale, repainted.before.position_angle)
    shown = Counterfactual(repainted.before.image, repainted.after.image, words, *said, light, sky)
    band = survey.bands[middle_band(survey.bands)]
    network = f" Network {model.name} ({model.digest})." if model else ""
    caption = (
        f"Painted galaxy {repainted.galaxy_id}: original and {words}, under the same noise, and the difference in "
        f"{band}. Beneath, the light of the original's components before noise, with their share of the galaxy's flux "
        f"in r, each on its own scale (square root).{network} Data {survey.name} ({repainted.provenance.data}); made "
        "with gz2interp; painted, not observed."
    )
    save_figure(counterfactual_figure(shown, survey.bands), path, caption)


def _percent(share: float) -> str:
    if share >= 1.005:  # such as a star beside the galaxy
        return f"{share:.3g} times the galaxy"
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.2g} %"


def _file(survey: Survey, repainted: Repainted) -> fits.HDUList:
    header = fits.Header()
    header["OBJECT"] = (str(repainted.galaxy_id), "galaxy_id, as text: it exceeds 2**53")
    header["ALTERED"] = ascii_of(said_of(repainted.alteration))
    header["DATAHASH"] = (repainted.provenance.data, "digest of the survey")
    for name, value in sorted(repainted.provenance.parameters.items()):
        header.add_history(ascii_of(f"{name} = {value}"))
    galaxy = survey.catalog.iloc[survey.row_of(repainted.galaxy_id)]
    position = float(galaxy["ra"]), float(galaxy["dec"])
    images = {"BEFORE": repainted.before, "AFTER": repainted.after}
    return fits.HDUList(
        [
            fits.PrimaryHDU(header=header),
            *(_image(name, cutout, position, survey.bands) for name, cutout in images.items()),
        ]
    )


def _image(name: str, cutout: Cutout, position: tuple[float, float], bands: Sequence[str]) -> fits.ImageHDU:
    wcs = cutout_wcs(*position, cutout.pixel_scale, cutout.position_angle, cutout.valid.shape)
    return image_hdu(name, cutout.image, wcs, bands, "nmgy", "nanomaggies per pixel")
