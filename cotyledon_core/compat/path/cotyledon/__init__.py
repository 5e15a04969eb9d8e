"""Brings ``cotyledon`` to processes that multiprocessing starts."""
