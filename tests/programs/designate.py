"""designate: its central and its worker service; zones in through the REST interface, active ones
out, over RabbitMQ and MariaDB, while workers are killed, reloaded and stopped.

What would make zones on a name server is designate's own driver that does nothing; the name server
that is told of them, and then asked, is this script's.
"""

from __future__ import annotations

import shutil
import signal
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from lab.mariadb import MariaDB
from lab.name_server import NameServer
from lab.program import Program
from lab.rabbitmq import RabbitMQ
from lab.rest import Rest
from lab.script import run
from lab.trial import Trial
from lab.wsgi import serve

CONFIGURATION = """
[DEFAULT]
transport_url = {transport}
graceful_shutdown_timeout = 20
debug = {debug}
[storage:sqlalchemy]
connection = {database}
[service:api]
auth_strategy = noauth
[service:central]
workers = 2
[service:worker]
workers = 2
poll_delay = 1
poll_retry_interval = 1
"""
POOLS = """
- name: default
  attributes: {{}}
  ns_records:
    - hostname: ns.example.org.
      priority: 1
  nameservers:
    - host: 127.0.0.1
      port: {port}
  targets:
    - type: fake
      masters:
        - host: 127.0.0.1
          port: 5354
      options:
        host: 127.0.0.1
        port: {port}
"""
IDENTITY = {"X-Auth-Project-Id": uuid.uuid4().hex, "X-Roles": "admin"}
ZONES = "/v2/zones"
SERVICES = ("central", "worker")


def scenario(trial: Trial, cache: Path) -> None:
    """What is tried."""
    database = trial.stack.enter_context(MariaDB(cache))
    broker = trial.stack.enter_context(RabbitMQ(cache))
    names = trial.stack.enter_context(NameServer())
    values = {"transport": broker.url, "database": database.url()}
    quiet = CONFIGURATION.format(**values, debug=False)
    options = ("--config-file", trial.write("designate.conf", quiet))
    shutil.copy(trial.environment.bin.parent / "etc/designate/api-paste.ini", trial.directory)
    trial.call("designate-manage", *options, "database", "sync")
    programs = {name: trial.start(f"designate-{name}", *options) for name in SERVICES}
    for name, program in programs.items():
        trial.need(f"2 workers of {name} start", lambda p=program: len(p.workers()) == 2)
    pools = trial.write("pools.yaml", POOLS.format(port=names.port))
    trial.call("designate-manage", *options, "pool", "update", "--file", pools)
    rest = serve(trial, "designate.api.wsgi:init_application", "designate.conf", IDENTITY)
    trial.need("a zone is asked for, it is active", zone(rest))
    for name, program in programs.items():
        trial.kill_workers(program, what=f"{name}'s")
        trial.wait("the work goes on", zone(rest))
    trial.write("designate.conf", CONFIGURATION.format(**values, debug=True))
    for name, program in programs.items():
        mutate(trial, name, program, rest)
    for name, program in programs.items():
        trial.stop(program, name)


def mutate(trial: Trial, name: str, program: Program, rest: Rest) -> None:
    """SIGHUP: as the program asks for, mutable options change in workers that live on."""
    before = program.pids()
    program.send(signal.SIGHUP)
    trial.wait("the work goes on", zone(rest))
    trial.wait(
        f"SIGHUP: a worker of {name} logs more, as configured",
        lambda: any(f" {pid} DEBUG " in program.output() for pid in before),
    )
    trial.find(f"SIGHUP: {name}'s workers live on", program.pids() == before)


def zone(rest: Rest) -> Callable[[], bool]:
    """Ask for a zone; return what tells whether it is active."""
    made: list[str] = []

    def active() -> bool:
        if not made:
            wanted = {"name": f"{uuid.uuid4().hex}.example.org.", "email": "trial@example.org"}
            made.append(rest.post(ZONES, wanted)["id"])
        return bool(rest.get(f"{ZONES}/{made[0]}")["status"] == "ACTIVE")

    return active


if __name__ == "__main__":
    sys.exit(run("designate", ["designate", "oslo.service", "cotyledon"], scenario))
