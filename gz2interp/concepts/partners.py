"""Two networks' channels side by side: which of the other is most like each, and does it answer to the same light?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.channel_statistics import RunningMoments
from gz2interp.errors import InputError

__all__ = [
    "LEVEL",
    "NO_PARTNER",
    "ActivationRanks",
    "PartnerResponses",
    "Partners",
    "find_partners",
    "partner_responses",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

LEVEL: Final = 0.99
"""The share of real galaxies beyond which a channel is said to be excited."""

NO_PARTNER: Final = -1
"""The partner of a channel that goes with none."""


@dataclass(frozen=True, eq=False)
class Partners:
    """For each channel of one network, the channel of another that goes with it most.

    Attributes
    ----------
    numbers : int64 (channel,)
        `NO_PARTNER` for a channel that does not vary, or that none rises with.
    r : float64 (channel,)
        Pearson's correlation over galaxies; NaN without a partner. It is the best of many and so never 0: a number of
        networks that have nothing in common belongs beside it.
    """

    numbers: Ints
    r: Doubles

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which channels have one."""
        return np.asarray(self.numbers != NO_PARTNER)


@dataclass(frozen=True, eq=False)
class PartnerResponses:
    """How a channel's partner answers to its image, and to the images of other channels.

    Attributes
    ----------
    value : float64 (channel,)
        The partner's activation; NaN without a partner or without an image, as all that follows.
    place : float64 (channel,)
        The share of the real galaxies that excite the partner less.
    unlike : float64 (channel,)
        Of the images of all other channels, the share that excites this partner beyond `LEVEL` of the real galaxies.
    ahead : float64 (channel,)
        Of the images of all other channels, the share that excites this partner less; a half by chance.
    """

    value: Doubles
    place: Doubles
    unlike: Doubles
    ahead: Doubles


class ActivationRanks:
    """How many real galaxies excite a channel less than some images do, counted while the galaxies stream by.

    Parameters
    ----------
    values : float (image, channel)
        What each image brings each channel to.

    Attributes
    ----------
    highest : float64 (channel,)
        Of the galaxies.
    """

    def __init__(self, values: Floats | Doubles) -> None:
        self._values = np.asarray(values, np.float32)
        self._below = np.zeros(self._values.shape, np.int64)
        self.galaxies, self.highest = 0, np.full(self._values.shape[1], -np.inf)

    def add(self, activations: Floats) -> None:
        """Look at some more galaxies, float32 (n, channel)."""
        if not len(activations):
            return
        for channel, own in enumerate(np.sort(activations, axis=0).T):
            self._below[:, channel] += np.searchsorted(own, self._values[:, channel])
        self.highest = np.maximum(self.highest, activations.max(axis=0))
        self.galaxies += len(activations)

    @property
    def places(self) -> Doubles:
        """The share of galaxies that excite a channel less, float64 (image, channel)."""
        if not self.galaxies:
            raise InputError("No galaxy was looked at", "At least one")
        return np.asarray(self._below / self.galaxies)


def find_partners(tally: RunningMoments, channels: int) -> Partners:
    """Who goes with whom.

    Parameters
    ----------
    tally : RunningMoments
        Of both networks' channels, one after the other, over the same galaxies.
    channels : int
        How many of them are the first's.
    """
    between = tally.correlation[:channels, channels:]
    best = between.argmax(axis=1)
    r = between[np.arange(channels), best]
    return Partners(np.where(r > 0, best, NO_PARTNER), np.where(r > 0, r, np.nan))


def partner_responses(partners: Partners, numbers: Ints, values: Floats, places: Doubles) -> PartnerResponses:
    """How each channel's partner answers.

    Parameters
    ----------
    numbers : int64 (image,)
        The channel that each image was made for.
    values : float32 (image, other channel)
        What the images bring the other network's channels to.
    places : float64 (image, other channel)
        See `ActivationRanks`.
    """
    told = {name: np.full(len(partners.numbers), np.nan) for name in ("value", "place", "unlike", "ahead")}
    for image, channel in enumerate(numbers):
        partner, others = partners.numbers[channel], numbers != channel
        if partner == NO_PARTNER:
            continue
        told["value"][channel], told["place"][channel] = values[image, partner], places[image, partner]
        if others.any():
            told["unlike"][channel] = (places[others, partner] >= LEVEL).mean()
            told["ahead"][channel] = (values[others, partner] < values[image, partner]).mean()
    return PartnerResponses(**told)
