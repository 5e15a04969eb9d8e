"""octavia: its workers; load balancers in through the REST interface, active ones out, over
RabbitMQ and MariaDB, while workers are killed, reloaded and stopped.

What would make virtual machines and networks is octavia's own drivers that do nothing.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from lab.commands import command, output_of
from lab.mariadb import MariaDB
from lab.rabbitmq import RabbitMQ
from lab.rest import Rest
from lab.script import run
from lab.trial import Trial
from lab.wsgi import serve

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
IDENTITY = {"X-Project-Id": uuid.uuid4().hex, "X-Roles": "admin"}
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
    rest = serve(trial, "octavia.api.app:setup_app", "octavia.conf", IDENTITY)
    worker = trial.start("octavia-worker", "--config-file", configuration)
    trial.need("2 workers start", lambda: len(worker.workers()) == 2)
    trial.need("a load balancer is asked for, it is active", balancer(rest))
    trial.kill_workers(worker)
    trial.wait("the work goes on", balancer(rest))
    trial.hang_up(worker)
    trial.wait("the work goes on", balancer(rest))
    trial.stop(worker, "the workers")


def certify(trial: Trial) -> None:
    """Make what the workers sign certificates with."""
    files = ["-keyout", trial.directory / "ca.key", "-out", trial.directory / "ca.pem"]
    kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=trial", "-days", "1"]
    output_of([command("openssl"), "req", *kind, *files])


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
