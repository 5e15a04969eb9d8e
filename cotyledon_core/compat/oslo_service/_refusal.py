"""What is not offered, and the way out.

Such a module can be imported, since programs import it at their top and then never use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


def refusing(module: str, way_out: str) -> Callable[[str], NoReturn]:
    """A ``__getattr__`` for a module that is not offered: any use raises an ImportError.

    :param module: its name in oslo.service.
    :param way_out: what to do instead.
    """
    text = f"oslo_service.{module} is not offered by cotyledon-core: {way_out}"

    def refuse(name: str) -> NoReturn:
        if name.startswith("__"):  # the import system looks for these
            raise AttributeError(name)
        raise ImportError(text, name=f"oslo_service.{module}")

    return refuse
