"""ceilometer: its polling agent asks a command, its notification agent passes the samples on, over
RabbitMQ, while workers are killed, reloaded and stopped.

The command prints what this script wrote into a file; the samples arrive at an HTTP server of
this script. The polling agent's two services are functions that share a queue; one of them
tells on a socket when the other polled. That is looked at before any worker has ended: the reader
of a multiprocessing.Queue that ends while it waits keeps the queue's lock, whatever started it.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from lab.rabbitmq import RabbitMQ
from lab.receiver import Receiver
from lab.script import run
from lab.trial import Trial

CONFIGURATION = """
[DEFAULT]
transport_url = {transport}
pollsters_definitions_dirs = {directory}/pollsters
pipeline_cfg_file = {directory}/pipeline.yaml
graceful_shutdown_timeout = 20
[polling]
cfg_file = {directory}/polling.yaml
heartbeat_socket_dir = {directory}
[notification]
workers = 2
pipelines = meter
[service_credentials]
auth_type = none
"""
POLLING = """
sources:
  - name: trial
    interval: 1
    meters: [trial.load]
"""
POLLSTER = """
- name: trial.load
  namespaces: compute
  sample_type: gauge
  unit: load
  value_attribute: load
  host_command: cat {directory}/load.json
"""
PIPELINE = """
sources:
  - name: trial
    meters: [trial.load]
    sinks: [trial]
sinks:
  - name: trial
    publishers: ["{url}"]
"""
NAMESPACE = "compute"


class Load:
    """What the polling agent finds, and what arrives of it."""

    def __init__(self, trial: Trial, receiver: Receiver) -> None:
        self._trial = trial
        self._receiver = receiver
        self._value = 0
        self.set()

    def set(self) -> None:
        """Another value from now on."""
        self._value += 1
        found = {"id": "trial", "user_id": "u", "project_id": "p", "load": self._value}
        draft = self._trial.write("draft.json", json.dumps([found]))
        draft.rename(self._trial.directory / "load.json")

    def arrived(self) -> bool:
        """Whether a sample with this value came."""
        bodies = self._receiver.posted.get("/samples", [])
        return any(sample["volume"] == self._value for body in bodies for sample in body)


def scenario(trial: Trial, cache: Path) -> None:
    """What is tried."""
    broker = trial.stack.enter_context(RabbitMQ(cache))
    receiver = trial.stack.enter_context(Receiver())
    trial.write("polling.yaml", POLLING)
    trial.write("pipeline.yaml", PIPELINE.format(url=receiver.url("/samples")))
    (trial.directory / "pollsters").mkdir()
    trial.write("pollsters/trial.yaml", POLLSTER.format(directory=trial.directory))
    text = CONFIGURATION.format(transport=broker.url, directory=trial.directory)
    trial.write("ceilometer.conf", text)
    load = Load(trial, receiver)
    options = ("--config-file", trial.directory / "ceilometer.conf")
    listener = trial.start("ceilometer-agent-notification", *options)
    poller = trial.start("ceilometer-polling", *options, "--polling-namespaces", NAMESPACE)
    trial.need("2 workers of the polling agent start", lambda: len(poller.workers()) == 2)
    trial.need("2 workers of the notification agent start", lambda: len(listener.workers()) == 2)
    trial.need("a value polled, its sample out", load.arrived)
    trial.wait("a heartbeat of the polling", lambda: heartbeat(trial))
    for program, agent in ((poller, "polling"), (listener, "notification")):
        trial.kill_workers(program, what=f"the {agent} agent's")
        load.set()
        trial.wait("the work goes on", load.arrived)
    trial.hang_up(poller, "the polling agent's")
    trial.hang_up(listener, "the notification agent's")
    load.set()
    trial.wait("the work goes on", load.arrived)
    trial.stop(poller, "the polling agent")
    trial.stop(listener, "the notification agent")


def heartbeat(trial: Trial) -> bool:
    """Whether the polling agent's other service knows when there was polling."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(str(trial.directory / f"ceilometer-{NAMESPACE}.socket"))
        return b"trial.load " in client.recv(4096)


if __name__ == "__main__":
    sys.exit(run("ceilometer", ["ceilometer", "cotyledon"], scenario))
