"""Not offered: the WSGI server is eventlet's."""

from __future__ import annotations

from cotyledon_core.compat.oslo_service._refusal import refusing

__getattr__ = refusing(
    "wsgi",
    "its server is eventlet's; run the WSGI application under a server such as uWSGI, gunicorn "
    "or mod_wsgi",
)
