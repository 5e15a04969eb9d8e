"""How a ConfigOpts came about, so that another can be read in the same way.

A reload must not touch what runs until the new configuration is known to be
good, and our options must not get into the way of an application's. So we never
work on the application's object: we take down what it was called with and what
was registered in it, and read the same files into an object of our own. The
private names of oslo.config that this needs are used in this module only.
"""

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from oslo_config import cfg

from cotyledon_core.exceptions import ConfigurationError


class Registered(NamedTuple):
    """An option as an application registered it."""

    option: cfg.Opt
    group: str | None
    cli: bool
    changes: Mapping[str, Any]
    """What ``set_default`` and ``set_override`` left."""


@dataclass(frozen=True)
class Origin:
    """What to read a configuration from."""

    args: tuple[str, ...]
    project: str | None
    prog: str
    default_files: tuple[str, ...]
    default_dirs: tuple[str, ...]
    use_env: bool
    registered: tuple[Registered, ...]

    @classmethod
    def of(cls, conf: cfg.ConfigOpts) -> Origin:
        """
        :param conf: a ConfigOpts that was called with its command line.
        :raises ConfigurationError: if it was not.
        """
        if conf._args is None:
            raise ConfigurationError(
                ["the ConfigOpts has read nothing yet; call it with the command line first"]
            )
        return cls(
            args=tuple(conf._args),
            project=conf.project,
            prog=conf.prog,
            default_files=tuple(conf.default_config_files),
            default_dirs=tuple(conf.default_config_dirs),
            use_env=conf._use_env,
            registered=tuple(_registered(conf)),
        )

    def read(self) -> cfg.ConfigOpts:
        """A fresh ConfigOpts.

        :raises ConfigurationError: if oslo.config refuses the files.
        """
        conf = cfg.ConfigOpts()
        for option, group, cli, changes in self.registered:
            conf.register_opt(option, group, cli=cli)
            conf._get_opt_info(option.dest, group).update(changes)  # type: ignore[typeddict-item]
        try:
            conf(
                list(self.args),
                project=self.project,
                prog=self.prog,
                default_config_files=list(self.default_files),
                default_config_dirs=list(self.default_dirs),
                use_env=self.use_env,
            )
        except (cfg.Error, OSError, ValueError) as error:
            raise ConfigurationError([" ".join(str(error).split())]) from error
        except SystemExit as error:
            raise ConfigurationError(
                ["oslo.config refuses a value of a command line option; it says which on stderr"]
            ) from error
        return conf

    def places(self) -> list[tuple[str, str]]:
        """The files and directories in the order in which oslo.config reads them.

        :returns: pairs of ``file`` or ``dir``, and an absolute path.
        """
        given = _given(self.args)
        kinds = {kind for kind, _ in given}
        default_files = [] if "file" in kinds else [("file", path) for path in self.default_files]
        default_dirs = [
            ("dir", path)
            for path in (() if "dir" in kinds else self.default_dirs)
            if os.path.exists(path)
        ]
        places = [*default_files, *default_dirs, *given]
        return [(kind, os.path.abspath(os.path.expanduser(path))) for kind, path in places]


class SharedConf:
    """The ConfigOpts for services that want it; one object for all of them.

    A forked worker has the manager's own. It does not travel to a spawned
    worker: that one reads the files itself.

    :param conf: what was read first; the application's own object.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = self._current = conf

    @property
    def origin(self) -> Origin:
        """Where to read it again, as the application has it now."""
        return Origin.of(self._conf)

    def get(self) -> cfg.ConfigOpts:
        """What workers that are made now get."""
        return self._current

    def put(self, conf: cfg.ConfigOpts) -> None:
        """Take over what a reload has read."""
        self._current = conf

    def __reduce__(self) -> tuple[Any, ...]:
        return _shared_from, (self.origin,)


def _shared_from(origin: Origin) -> SharedConf:
    return SharedConf(origin.read())


def revive(conf: cfg.ConfigOpts) -> None:
    """Enable a ConfigOpts that came here by pickle to reload its files.

    It comes without the parser of its command line, which a reload needs.
    """
    if conf._args is None or conf._oparser is not None:
        return
    conf._pre_setup(
        conf.project,
        conf.prog,
        conf.version,
        conf.usage,
        None,
        None,
        conf.default_config_files,
        conf.default_config_dirs,
    )
    parser: Any = conf._oparser
    for option, group in conf._all_cli_opts():
        option._add_to_cli(parser, group)


def files_in(directory: str) -> list[str]:
    """What oslo.config reads of a ``--config-dir``, in its order."""
    return sorted(glob.glob(os.path.join(directory, "*.conf")))


def _registered(conf: cfg.ConfigOpts) -> Iterable[Registered]:
    own = {option.dest for option in conf._config_opts}
    for info, group in conf._all_opt_infos():
        option = info["opt"]
        if group is None and option.dest in own:
            continue  # --config-file and --config-dir come by the call
        changes = {key: value for key, value in info.items() if key not in ("opt", "cli")}
        yield Registered(option, group.name if group else None, info["cli"], changes)


def _given(args: Iterable[str]) -> list[tuple[str, str]]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for kind in ("file", "dir"):
        parser.add_argument(
            f"--config-{kind}",
            dest="given",
            action="append",
            default=[],
            type=lambda path, kind=kind: (kind, path),  # type: ignore[misc]
        )
    given: list[tuple[str, str]] = parser.parse_known_args(list(args))[0].given
    return given
