"""octavia: its workers; load balancers in through the REST interface, active ones out, over
RabbitMQ and MariaDB, while workers are killed, reloaded and stopped.

What would make virtual machines and networks is octavia's own drivers that do nothing.
"""

from __future__ import annotations

import signal
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from lab.commands import command, output_of
from lab.environment import PROGRAMS
from lab.mariadb import MariaDB
from lab.ports import free_port
from lab.rabbitmq import RabbitMQ
from lab.rest import Rest
from lab.script import run
from lab.trial import Trial

CONFIGURATION = """
[DEFAULT]
transport_url = {transport}
[oslo_messaging]
topic = octavia
[database]
connection = {database}
[api_settings]
auth_strategy = noauth
[certificates]
ca_certificate = {directory}/ca.pem
ca_private_key = {directory}/ca.key
server_certs_key_passphrase = insecure-key-do-not-use-this-key
[health_manager]
heartbeat_key = insecure
[controller_worker]
workers = 2
amphora_driver = amphora_noop_driver
compute_driver = compute_noop_driver
network_driver = network_noop_driver
image_driver = image_noop_driver
volume_driver = volume_noop_driver
amp_boot_network_list = {network}
amp_flavor_id = 1
client_ca = {directory}/ca.pem
"""
BALANCERS = "/v2/lbaas/loadbalancers"


def scenario(trial: Trial, cache: Path) -> None:
    """What is tried."""
    database = trial.stack.enter_context(MariaDB(cache))
    broker = trial.stack.enter_context(RabbitMQ(cache))
    certify(trial)
    text = CONFIGURATION.format(
        transport=broker.url,
        database=database.url(),
        directory=trial.directory,
        network=uuid.uuid4(),
    )
    configuration = trial.write("octavia.conf", text)
    trial.call("octavia-db-manage", "--config-file", configuration, "upgrade", "head")
    rest = serve(trial)
    worker = trial.start("octavia-worker", "--config-file", configuration)
    trial.need("2 workers start", lambda: len(worker.workers()) == 2)
    trial.need("a load balancer is asked for, it is active", balancer(rest))
    trial.kill_workers(worker)
    trial.wait("the work goes on", balancer(rest))
    before = worker.pids()
    worker.send(signal.SIGHUP)
    trial.wait(
        "SIGHUP: all workers are others",
        lambda: len(now := worker.pids()) == 2 and not now & before,
    )
    trial.wait("the work goes on", balancer(rest))
    trial.stop(worker, "the workers")


def certify(trial: Trial) -> None:
    """Make what the workers sign certificates with."""
    files = ["-keyout", trial.directory / "ca.key", "-out", trial.directory / "ca.pem"]
    kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=trial", "-days", "1"]
    output_of([command("openssl"), "req", *kind, *files])


def serve(trial: Trial) -> Rest:
    """Start the REST interface."""
    port = free_port()
    application = "octavia.api.app:setup_app"
    server = PROGRAMS / "clients" / "wsgi_server.py"
    configuration = trial.directory / "octavia.conf"
    trial.start("python", server, str(port), application, configuration, log="api")
    rest = Rest(port, {"X-Project-Id": uuid.uuid4().hex, "X-Roles": "admin"})
    trial.need("the REST interface answers", lambda: rest.get("/"))
    return rest


def balancer(rest: Rest) -> Callable[[], bool]:
    """Ask for a load balancer; return what tells whether it is active."""
    wanted = {
        "name": "trial",
        "vip_subnet_id": str(uuid.uuid4()),
        "project_id": uuid.uuid4().hex,
    }
    made = rest.post(BALANCERS, {"loadbalancer": wanted})["loadbalancer"]["id"]

    def active() -> bool:
        told = rest.get(f"{BALANCERS}/{made}")["loadbalancer"]
        return bool(told["provisioning_status"] == "ACTIVE")

    return active


if __name__ == "__main__":
    sys.exit(run("octavia", ["octavia", "cotyledon"], scenario))
