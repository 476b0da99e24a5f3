"""Attribution between layers: what each channel of an earlier layer adds to each of a later one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.attribution import between_layers
from gz2interp.errors import InputError
from gz2interp.workflows.explain import row_with_image
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["between"]

Floats = NDArray[np.float32]

PORTION = 64
"""Galaxies in memory at a time."""


def between(
    subject: Subject,
    earlier: str,
    later: str,
    galaxy_ids: Sequence[int | str],
    channels: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Floats:
    """The mean over galaxies of what each channel of an earlier layer adds to channels of a later one.

    Parameters
    ----------
    subject : Subject
    earlier, later : str
    galaxy_ids : sequence of int or str
    channels : sequence of int, optional
        Of the later layer; by default all.
    progress : callable, optional

    Returns
    -------
    float32 (earlier channel, later channel)
        In the unit of the later channel's mean over the image plane: activation times gradient at the earlier layer.

    Raises
    ------
    InputError
        A galaxy, a layer or a channel is not known, no galaxy is given, or the later layer does not depend on the
        earlier.
    """
    probe = subject.probe
    rows = np.array([row_with_image(subject, galaxy_id) for galaxy_id in galaxy_ids], np.int64)
    width = probe.layer(later).shape[-1]
    wanted = list(range(width)) if channels is None else list(channels)
    if not len(rows):
        raise InputError("No galaxy was given", "One or more")
    for channel in wanted:
        if not 0 <= channel < width:
            raise InputError(f"Channel {channel} of layer {later!r} was asked for", f"0 to {width - 1}")
    total = np.zeros((probe.layer(earlier).shape[-1], len(wanted)), np.float64)
    for start in range(0, len(rows), PORTION):
        images = subject.survey.images(rows[start : start + PORTION])
        for place, channel in enumerate(wanted):
            found = probe.gradients_along(images, later, np.eye(1, width, channel)[0], earlier)
            total[:, place] += between_layers(found.values, found.gradients).sum(axis=0)
        if progress:
            progress("between layers", min(start + PORTION, len(rows)), len(rows))
    return (total / len(rows)).astype(np.float32)
