"""Becomes ``oslo_service/__init__.py`` beside oslo.service's own tests: the rest is ours."""

import sys
import types
from importlib.machinery import PathFinder

from cotyledon_core.compat import oslo_service as ours
from cotyledon_core.compat.oslo_service import _options

FOLDER = __path__  # noqa: F821 - this is a package where it is used


class Tests:
    """Finds the package of tests, which is not ours."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, FOLDER) if name == "oslo_service.tests" else None


ours.install()
sys.meta_path.insert(0, Tests)

# the tests' base class registers the options of modules that are not offered
refused = types.ModuleType("oslo_service.sslutils")
refused.config_section = "ssl"
sys.modules[refused.__name__] = ours.sslutils = refused
_options.eventlet_backdoor_opts = _options.ssl_opts = _options.wsgi_opts = []

sys.modules[__name__] = ours
