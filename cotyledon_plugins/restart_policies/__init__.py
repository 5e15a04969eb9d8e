"""Restart policies (namespace ``cotyledon.restart_policies``)."""
