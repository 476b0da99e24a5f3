"""Sources of cutouts: one protocol, and the registry of its implementations."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from gz2interp.errors import InputError, choices
from gz2interp.results import Cutout, Galaxy

__all__ = ["SOURCES", "Source", "open_source", "register"]


@runtime_checkable
class Source(Protocol):
    """A source of cutouts. `fetch` is deterministic: the cutout of a galaxy does not depend on the order of calls."""

    @property
    def name(self) -> str:
        """The name recorded with each cutout."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The order of a cutout's bands."""

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) of a cutout."""

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """The galaxy's cutout, in nanomaggies.

        Raises
        ------
        CutoutUnavailable
            There is none; the exception carries the status and the reason.
        """


SOURCES: dict[str, str | Callable[..., Source]] = {
    "painted": "trainer.sources.painted:PaintedSource",
    "folder": "trainer.sources.folder:FolderSource",
    "sdss_frames": "trainer.sources.sdss_frames:SdssFrames",
    "skyview": "trainer.sources.skyview:SkyViewSource",
    "hips2fits": "trainer.sources.hips2fits:Hips2fitsSource",
    "sdss": "trainer.sources.sdss:SdssSource",
    "galaxy10": "trainer.sources.galaxy10:Galaxy10Source",
}
"""Sources by name: a factory, or ``"module:factory"``, imported when the source is first opened."""


def register(name: str, factory: str | Callable[..., Source]) -> None:
    """Register a source under an unused name."""
    if SOURCES.get(name, factory) != factory:
        raise InputError(f"There is a source named {name!r} already", "an unused name")
    SOURCES[name] = factory


def open_source(name: str, *arguments: Any, **options: Any) -> Source:
    """Create a registered source with its arguments."""
    if name not in SOURCES:
        raise InputError(f"There is no source {name!r}", f"one of {choices(SOURCES)}")
    factory = SOURCES[name]
    if isinstance(factory, str):
        module, _, attribute = factory.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
    source: Source = factory(*arguments, **options)
    return source
