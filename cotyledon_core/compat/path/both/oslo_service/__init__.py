"""Makes way for :mod:`cotyledon_core.compat.oslo_service`."""

import sys

from cotyledon_core.compat import oslo_service as ours

ours.install()
sys.modules[__name__] = ours
