"""Makes way for :mod:`cotyledon_core.compat.cotyledon`."""

import sys

from cotyledon_core.compat import cotyledon as ours

ours.install()
sys.modules[__name__] = ours
