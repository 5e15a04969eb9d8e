"""Configurations of other process managers, made into ours."""
