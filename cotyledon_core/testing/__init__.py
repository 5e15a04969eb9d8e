"""Public helpers for the tests of plugin authors.

.. code-block:: python

    from cotyledon_core.testing import check_restart_policy


    def test_contract():
        check_restart_policy(MyPolicy, max_restarts=3)
"""

from __future__ import annotations

from cotyledon_core.testing.contracts import (
    check_notifier,
    check_restart_policy,
    check_service,
)
from cotyledon_core.testing.samples import every_death, every_event

__all__ = [
    "check_notifier",
    "check_restart_policy",
    "check_service",
    "every_death",
    "every_event",
]
