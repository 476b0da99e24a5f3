"""Where astroquery's own configuration says that a service is."""

from __future__ import annotations

import warnings

__all__ = ["configured"]


def configured(section: str, item: str) -> str | None:
    """The address in astroquery's configuration file; None where the file says nothing.

    Parameters
    ----------
    section : str
        Such as ``"hips2fits"``.
    item : str
        Such as ``"server"``.

    Notes
    -----
    astroquery lists two addresses of hips2fits and refuses, already while it is imported, a file that gives another.
    So the file is read here, and what it says about that service is kept from astroquery, which is then told directly.
    """
    from astropy.config import get_config

    with warnings.catch_warnings(action="ignore"):
        settings = get_config("astroquery", rootname="astropy")
    value = settings.get(section, {}).get(item)
    if isinstance(value, (list, tuple)):  # several, separated by commas: the first is asked
        value = next(iter(value), None)
    return str(value) if value else None
