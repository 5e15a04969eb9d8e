"""A program's REST interface, served from its environment."""

from __future__ import annotations

from collections.abc import Mapping

from lab.environment import PROGRAMS
from lab.ports import free_port
from lab.rest import Rest
from lab.trial import Trial

SERVER = PROGRAMS / "clients" / "wsgi_server.py"


def serve(trial: Trial, application: str, configuration: str, headers: Mapping[str, str]) -> Rest:
    """Start it, and wait until it answers.

    :param application: MODULE:CALLABLE that returns the WSGI application.
    :param configuration: the file in the trial's directory.
    :param headers: for each request.
    """
    port = free_port()
    file = trial.directory / configuration
    # where designate looks instead
    variables = {"OS_DESIGNATE_CONFIG_DIR": str(trial.directory)}
    words = (SERVER, str(port), application, file)
    trial.start("python", *words, log="api", variables=variables)
    rest = Rest(port, headers)
    trial.need("the REST interface answers", lambda: rest.get("/"))
    return rest
