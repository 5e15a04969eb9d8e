"""mistral: five of its servers in one launcher, the sixth, its REST interface, in another;
workflows in, their results out, over RabbitMQ and PostgreSQL, while workers are killed, reloaded
and stopped.

The sixth opens database connections before it is launched, which forked workers of the others would
share.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.ports import free_port
from lab.postgresql import PostgreSQL
from lab.program import Program
from lab.rabbitmq import RabbitMQ
from lab.rest import Rest
from lab.script import run
from lab.trial import Trial

CONFIGURATION = """
[DEFAULT]
transport_url = {transport}
graceful_shutdown_timeout = 20
[database]
connection = {database}
[api]
host = 127.0.0.1
port = {port}
[pecan]
auth_enable = False
[coordination]
backend_url =
"""
WORKFLOW = """
version: '2.0'
doubles:
  input: [size]
  output:
    doubled: <% $.doubled %>
  tasks:
    double:
      with-items: i in <% range(0, $.size) %>
      action: std.echo output=<% $.i * 2 %>
      publish:
        doubled: <% task().result %>
      on-success: finish
    finish:
      action: std.noop
"""
SIZE = 5
SERVERS = ("engine", "executor", "event-engine", "notifier", "periodic")


def scenario(trial: Trial, cache: Path) -> None:
    """What is tried."""
    database = trial.stack.enter_context(PostgreSQL(cache))
    broker = trial.stack.enter_context(RabbitMQ(cache))
    port = free_port()
    text = CONFIGURATION.format(transport=broker.url, database=database.url(), port=port)
    configuration = trial.write("mistral.conf", text)
    trial.call("mistral-db-manage", "--config-file", configuration, "upgrade", "head")
    api = start(trial, "api")
    server = start(trial, ",".join(SERVERS))
    rest = Rest(port, {})
    trial.need("5 workers start", lambda: len(server.workers()) == len(SERVERS))
    trial.need("the REST interface answers", lambda: rest.get("/v2/"))
    rest.post_text("/v2/workflows", WORKFLOW)
    trial.need("a workflow in, its result out", execution(rest))
    trial.kill_workers(server)
    trial.wait("the work goes on", execution(rest))
    trial.kill_workers(api)
    trial.wait("the work goes on", execution(rest))
    trial.hang_up(server)
    trial.wait("the work goes on", execution(rest))
    trial.stop(api, "the REST interface")
    trial.stop(server, "the servers")


def start(trial: Trial, servers: str) -> Program:
    """Launch servers together."""
    options = ("--config-file", trial.directory / "mistral.conf", "--server", servers)
    return trial.start("mistral-server", *options, log=servers)


def execution(rest: Rest) -> Callable[[], bool]:
    """Start a workflow; return what tells whether it has the right result.

    It is started when first asked, since the interface may not answer yet.
    """
    started: list[Any] = []

    def succeeded() -> bool:
        if not started:
            request = {"workflow_name": "doubles", "input": {"size": SIZE}}
            started.append(rest.post("/v2/executions", request))
        told = rest.get(f"/v2/executions/{started[0]['id']}")
        return told["state"] == "SUCCESS" and '"doubled": [0, 2, 4, 6, 8]' in told["output"]

    return succeeded


if __name__ == "__main__":
    sys.exit(run("mistral", ["mistral", "oslo.service", "cotyledon"], scenario))
