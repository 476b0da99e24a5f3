"""Attribution figures for papers: rows of galaxies, one shared scale, vector text around the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gz2interp.errors import InputError, choices
from gz2interp.figures.overlay import DIVERGING, summed_over_bands, symmetric_limit
from gz2interp.figures.rgb import Stretch, rgb, stretch_of

__all__ = ["FORMATS", "STYLE", "Row", "attribution_figure", "caption", "save_figure"]

FORMATS: Final = (".pdf", ".svg", ".png")

STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.linewidth": 0.5,
    "pdf.fonttype": 42,  # text stays text, and journals accept the embedded fonts
    "svg.fonttype": "none",
    "svg.hashsalt": "gz2interp",  # without it, element ids differ from run to run
}
_ISOPHOTES: Final = (0.06, 0.2, 0.6)
"""Of the brightest pixel of all bands together, smoothed by a pixel."""
_COLUMN_INCHES: Final = 7.1
"""Two columns of MNRAS or ApJ."""
_LABEL_INCHES, _BAR_INCHES, _TITLE_INCHES, _FOOT_INCHES = 0.95, 0.5, 0.2, 0.15

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Row:
    """One galaxy of the figure.

    Attributes
    ----------
    image : float32 (y, x, band), nanomaggies
    attribution : float32 (y, x, band) or (y, x)
        Signed.
    words : str
        Beside the row; may hold line breaks.
    pixel_scale : float
        [arcsec]
    """

    image: Floats
    attribution: Floats
    words: str
    pixel_scale: float


def attribution_figure(rows: Sequence[Row], bands: Sequence[str], scale_label: str) -> Figure:
    """Galaxies below one another: bands, colour image, map with isophotes, and the map of each band where it has any.

    Every map of the figure has the same scale, so that galaxies can be compared.

    Parameters
    ----------
    rows : sequence of Row
        Their attributions are all per band, or all not.
    bands : sequence of str
    scale_label : str
        Below the colour bar: what the colours count.

    Returns
    -------
    Figure
        7.1 inches wide, two columns of MNRAS or ApJ.
    """
    if not rows:
        raise InputError("A figure of no galaxy was asked for", "One row or more")
    per_band = rows[0].attribution.ndim == 3
    titles = [*bands, "colour", "attribution", *([f"in {band}" for band in bands] if per_band else [])]
    limit = max(
        symmetric_limit(np.stack(maps)) for maps in ([_total(row) for row in rows], [row.attribution for row in rows])
    )
    with mpl.rc_context(STYLE):
        figure, axes = _grid(len(rows), len(titles))
        stretch = stretch_of(np.stack([row.image for row in rows]), bands)
        greys = [_grey_limits(row.image) for row in rows]
        for line, row, grey in zip(axes, rows, greys, strict=True):
            _draw_bands(line, row, grey)
            _draw_colour(line[len(bands)], row, bands, stretch)
            _draw_map(line[len(bands) + 1], row, limit)
            if per_band:
                _draw_band_maps(line[len(bands) + 2 :], row, limit)
            line[0].set_ylabel(row.words, rotation=0, ha="right", va="center", labelpad=4, fontsize=5)
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, pad=3, fontsize=6 if len(titles) > 8 else 7)
        _scale_bar(axes[0][len(bands)], rows[0])
        _colour_bar(figure, list(axes[:, len(bands) + 1]), limit, scale_label)
    return figure


def caption(
    method: str, reference: str, score: str, settings: Sequence[str], digests: tuple[str, str], images: str
) -> str:
    """What a reader of the paper needs to judge the figure, in sentences.

    Parameters
    ----------
    method, reference : str
        The method's title and its paper.
    score : str
        What was attributed.
    settings : sequence of str
        Further facts: the layer, the domain, the method's parameters.
    digests : (str, str)
        Of the data and of the model.
    images : str
        Where the images come from.
    """
    details = f" ({'; '.join(settings)})" if settings else ""
    return (
        f"{method} ({reference}) of the {score}{details}. From left to right: each band on its own asinh scale, "
        "the colour image, the attribution with the galaxy's isophotes; red speaks for, blue against; all maps share "
        f"the scale of the colour bar. They are signed and not normalised. Model {digests[1]}, data {digests[0]}, "
        f"made with gz2interp. Images: {images}."
    )


def save_figure(figure: Figure, path: Path, words: str) -> None:
    """Write PDF, SVG or PNG by suffix, with the caption inside the file and beside it as text; same input, same bytes.

    Raises
    ------
    InputError
        The suffix is another one.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"The figure {path.name} was asked for", f"The suffix may be {choices(FORMATS)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata: dict[str, dict[str, Any]] = {
        ".pdf": {"Subject": words, "CreationDate": None, "Producer": "gz2interp"},
        ".svg": {"Description": words, "Date": None},
        ".png": {"Description": words},
    }
    with mpl.rc_context(STYLE):
        figure.savefig(path, dpi=300, metadata=metadata[suffix])
    path.with_suffix(".txt").write_text(words + "\n", encoding="utf-8")


def _grid(rows: int, columns: int) -> tuple[Figure, NDArray[Any]]:
    side = (_COLUMN_INCHES - _LABEL_INCHES - _BAR_INCHES) / columns
    height = rows * side + _TITLE_INCHES + _FOOT_INCHES
    figure = Figure(figsize=(_COLUMN_INCHES, height))
    axes = figure.subplots(
        rows,
        columns,
        squeeze=False,
        gridspec_kw={
            "left": _LABEL_INCHES / _COLUMN_INCHES,
            "right": 1 - _BAR_INCHES / _COLUMN_INCHES,
            "top": 1 - _TITLE_INCHES / height,
            "bottom": _FOOT_INCHES / height,
            "wspace": 0.04,
            "hspace": 0.04,
        },
    )
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure, axes


def _total(row: Row) -> Floats:
    return summed_over_bands(row.attribution) if row.attribution.ndim == 3 else row.attribution


def _grey_limits(image: Floats) -> NDArray[Any]:
    """Per band, the softening of its asinh and its brightest shown value: (band, 2)."""
    flat = image.reshape(-1, image.shape[-1])
    noise = 1.4826 * np.median(np.abs(flat - np.median(flat, axis=0)), axis=0)
    return np.stack([np.maximum(noise, 1e-6), np.quantile(flat, 0.998, axis=0)], axis=1)


def _draw_bands(line: Sequence[Axes], row: Row, limits: NDArray[Any]) -> None:
    for band, (noise, brightest) in enumerate(limits):
        top = np.arcsinh(max(float(brightest), 5 * float(noise)) / noise)
        _show(line[band], np.arcsinh(row.image[..., band] / noise), cmap="gray_r", vmin=-1, vmax=top)


def _draw_colour(axis: Axes, row: Row, bands: Sequence[str], stretch: Stretch) -> None:
    _show(axis, rgb(row.image, bands, stretch))


def _draw_map(axis: Axes, row: Row, limit: float) -> None:
    """The map in the very colours of the colour bar, with the galaxy's light drawn into it as lines."""
    _show(axis, _total(row), cmap=_diverging(), vmin=-limit, vmax=limit)
    light = gaussian_filter(row.image.sum(axis=-1), 1)
    brightest = float(light.max())
    if brightest > 0:
        axis.contour(light, levels=[brightest * share for share in _ISOPHOTES], colors="black", linewidths=0.35)


def _draw_band_maps(line: Sequence[Axes], row: Row, limit: float) -> None:
    for band, axis in enumerate(line):
        _show(axis, row.attribution[..., band], cmap=_diverging(), vmin=-limit, vmax=limit)


def _show(axis: Axes, pixels: NDArray[Any], **options: Any) -> None:
    axis.imshow(pixels, origin="lower", interpolation="nearest", **options)


def _diverging() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("against_for", DIVERGING)


def _scale_bar(axis: Axes, row: Row, arcsec: float = 5.0) -> None:
    """A bar of 5 arcsec in the first colour image, or of a fifth of a field that is much larger."""
    width = row.image.shape[1]
    if width * row.pixel_scale > 60:
        arcsec = float(round(width * row.pixel_scale / 5))
    length = arcsec / row.pixel_scale
    x, y = 0.08 * width, 0.08 * width
    axis.plot([x, x + length], [y, y], color="white", linewidth=1.2, solid_capstyle="butt")
    axis.text(x + length / 2, y + 0.03 * width, f'{arcsec:g}"', color="white", ha="center", va="bottom", fontsize=6)


def _colour_bar(figure: Figure, axes: Sequence[Axes], limit: float, label: str) -> None:
    right = 1 - _BAR_INCHES / _COLUMN_INCHES
    top, bottom = axes[0].get_position().y1, axes[-1].get_position().y0
    bar = figure.add_axes((right + 0.012, bottom, 0.012, top - bottom))
    colours = ScalarMappable(Normalize(-limit, limit), _diverging())
    figure.colorbar(colours, cax=bar, extend="both")  # a few hot pixels lie beyond the scale
    # A whole line wide: beside the bar of a single galaxy there is room for a few letters only.
    figure.text(0.998, 0.02 / figure.get_figheight(), label, ha="right", va="bottom", fontsize=5)
    bar.tick_params(labelsize=5, length=2, pad=1)
    bar.yaxis.get_offset_text().set_fontsize(5)
