"""What is not offered, and the way out."""

from __future__ import annotations


def refusal(module: str, way_out: str) -> ImportError:
    """The error of an import that is refused.

    :param module: its name in oslo.service.
    :param way_out: what to do instead.
    """
    text = f"oslo_service.{module} is not offered by cotyledon-core: {way_out}"
    return ImportError(text, name=f"oslo_service.{module}")
