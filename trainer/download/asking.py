"""The sources of a download by name, and a summary of the cutouts they will give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Final

import numpy as np

from gz2interp.errors import InputError
from gz2interp.schema import PETRO_RADIUS
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_columns
from trainer.archives.limits import Limits
from trainer.archives.units import UNVERIFIED
from trainer.download.runs import DownloadPlan
from trainer.sources import Source, open_source
from trainer.sources.remote import SourceSettings, radius_in_pixels

__all__ = ["ARCHIVES", "ArchiveSettings", "describe_download", "open_archives"]

ARCHIVES: Final = ("skyview", "hips2fits", "sdss")
_FALLBACK_PATIENCE: Final = 300.0
"""Time that a source may be down before the next one is used, if there is one [s]."""

_SMALL: Final = 3.0
"""Petrosian radius [pixel] below which a galaxy shows no structure."""


@dataclass(frozen=True)
class ArchiveSettings:
    """Settings of all archives of a download.

    Attributes
    ----------
    allowed : tuple of str
        Other hosts that the services may link or redirect to.
    cache : Path, optional
        Folder of SDSS frames.
    """

    limits: Limits = field(default_factory=Limits)
    stop: Event = field(default_factory=Event)
    allowed: tuple[str, ...] = ()
    cache: Path | None = None
    cache_bytes: int = 4 * 2**30


def open_archives(names: Sequence[str], plan: DownloadPlan, settings: ArchiveSettings) -> list[Source]:
    """Open sources in the order of use.

    Raises
    ------
    InputError
        A source is not an archive, or is given twice.
    """
    if not names or set(names) - set(ARCHIVES) or len(set(names)) < len(names):
        raise InputError(f"The sources {', '.join(names)} were given", f"One or more of {', '.join(ARCHIVES)}")
    sources = []
    for place, name in enumerate(names):
        limits = settings.limits
        if place < len(names) - 1:
            limits = replace(limits, patience=min(limits.patience, _FALLBACK_PATIENCE))
        setting = SourceSettings(
            bands=plan.bands,
            shape=(plan.size, plan.size),
            field=plan.field,
            limits=limits,
            stop=settings.stop,
            allowed=settings.allowed,
        )
        options = {"cache": settings.cache, "cache_bytes": settings.cache_bytes} if name == "sdss" else {}
        sources.append(open_source(name, setting, **options))
    return sources


def describe_download(survey: Survey, sources: Sequence[Source], plan: DownloadPlan) -> Iterator[str]:
    """Summary of a download: pixel scale, sizes of the galaxies in pixels, resampling and units, as lines of text."""
    radii = read_columns(survey.location.file("catalog.parquet"), (PETRO_RADIUS,)).get(PETRO_RADIUS)
    radii_arcsec = np.empty(0) if radii is None else radii.to_numpy(float)
    pixels = radius_in_pixels(radii_arcsec[radii_arcsec > 0], plan.field, plan.size)
    if plan.field.radii is None:
        scale = plan.field.arcsec / plan.size
        yield f'Field {plan.field.arcsec:.1f}" on {plan.size} pixels: {scale:.3f} arcsec per pixel'
    else:
        yield f"Field {plan.field.radii:g} Petrosian radii on {plan.size} pixels: apparent sizes are removed"
    if len(pixels):
        low, middle, high = np.percentile(pixels, [5, 50, 95])
        yield f"The galaxies' Petrosian radius is {middle:.1f} pixels (5 % to 95 %: {low:.1f} to {high:.1f})"
        small = float((pixels < _SMALL).mean())
        if small > 0:
            yield f"Warning: {small:.1%} of the galaxies have a radius below {_SMALL:g} pixels, too small for structure"
    else:
        yield "The catalogue has no Petrosian radii: the sizes of the galaxies in pixels are unknown"
    for source in sources:
        resampler, unit = getattr(source, "resampler", ""), getattr(source, "unit", None)
        hosts = ", ".join(service.guard.host for service in getattr(source, "services", ()))
        yield f"{source.name}: {hosts}; {resampler}; unit {unit.words if unit else 'nanomaggy'}"
        if unit == UNVERIFIED:
            yield f"Warning: the unit of {source.name} is not verified: run python -m trainer calibrate-source first"
