"""Acme's plugins for cotyledon-core."""
