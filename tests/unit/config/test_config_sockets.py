"""``[socket:NAME]``, and who asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from oslo_config import cfg

from cotyledon_core.config.added import AddedServices
from cotyledon_core.config.difference import Difference, Key, difference, refusals
from cotyledon_core.config.loader import load
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.listening import Address, Listening

Compile = Callable[..., ManagerSettings]
Faults = Callable[[str], tuple[str, ...]]

BASE = """
[cotyledon]
services = web
[service:web]
service_type = example
sockets = http, admin
[socket:http]
address = 127.0.0.1:80, [::1]:80
backlog = 5
reuse_port = yes
[socket:admin]
address = /run/admin
mode = 660
"""
HTTP = Listening((Address("127.0.0.1", 80), Address("::1", 80)), backlog=5, reuse_port=True)
ADMIN = Listening((Address(path="/run/admin"),), mode=0o660)


def test_what_is_configured(compiled: Compile) -> None:
    settings = compiled(BASE)
    assert settings.sockets == {"http": HTTP, "admin": ADMIN}
    assert settings.services[0].options.sockets == ("http", "admin")
    assert settings.notices == ()


def test_from_the_environment_alone(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_SOCKET:HTTP__ADDRESS", "127.0.0.1:81")
    settings = compiled(BASE.split("[socket:http]")[0])
    assert settings.sockets == {"http": Listening((Address("127.0.0.1", 81),))}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[::1]:80", "localhost:80", "[socket:http] address: 'localhost:80' is no address: it n"),
        ("address = /run/admin\n", "", "[socket:admin] address: is missing; it must be such as"),
        ("backlog = 5", "backlog = 0", "[socket:http] backlog: '0' is wrong: a whole number of "),
        ("mode = 660", "mode = rw", "[socket:admin] mode: 'rw' must be octal digits, such as 660"),
        ("backlog = 5", "mode = 660", "[socket:http] mode: only a Unix socket in the file syste"),
        ("backlog = 5", "backlogs = 5", "[socket:http] backlogs: is unknown; did you mean backlo"),
        ("backlog = 5", "workers = 5", "[socket:http] workers: is not read from here; workers b"),
        ("[socket:http]", "[sokcet:http]", "[sokcet:http] is unknown; did you mean [socket:http"),
    ],
)
def test_faults(faults: Faults, old: str, new: str, fault: str) -> None:
    assert old in BASE
    (found,) = faults(BASE.replace(old, new))
    assert f".conf: {fault}" in found


def test_all_faults_of_a_section(faults: Faults) -> None:
    text = BASE.replace("backlog = 5", "backlog = many").replace("[::1]:80", "nowhere")
    assert [fault.split("[socket:http] ")[1].split(":")[0] for fault in faults(text)] == [
        "backlog",
        "address",
    ]


def test_what_may_not_be_meant(compiled: Compile) -> None:
    settings = compiled(BASE.replace("sockets = http, admin", "sockets = http, other"))
    other, admin = settings.notices
    assert "[service:web] sockets: there is no [socket:other]; it has to be passed by" in other
    assert "[socket:admin] is not used: no service's sockets name it" in admin


def test_what_is_passed_needs_no_section(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_FDNAMES", "other:http")
    settings = compiled(BASE.replace("http, admin", "http, admin, other"))
    assert settings.notices == ()
    assert set(settings.sockets) == {"http", "admin"}


def test_a_section_that_is_not_ours(compiled: Compile) -> None:
    (notice,) = compiled(f"{BASE}[sockets]\na = b").notices
    assert "[sockets] is not ours and not read; a socket's section is [socket:NAME]" in notice


# -- a reload


def test_sections_come_and_go(compiled: Compile) -> None:
    without = compiled(BASE.split("[socket:admin]")[0])
    found = difference(without, compiled(BASE))
    assert found == Difference(sockets=("admin",))
    assert found
    assert difference(compiled(BASE), without) == found


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[::1]:80", "[::1]:81", Key("socket:http", "address")),
        ("backlog = 5", "backlog = 6", Key("socket:http", "backlog")),
        ("mode = 660", "mode = 600", Key("socket:admin", "mode")),
        ("reuse_port = yes", "reuse_port = no", Key("socket:http", "reuse_port")),
    ],
)
def test_a_change_needs_a_restart(compiled: Compile, old: str, new: str, key: Key) -> None:
    changed = compiled(BASE.replace(old, new))
    found = difference(compiled(BASE), changed)
    assert found.restart == (key,)
    (refusal,) = refusals(found, changed)
    assert f"{key}: a change needs a restart" in refusal


def test_other_sockets_replace_the_workers(compiled: Compile) -> None:
    (change,) = difference(compiled(BASE), compiled(BASE.replace("http, admin", "http"))).changed
    assert change.replacing == (Key("service:web", "sockets"),)


# -- services that a program adds


def added(write: Callable[[str], object], text: str) -> AddedServices:
    conf: cfg.ConfigOpts = load([f"--config-file={write(text)}"])
    found = AddedServices.read(conf)
    assert found is not None
    return found


def test_for_a_program_s_own_services(write: Callable[[str], object]) -> None:
    text = "[service:web]\nsockets = http\n[socket:http]\naddress = @a\n[socket:more]\naddress = @b"
    found = added(write, text)
    assert set(found.settings.sockets) == {"http", "more"}
    assert found.settings.notices == ()
    assert found.apply("web", "web", {"sockets": ("more",)})["sockets"] == ["http"]


def test_a_section_alone_concerns_us(write: Callable[[str], object]) -> None:
    assert set(added(write, "[socket:http]\naddress = @a").settings.sockets) == {"http"}
