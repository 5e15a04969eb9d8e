"""The built-in restart policies; see :mod:`cotyledon_core.default_policy` for what is common."""
