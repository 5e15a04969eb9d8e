"""The packages of the extra ``[cli]``, which may be missing."""

from __future__ import annotations

PACKAGES = frozenset({"argcomplete", "psutil", "rich", "textual"})


def advice(error: ModuleNotFoundError) -> str:
    """What to do about it.

    :raises ModuleNotFoundError: if it is about another package.
    """
    if (error.name or "").partition(".")[0] not in PACKAGES:
        raise error
    return (
        f"this needs the package {error.name}, which is not installed; "
        "pip install 'cotyledon-core[cli]' brings it"
    )
