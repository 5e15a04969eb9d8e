"""The service ``periodic``: calls what a configuration names, at intervals."""

from cotyledon_core import PeriodicService


class Periodic(PeriodicService):
    """Calls functions, and methods that futurist's decorator marks."""

    name = "periodic"
