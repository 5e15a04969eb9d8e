"""What is written is read back as it was."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg, iniparser

from cotyledon_core.conversion.draft import Draft, Process, Section, set_command, set_environment
from cotyledon_core.conversion.reading import environment_type

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=12) | st.text(
    alphabet="ab $\\'\",:;#%={}", max_size=12
)


class Reader(iniparser.BaseParser):
    """As oslo.config reads a file, up to its substitution."""

    def __init__(self, section: Section) -> None:
        self.values: dict[str, str] = {}
        self.parse("\n".join(section.lines()).splitlines(keepends=True))

    def assignment(self, key: str, value: list[str]) -> None:
        text = "\n".join(value).replace("\\$", "$$")
        self.values[key] = cfg.ConfigOpts.Template(text).safe_substitute({})

    def new_section(self, section: str) -> None:
        """Of no interest."""


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_a_command_is_read_back(words: list[str]) -> None:
    section = Section("service:x")
    set_command(section, shlex.join(words))
    assert shlex.split(Reader(section).values["command"]) == words


@pytest.mark.parametrize("text", ["a\\ ", '"a b"', "'a' 'b'", "a\\$b", '"\\$x"', "'\\$'", "a#b ;c"])
def test_a_command_s_own_quotes_are_read_back(text: str) -> None:
    section = Section("service:x")
    set_command(section, text)
    assert shlex.split(Reader(section).values["command"]) == shlex.split(text)


@given(st.dictionaries(st.from_regex(r"\A[A-Z_]{1,5}\Z"), TEXT, max_size=3))
def test_an_environment_is_read_back_or_named(variables: dict[str, str]) -> None:
    section = Section("service:x")
    set_environment(section, variables)
    read = environment_type()(Reader(section).values.get("environment", ""))
    left_out = {name for name in variables if f"environment {name}" in section._notes}
    assert read == {name: text for name, text in variables.items() if name not in left_out}
    simple = {name for name, text in variables.items() if text.isalnum()}
    assert not simple & left_out


def test_a_service_for_processes_that_are_alike(tmp_path: Path) -> None:
    draft = Draft()
    alike = [Process(f"x{n}", "x", {}, None) for n in range(2)]
    differing = [Process(f"y{n}", "y", {}, f"/{n}") for n in range(2)]
    draft.add("x", alike)
    draft.add("y", differing)
    assert [section.name for section in draft.services] == ["service:x", "service:y0", "service:y1"]
    assert "services = x, y0, y1\n" in draft.render("somewhere")
