"""Not offered: it runs on eventlet."""

from __future__ import annotations

from cotyledon_core.compat.oslo_service._refusal import refusing

__getattr__ = refusing(
    "eventlet_backdoor",
    "it runs on eventlet; the signal RTMIN+1 has a worker write the stacks of its threads, and "
    "oslo.reports tells more",
)
