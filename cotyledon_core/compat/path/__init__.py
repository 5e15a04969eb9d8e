"""Folders for ``sys.path``: ``both`` for ``PYTHONPATH``, and one for each name."""
