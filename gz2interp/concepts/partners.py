"""Partner channels of two networks: the most correlated channel, and its response to the other's feature images."""

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
"""Share of the galaxies that an image must exceed to count as exciting a channel."""

NO_PARTNER: Final = -1
"""The partner of a channel without a positively correlated one."""


@dataclass(frozen=True, eq=False)
class Partners:
    """For each channel of one network, the most correlated channel of another.

    Attributes
    ----------
    numbers : int64 (channel,)
        `NO_PARTNER` for a channel that is constant, or without a positive correlation.
    r : float64 (channel,)
        Pearson's correlation over galaxies; NaN without a partner. As the maximum of many it is never 0: it should be
        compared with that of a randomised network.
    """

    numbers: Ints
    r: Doubles

    @property
    def has_partner(self) -> NDArray[np.bool_]:
        """Whether each channel has a partner, bool (channel,)."""
        return np.asarray(self.numbers != NO_PARTNER)


@dataclass(frozen=True, eq=False)
class PartnerResponses:
    """Responses of each channel's partner to its feature image, and to the images of other channels.

    Attributes
    ----------
    value : float64 (channel,)
        The partner's activation; as below, NaN without a partner or without an image.
    place : float64 (channel,)
        Share of the galaxies with a lower activation of the partner.
    unlike : float64 (channel,)
        Share of the images of all other channels that exceed `LEVEL` of the galaxies in this partner.
    ahead : float64 (channel,)
        Share of the images of all other channels with a lower activation of this partner; a half by chance.
    """

    value: Doubles
    place: Doubles
    unlike: Doubles
    ahead: Doubles


class ActivationRanks:
    """Ranks of images among galaxies by the activation of each channel, in one pass over the galaxies.

    Parameters
    ----------
    values : float (image, channel)
        Activations of the images.

    Attributes
    ----------
    highest : float64 (channel,)
        Maximum over the galaxies.
    """

    def __init__(self, values: Floats | Doubles) -> None:
        self._values = np.asarray(values, np.float32)
        self._below = np.zeros(self._values.shape, np.int64)
        self.galaxies, self.highest = 0, np.full(self._values.shape[1], -np.inf)

    def add(self, activations: Floats) -> None:
        """Add galaxies, float32 (n, channel)."""
        if not len(activations):
            return
        for channel, column in enumerate(np.sort(activations, axis=0).T):
            self._below[:, channel] += np.searchsorted(column, self._values[:, channel])
        self.highest = np.maximum(self.highest, activations.max(axis=0))
        self.galaxies += len(activations)

    @property
    def places(self) -> Doubles:
        """Share of galaxies with a lower activation, float64 (image, channel)."""
        if not self.galaxies:
            raise InputError("No galaxy was given", "At least one")
        return np.asarray(self._below / self.galaxies)


def find_partners(moments: RunningMoments, channels: int) -> Partners:
    """The partners of the first network's channels.

    Parameters
    ----------
    moments : RunningMoments
        Of both networks' channels, one after the other, over the same galaxies.
    channels : int
        Number of channels of the first network.
    """
    between = moments.correlation[:channels, channels:]
    best = between.argmax(axis=1)
    r = between[np.arange(channels), best]
    return Partners(np.where(r > 0, best, NO_PARTNER), np.where(r > 0, r, np.nan))


def partner_responses(partners: Partners, numbers: Ints, values: Floats, places: Doubles) -> PartnerResponses:
    """Responses of the partners to feature images.

    Parameters
    ----------
    numbers : int64 (image,)
        Channel of each image.
    values : float32 (image, other channel)
        Activations of the other network's channels.
    places : float64 (image, other channel)
        See `ActivationRanks`.
    """
    responses = {name: np.full(len(partners.numbers), np.nan) for name in ("value", "place", "unlike", "ahead")}
    for image, channel in enumerate(numbers):
        partner, others = partners.numbers[channel], numbers != channel
        if partner == NO_PARTNER:
            continue
        responses["value"][channel], responses["place"][channel] = values[image, partner], places[image, partner]
        if others.any():
            responses["unlike"][channel] = (places[others, partner] >= LEVEL).mean()
            responses["ahead"][channel] = (values[others, partner] < values[image, partner]).mean()
    return PartnerResponses(**responses)
