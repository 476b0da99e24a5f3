"""``python -m gz2interp.cli``, where the program itself is not on the path."""

from __future__ import annotations

from gz2interp.cli import main

main()
