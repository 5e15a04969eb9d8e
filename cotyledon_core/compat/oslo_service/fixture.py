"""For tests of programs that use looping calls."""

from __future__ import annotations

from unittest import mock

import fixtures

from cotyledon_core.compat.oslo_service import _loop


class SleepFixture(fixtures.Fixture):
    """Looping calls do not sleep while it is in use; ``mock_wait`` is called instead."""

    def _setUp(self) -> None:  # noqa: N802 - fixtures calls it so
        patch = mock.patch.object(_loop.Abort, "wait")
        self.mock_wait = patch.start()
        self.addCleanup(patch.stop)
