"""What has been kept of a layer's building blocks. Needs no network."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from gz2interp.concepts.atlas import Atlas
from gz2interp.concepts.groups import Groups
from gz2interp.errors import InputError, choices
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.layer_results import BlocksFolder, blocks_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["ALL", "kept_atlas", "kept_blocks", "kept_groups"]

ALL: Final = "all"
"""The atlas of all places."""


def kept_blocks(survey: Survey, model: ModelFolder, layer: str = "") -> BlocksFolder | None:
    """What has been kept of the newest analysis of exactly these data and this model; None where there is nothing."""
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    folder = blocks_folder(analysis) if analysis else None
    return folder if folder is not None and folder.provenance is not None else None


def kept_groups(folder: BlocksFolder) -> Groups:
    """The survey's neuron groups."""
    arrays, made = folder.arrays("groups"), folder.provenance
    return Groups(
        arrays["directions"],
        float(arrays["held"]),
        float(arrays["negative"]),
        made.layer if made else "",
        (made.seed or 0) if made else 0,
    )


def kept_atlas(folder: BlocksFolder, name: str = ALL) -> Atlas:
    """The atlas of all places or of a class; its patches are positions among the stored places.

    Raises
    ------
    InputError
        There is no such class, or no place speaks for it most.
    """
    classes = tuple(map(str, folder.arrays("atlas-0")["scores"]))
    if name not in (ALL, *classes):
        raise InputError(f"The atlas {name!r} was asked for", f"One of {choices((ALL, *classes))}")
    number = 0 if name == ALL else classes.index(name) + 1
    if not (folder.path / f"atlas-{number}.npz").is_file():
        raise InputError(f"The atlas {name!r} was asked for", "One of a class that some place speaks most for")
    arrays = folder.arrays(f"atlas-{number}")
    plain: dict[str, Any] = {"side": int(arrays["side"]), "scores": tuple(map(str, arrays["scores"]))}
    return Atlas(**{field.name: plain.get(field.name, arrays[field.name]) for field in fields(Atlas)})
