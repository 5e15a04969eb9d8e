"""Notifiers (namespace ``cotyledon.notifiers``)."""
