"""Not offered: it serves the WSGI server."""

from __future__ import annotations

from cotyledon_core.compat.oslo_service._refusal import refusing

__getattr__ = refusing(
    "sslutils",
    "it belongs to the WSGI server; let the server that you use instead do TLS, or make sockets "
    "with ssl.SSLContext",
)
