"""aodh: its evaluator, listener and notifier; what makes alarms go off in, their actions out, over
RabbitMQ and PostgreSQL, while workers are killed, reloaded and stopped.

The evaluator asks a Prometheus, which is an HTTP server of this script; the listener hears events
from RabbitMQ. Both tell the notifier through RabbitMQ, whose actions are requests to this script.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from lab.environment import PROGRAMS
from lab.postgresql import PostgreSQL
from lab.program import Program
from lab.rabbitmq import RabbitMQ
from lab.receiver import Receiver
from lab.rest import Rest
from lab.script import run
from lab.trial import Trial
from lab.wsgi import serve

CONFIGURATION = """
[DEFAULT]
transport_url = {transport}
[database]
connection = {database}
[evaluator]
workers = 2
evaluation_interval = 1
[listener]
workers = 2
event_alarm_cache_ttl = 0
[notifier]
workers = 2
[api]
auth_mode = noauth
[service_credentials]
auth_type = none
endpoint = {prometheus}
"""
SERVICES = {
    "evaluator": "AlarmEvaluationService",
    "listener": "EventAlarmEvaluationService",
    "notifier": "AlarmNotifierService",
}
"""The commands, and the names of their services."""

PROJECT = uuid.uuid4().hex
IDENTITY = {"X-Roles": "admin", "X-User-Id": uuid.uuid4().hex, "X-Project-Id": PROJECT}
QUERY = "/api/v1/query"


class Outside:
    """What makes alarms go off, and what is heard of that."""

    def __init__(self, trial: Trial, broker: RabbitMQ, receiver: Receiver, rest: Rest) -> None:
        self._trial = trial
        self._broker = broker
        self._receiver = receiver
        self._rest = rest
        self.measure(0)
        for name in ("high", "low"):
            self._alarm(name, "prometheus", self._rule(name))
        self._alarm("event", "event", {"event_type": "trial.*"}, repeat_actions=True)

    def _rule(self, name: str) -> dict[str, object]:
        comparison = "gt" if name == "high" else "lt"
        return {"query": "load", "threshold": 50.0, "comparison_operator": comparison}

    def _alarm(self, name: str, kind: str, rule: object, **more: object) -> None:
        action = [self._receiver.url(f"/{name}")]
        alarm = {"name": name, "type": kind, f"{kind}_rule": rule, "alarm_actions": action}
        self._rest.post("/v2/alarms", {**alarm, **more})

    def measure(self, value: float) -> None:
        """What Prometheus says from now on."""
        sample = {"metric": {}, "value": [time.time(), str(value)]}
        data = {"resultType": "vector", "result": [sample]}
        self._receiver.answers[QUERY] = {"status": "success", "data": data}

    def sent(self, name: str) -> int:
        """How often an alarm's action came."""
        return len(self._receiver.posted.get(f"/{name}", ()))

    def event(self) -> None:
        """An event for the listener."""
        traits = [["project_id", 1, PROJECT]]
        event = {"event_type": "trial.made", "message_id": uuid.uuid4().hex, "traits": traits}
        words = (self._broker.url, "aodh", "alarm.all", "sample", "event")
        client = str(PROGRAMS / "clients" / "notify.py")
        self._trial.call("python", client, *words, given=json.dumps([event]))


def scenario(trial: Trial, cache: Path) -> None:
    """What is tried."""
    database = trial.stack.enter_context(PostgreSQL(cache))
    broker = trial.stack.enter_context(RabbitMQ(cache))
    receiver = trial.stack.enter_context(Receiver())
    text = CONFIGURATION.format(
        transport=broker.url, database=database.url("postgresql"), prometheus=receiver.url("")
    )
    trial.write("aodh.conf", text)
    trial.call("aodh-dbsync", *options(trial))
    rest = serve(trial, "aodh.api.app:build_wsgi_app", "aodh.conf", IDENTITY)
    outside = Outside(trial, broker, receiver, rest)
    programs = {name: trial.start(f"aodh-{name}", *options(trial)) for name in SERVICES}
    trial.need("2 workers of each start", lambda: counts(programs) == [2, 2, 2])
    alarms(trial, outside)
    for name, program in programs.items():
        trial.kill_workers(program, SERVICES[name])
    alarms(trial, outside)
    for name, program in programs.items():
        trial.hang_up(program, SERVICES[name])
    alarms(trial, outside)
    for name, program in programs.items():
        trial.stop(program, name)


def options(trial: Trial) -> tuple[str | Path, ...]:
    """Of all of aodh's commands."""
    return ("--config-file", trial.directory / "aodh.conf")


def counts(programs: dict[str, Program]) -> list[int]:
    """How many workers each program has."""
    return [len(program.workers(SERVICES[name])) for name, program in programs.items()]


def alarms(trial: Trial, outside: Outside) -> None:
    """Measures rise and fall, and an event comes: three actions follow."""
    for name, value in (("high", 90), ("low", 10)):
        before = outside.sent(name)
        outside.measure(value)
        trial.wait(f"load {value}: the alarm goes off", more(outside, name, before))
    before = outside.sent("event")
    outside.event()
    trial.wait("an event: the alarm goes off", more(outside, "event", before))


def more(outside: Outside, name: str, before: int) -> Callable[[], bool]:
    """What tells whether an action came since."""
    return lambda: outside.sent(name) > before


if __name__ == "__main__":
    sys.exit(run("aodh", ["aodh", "cotyledon"], scenario))
