"""From configuration files to frozen settings, by oslo.config.

Order of the parts: :mod:`~cotyledon_core.config.options` declares,
:mod:`~cotyledon_core.config.origin` and :mod:`~cotyledon_core.config.sources`
read, :mod:`~cotyledon_core.config.compiler` makes
:mod:`~cotyledon_core.config.settings` of it, and
:mod:`~cotyledon_core.config.reloader` does so again on SIGHUP.
:func:`cotyledon_core.config.application.build` is the way in.
"""
