"""Backends of ``oslo_middleware.Healthcheck``, one a file."""
