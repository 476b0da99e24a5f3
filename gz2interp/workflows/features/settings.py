"""What is asked of a layer's sheet, and how the answer's provenance says it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Final

from gz2interp.errors import InputError, choices
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.analyses import Analysis

__all__ = ["KINDS", "SheetSettings", "provenance_of"]

VERSION: Final = 4
"""Of what is done with the settings."""

KINDS: Final = ("channel", "class", "group", "cell")
"""What a sheet has feature images of, in the order in which they are made."""

WAYS: Final = ("pixels", "fourier", "maco")
"""The names of `gz2interp.features.parametrisations.PARAMETRISATIONS`, told without TensorFlow: what makes no sense is
refused before anything that was kept gives way."""

LARGEST_SEED: Final = 2**31 - 1


@dataclass(frozen=True)
class SheetSettings:
    """How a layer's feature images are made.

    Attributes
    ----------
    kinds : tuple of str
        Of `KINDS`.
    steps : int
    parametrisation : str
        ``"fourier"``, ``"maco"`` or ``"pixels"``.
    seeds : int
        Images of each channel and class, from different starts: whether they agree says how far one is to be trusted.
        Groups and cells have one.
    galaxies : int
        At most so many, drawn by chance, say what light the survey has and how far real galaxies go.
    seed : int
        Of the first image.
    """

    kinds: tuple[str, ...] = KINDS
    steps: int = 128
    parametrisation: str = "fourier"
    seeds: int = 2
    galaxies: int = 1024
    seed: int = 0

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise InputError(f"Feature images of kind {kind!r} were asked for", f"{choices(KINDS)}")
        if self.seeds < 1 or self.galaxies < 1:
            raise InputError(f"{self.seeds} seeds and {self.galaxies} galaxies were asked for", "At least one of each")
        if self.parametrisation not in WAYS:
            raise InputError(f"The parametrisation {self.parametrisation!r} was asked for", f"One of {choices(WAYS)}")
        if self.steps < 1 or not 0 <= self.seed <= LARGEST_SEED - self.seeds + 1:
            raise InputError(
                f"{self.steps} steps and the seed {self.seed} were given",
                f"At least 1 step, and seeds from 0 to {LARGEST_SEED}",
            )


def provenance_of(analysis: Analysis, settings: SheetSettings, blocks: str) -> Provenance:
    """The question as it is kept.

    Parameters
    ----------
    analysis : Analysis
    settings : SheetSettings
    blocks : str
        Digest of the building blocks that groups and cells are of.
    """
    parameters = asdict(settings)
    seed = parameters.pop("seed")
    made = analysis.provenance
    return replace(
        made,
        method="feature images",
        parameters={
            **parameters,
            "kinds": [kind for kind in KINDS if kind in settings.kinds],
            "analysis": made.digest,
            "blocks": blocks,
            "version": VERSION,
        },
        seed=seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )
