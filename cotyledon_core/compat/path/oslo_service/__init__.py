"""Brings ``oslo_service`` to processes that multiprocessing starts."""
