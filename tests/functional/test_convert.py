"""A supervisord.conf and a circus.ini that are converted, checked, and run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.functional.harness import APPS, Application

Launch = Callable[..., Application]

pytestmark = [
    pytest.mark.portable,
    pytest.mark.skipif(
        not metadata.entry_points(group="cotyledon.services"),
        reason="the project is not installed: no entry points",
    ),
]

PROGRAM = f"{sys.executable} {APPS / 'plugin_program.py'}"

SUPERVISORD = f"""
[supervisord]
nodaemon = true
environment = GREETING="from supervisord"

[program:server]
command = {PROGRAM} serve server-%(process_num)d '$HOME %%'
process_name = %(program_name)s_%(process_num)d
numprocs = 2
directory = {{directory}}
stopsignal = INT
umask = 027
stdout_logfile = /var/log/server.log

[program:task]
command = {PROGRAM} exit 7
environment = GREETING="hello, task"
autorestart = unexpected
exitcodes = 7

[program:later]
command = {PROGRAM} serve later
autostart = false
"""
CIRCUS = f"""
[watcher:server]
cmd = {PROGRAM}
args = serve server-$(circus.wid) '$HOME %'
numprocesses = 2
copy_env = True
working_dir = {{directory}}
stop_signal = INT
send_hup = True

[env:server]
GREETING = from supervisord
"""


@pytest.fixture
def converted(launch: Launch, tmp_path: Path) -> Callable[[str], Application]:
    """What a text runs as when it is converted and found right."""

    def run(text: str) -> Application:
        command = tmp_path / "command.py"
        command.write_text(
            "import sys\nfrom support import record\nfrom cotyledon_core.cli.main import main\n"
            "record('manager')\nsys.exit(main())\n"
        )
        original, made = tmp_path / "original.conf", tmp_path / "made.conf"
        original.write_text(text.format(directory=tmp_path))

        def call(*arguments: str) -> Application:
            path = os.pathsep.join(filter(None, [str(APPS), os.environ.get("PYTHONPATH")]))
            script = str(command.with_suffix(""))
            return launch(script, *arguments, environment={"PYTHONPATH": path})

        assert call("convert", str(original), "--output", str(made)).wait() == 0
        assert call("check", "--config-file", str(made)).wait() == 0
        return call("run", "--config-file", str(made))

    return run


def test_supervisord(converted: Callable[[str], Application], tmp_path: Path) -> None:
    application = converted(SUPERVISORD)
    servers = {
        number: application.wait_for_one(
            "program", arguments=["serve", f"server-{number}", "$HOME %"]
        )
        for number in range(2)
    }
    for server in servers.values():
        assert server.greeting == "from supervisord"
        assert server.directory == str(tmp_path)
        assert server.umask == 0o027
    task = application.wait_for_one("program", arguments=["exit", "7"])
    assert task.greeting == "hello, task"
    application.wait_for_end_of(task.pid)
    assert application.stop() == 0
    ended = application.records("program_signal")
    assert {record.pid: record.number for record in ended} == {
        server.pid: signal.SIGINT for server in servers.values()
    }
    assert len(application.records("program")) == 3, "neither a restart nor the one for later"


def test_circus(converted: Callable[[str], Application], tmp_path: Path) -> None:
    application = converted(CIRCUS)
    servers = [
        application.wait_for_one("program", arguments=["serve", f"server-{wid}", "$HOME %"])
        for wid in (1, 2)
    ]
    for server in servers:
        assert server.greeting == "from supervisord"
        assert server.directory == str(tmp_path)
    application.send(signal.SIGHUP)
    application.wait_for("program_signal", 2, number=signal.SIGHUP)
    assert application.stop() == 0
    assert len(application.records("program_signal", number=signal.SIGINT)) == 2
