"""Answers to the names that programs already import: ``cotyledon`` and ``oslo_service``."""
