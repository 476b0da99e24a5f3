"""``gz2interp repaint``: components of a painted galaxy, and the same galaxy altered, with both predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from astropy.io import fits
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.figures.repaint import Counterfactual, counterfactual_figure, middle_band
from gz2interp.figures.shown import CutoutSky
from gz2interp.figures.style import FORMATS, save_figure
from gz2interp.painting import SOURCE, Alteration, Recipe, paint, repaint, repaint_onto
from gz2interp.results import Cutout, Provenance, versions_of
from gz2interp.schema import BANDS, name_in_words
from gz2interp.sky import cutout_wcs
from gz2interp.stores.files import atomic_write
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import escape_ascii
from gz2interp.stores.truth import Truth
from gz2interp.workflows.maps import image_hdu

if TYPE_CHECKING:
    from gz2interp.network.probe import Probe

__all__ = [
    "PaintedComponent",
    "Repainted",
    "alteration_in_words",
    "components_table",
    "painted_components",
    "recipe_of_galaxy",
    "repaint_galaxy",
    "write_repainted",
]

_COLOURS = [f"{blue}-{red}" for blue, red in pairwise(BANDS)]


@dataclass(frozen=True, eq=False)
class PaintedComponent:
    """One component of one painted galaxy.

    Attributes
    ----------
    share : float
        Share of the galaxy's flux in r; negative for dust, and possibly above 1 for other objects in the field.
    colours : mapping
        For example ``{"g-r": 0.7}`` [mag]; empty for dust.
    light : float32 (y, x)
        Image in r after the PSF and before the noise, in units of the galaxy's flux.
    """

    name: str
    share: float
    colours: Mapping[str, float]
    light: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Repainted:
    """A galaxy before and after an alteration.

    Attributes
    ----------
    before, after : Cutout
        `before` as stored in the survey.
    recipe : Recipe
        Of the galaxy before the alteration.
    predictions_before, predictions_after : mapping
        Class -> probability; empty without a network.
    """

    galaxy_id: int
    before: Cutout
    after: Cutout
    recipe: Recipe
    alteration: Alteration
    predictions_before: Mapping[str, float]
    predictions_after: Mapping[str, float]
    provenance: Provenance

    @property
    def difference(self) -> NDArray[np.float32]:
        """`after` minus `before`, float32 (y, x, band) [nanomaggies]."""
        return np.asarray(self.after.image - self.before.image)


def recipe_of_galaxy(survey: Survey, galaxy_id: int | str) -> Recipe:
    """The recipe of a painted galaxy.

    Raises
    ------
    SurveyError
        The survey was not painted, or this galaxy is not yet.
    InputError
        The galaxy is not in the survey.
    """
    row = survey.row_of(galaxy_id)
    truth = Truth.open(survey.path)
    if row >= survey.rows_committed:
        raise SurveyError(f"Galaxy {galaxy_id} is not painted yet", remedy="Let the painting go on")
    return Recipe.from_json(truth.recipes([row])[0])


def painted_components(survey: Survey, galaxy_id: int | str) -> list[PaintedComponent]:
    """The components of a painted galaxy, in the order of the truth.

    Raises
    ------
    SurveyError, InputError
        As `recipe_of_galaxy`.
    """
    recipe, truth, row = recipe_of_galaxy(survey, galaxy_id), Truth.open(survey.path), survey.row_of(galaxy_id)
    light = truth.light([row])[0].astype(np.float32)
    flux, total = truth.flux([row])[0], recipe.subject_flux[BANDS.index("r")]
    return [
        PaintedComponent(name, float(flux[place, BANDS.index("r")] / total), _colours(flux[place]), light[..., place])
        for place, name in enumerate(truth.components)
        if name in recipe.components
    ]


def components_table(survey: Survey, galaxy_id: int | str) -> pd.DataFrame:
    """`painted_components` as a table: component, share of the galaxy's flux in r, colours [mag]."""
    parts = painted_components(survey, galaxy_id)
    return pd.DataFrame(
        [
            {"component": part.name, "share in r": part.share}
            | {name: part.colours[name] if part.colours else float("nan") for name in _COLOURS}
            for part in parts
        ]
    )


def repaint_galaxy(
    survey: Survey, galaxy_id: int | str, alteration: Alteration, probe: Probe | None = None
) -> Repainted:
    """Paint a galaxy of a survey again, altered, and predict the class of both images.

    Parameters
    ----------
    survey : Survey
        A painted survey.
    probe : Probe, optional
        Of a network that takes the survey's images.

    Raises
    ------
    SurveyError
        The survey was not painted.
    InputError
        The galaxy does not exist, the alteration is impossible, or nothing is altered.
    """
    if alteration == Alteration():
        raise InputError(
            "Nothing was altered",
            "A component to leave out, or a turn, dimming, redshift, blur or colour",
            "For example --without arms",
        )
    recipe, before = recipe_of_galaxy(survey, galaxy_id), survey.cutout(survey.row_of(galaxy_id))
    after = replace(before, image=_altered_image(before, recipe, alteration))
    predictions_before, predictions_after = ({}, {}) if probe is None else _predict_both(probe, before, after)
    provenance = _provenance(survey, alteration, galaxy_id)
    return Repainted(
        int(galaxy_id), before, after, recipe, alteration, predictions_before, predictions_after, provenance
    )


def _altered_image(before: Cutout, recipe: Recipe, alteration: Alteration) -> NDArray[np.float32]:
    """Repaint from the recipe where it reproduces the image; else add the change to the image, which keeps its sky."""
    if before.source == SOURCE and np.array_equal(paint(recipe).cutout.image, before.image):
        return repaint(recipe, alteration).cutout.image
    return repaint_onto(before.image, recipe, alteration, before.valid)


def _predict_both(probe: Probe, before: Cutout, after: Cutout) -> tuple[dict[str, float], dict[str, float]]:
    first, second = probe.probabilities(np.stack([before.image, after.image]))
    names = probe.class_names
    return dict(zip(names, map(float, first), strict=True)), dict(zip(names, map(float, second), strict=True))


def _colours(flux: NDArray[np.float32]) -> dict[str, float]:
    if not (flux > 0).all():
        return {}
    return dict(zip(_COLOURS, map(float, np.diff(2.5 * np.log10(flux))), strict=True))


def _provenance(survey: Survey, alteration: Alteration, galaxy_id: int | str) -> Provenance:
    return Provenance(
        data=survey.digest,
        model="",
        layer="",
        method="repaint",
        parameters={"galaxy_id": str(galaxy_id), **asdict(alteration)},
        versions=versions_of("gz2interp", "numpy", "scipy"),
    )


def write_repainted(survey: Survey, repainted: Repainted, path: Path, model: ModelFolder | None = None) -> None:
    """Write PDF, SVG or PNG with the caption beside it, or FITS with both images, by suffix.

    Parameters
    ----------
    model : ModelFolder, optional
        The network of the predictions, for the caption.

    Raises
    ------
    InputError
        The suffix is another one.
    """
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        _write_figure(survey, repainted, path, model)
    elif suffix == ".fits":
        with atomic_write(path) as aside:
            _file(survey, repainted).writeto(aside)
    else:
        raise InputError(f"The file {path.name} was requested", f"The suffix may be {choices((*FORMATS, '.fits'))}")


def alteration_in_words(alteration: Alteration) -> str:
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
    alteration_text = alteration_in_words(repainted.alteration)
    components = [
        (f"{name_in_words(part.name)}, {_percent(part.share)}", part.light)
        for part in painted_components(survey, repainted.galaxy_id)
    ]
    predictions = repainted.predictions_before, repainted.predictions_after
    sky = CutoutSky(repainted.before.pixel_scale, repainted.before.position_angle)
    counterfactual = Counterfactual(
        repainted.before.image, repainted.after.image, alteration_text, *predictions, components, sky
    )
    band = survey.bands[middle_band(survey.bands)]
    network = f" Network {model.name} ({model.digest})." if model else ""
    caption = (
        f"Painted galaxy {repainted.galaxy_id}: original and {alteration_text}, under the same noise, and the "
        f"difference in {band}. Beneath, the light of the original's components before noise, with their share of "
        f"the galaxy's flux in r, each on its own scale (square root).{network} Data {survey.name} "
        f"({repainted.provenance.data}); made with gz2interp; painted, not observed."
    )
    save_figure(counterfactual_figure(counterfactual, survey.bands), path, caption)


def _percent(share: float) -> str:
    if share >= 1.005:  # such as a star beside the galaxy
        return f"{share:.3g} times the galaxy"
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.2g} %"


def _file(survey: Survey, repainted: Repainted) -> fits.HDUList:
    header = fits.Header()
    header["OBJECT"] = (str(repainted.galaxy_id), "galaxy_id, as text: it exceeds 2**53")
    header["ALTERED"] = escape_ascii(alteration_in_words(repainted.alteration))
    header["DATAHASH"] = (repainted.provenance.data, "digest of the survey")
    for name, value in sorted(repainted.provenance.parameters.items()):
        header.add_history(escape_ascii(f"{name} = {value}"))
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
