"""Many looks at each image, in portions, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator

from gz2interp.errors import InputError

__all__ = ["blocks", "whole_number"]


def blocks(images: int, looks: int, size: int) -> Iterator[tuple[slice, tuple[range, ...]]]:
    """Some images at a time, and for them all looks in portions, at most about `size` pairs of image and look."""
    together = max(min(images, size), 1)
    for start in range(0, images, together):
        some = slice(start, min(start + together, images))
        each = max(size // (some.stop - some.start), 1)
        yield some, tuple(range(first, min(first + each, looks)) for first in range(0, looks, each))


def whole_number(name: str, value: int, least: int = 1) -> int:
    """The number itself, if it is large enough.

    Raises
    ------
    InputError
        It is not.
    """
    if value < least:
        raise InputError(f"{name} = {value} was given", f"{least} or more")
    return value
