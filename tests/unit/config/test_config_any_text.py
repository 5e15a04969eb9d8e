"""Whatever stands in a file: it is understood, or refused by faults that name the file."""

from __future__ import annotations

import string
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.origin import Origin
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.config.sources import Sources
from cotyledon_core.exceptions import ConfigurationError

SECTIONS = ("DEFAULT", "cotyledon", "service:a", "service:sample", "notifier:log", "control", "x")
KEYS = (
    "services",
    "notifiers",
    "workers",
    "service_type",
    "restart_policy",
    "restart_delay",
    "graceful_shutdown_timeout",
    "target",
    "size",
    "spawn-interval",
    "log_options",
)
VALUES = ("a", "sample", "example", "a, sample", "3", "-1", "", "$size", "$$", "$", "${x", "log")

NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
LINES = st.one_of(
    st.sampled_from(SECTIONS).map("[{}]".format),
    st.builds("{} = {}".format, st.sampled_from(KEYS), st.sampled_from(VALUES)),
    st.builds("{} = {}".format, st.sampled_from(KEYS), st.text(max_size=8)),
    st.text(max_size=12),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(LINES, max_size=12).map("\n".join),
    st.lists(LINES, max_size=12).map(
        lambda lines: "[cotyledon]\nservices = a\n" + "\n".join(lines)
    ),
)


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "any.conf"


def read(file: Path, text: str) -> ManagerSettings:
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    return compile_settings(load([f"--config-file={file}"]))


def faults_of(file: Path, text: str) -> tuple[str, ...]:
    try:
        read(file, text)
    except ConfigurationError as error:
        return error.faults
    return ()


@settings(deadline=None, max_examples=150)
@given(text=TEXTS)
def test_any_text(text: str, file: Path) -> None:
    faults = faults_of(file, text)
    assert len(set(faults)) == len(faults)
    assert all(fault.startswith(f"{file}: ") for fault in faults)


@settings(deadline=None, max_examples=50)
@given(
    counts=st.dictionaries(NAMES, st.integers(0, 10**6), max_size=5),
    greeting=st.text(string.printable, max_size=20).map(lambda text: " ".join(text.split())),
)
def test_what_is_written_is_read(counts: dict[str, int], greeting: str, file: Path) -> None:
    written = '"' + greeting.replace("\\", "").replace("$", "$$") + '"'
    lines = ["[cotyledon]", f"services = {', '.join(counts)}"]
    for name, count in counts.items():
        lines += [f"[service:{name}]", "service_type = example", f"workers = {count}"]
        lines += [f"greeting = {written}"]
    found = read(file, "\n".join(lines))
    assert {service.name: service.workers for service in found.services} == counts
    for service in found.services:
        assert service.factory.options["greeting"] == greeting.replace("\\", "")


@settings(deadline=None, max_examples=50)
@given(key=NAMES | NAMES.map("workers-{}".format) | st.sampled_from(["Workers", "work-ers"]))
def test_no_unknown_key_is_passed_over(key: str, file: Path) -> None:
    known = {"workers", "interval", "greeting"}
    if key in known:
        return
    with pytest.raises(ConfigurationError) as caught:
        read(file, f"[cotyledon]\nservices = example\n[service:example]\n{key} = 1")
    (fault,) = caught.value.faults
    assert f"[service:example] {key}:" in fault


@settings(deadline=None, max_examples=100)
@given(lines=st.lists(LINES, max_size=10))
def test_keys_are_found_where_oslo_config_finds_them(lines: list[str], file: Path) -> None:
    text = "[s]\n" + "\n".join(lines).replace("$", "")
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    keys = [key for key in KEYS if "-" not in key]
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt(key) for key in keys], "s")
    try:
        conf([f"--config-file={file}"])
    except (cfg.Error, UnicodeDecodeError):
        with pytest.raises(ConfigurationError):
            load([f"--config-file={file}"])
        return
    sources = Sources.read(Origin.of(conf))
    assert {key: sources.raw("s", key) for key in keys} == dict(conf["s"])
