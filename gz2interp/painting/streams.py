"""Streams of random numbers that follow from a recipe's seed and from what they are for, and from nothing else."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.random import Generator

__all__ = ["stream"]


def stream(seed: int, purpose: str) -> Generator:
    """A generator of its own for each purpose: what one draws does not shift what another does."""
    return np.random.default_rng([seed, crc32(purpose.encode())])
