"""How a ConfigOpts came about, so that another can be read in the same way.

A reload must not touch what runs until the new configuration is known to be
good, and our options must not get into the way of an application's. So we never
work on the application's object: we take down what it was called with and what
was registered in it, and read the same files into an object of our own. The
private names of oslo.config that this needs are used in this module only.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import glob
import logging
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from oslo_config import cfg

from cotyledon_core.exceptions import ConfigurationError, WorkerStartError

LOG = logging.getLogger(__name__)


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

    def read(self, conf: cfg.ConfigOpts | None = None) -> cfg.ConfigOpts:
        """A fresh reading.

        :param conf: the ConfigOpts that reads; a new one unless given.
        :raises ConfigurationError: if oslo.config refuses the files.
        """
        conf = cfg.ConfigOpts() if conf is None else conf
        self._register(conf)
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

    def restore(self, conf: cfg.ConfigOpts, exported: bytes | None) -> cfg.ConfigOpts:
        """Make a ConfigOpts as the original is, in another process.

        :param exported: what the original had read; None reads the files as they are.
        """
        if exported is None:
            return self.read(conf)
        conf.clear()
        self._register(conf)
        setup = (list(self.default_files), list(self.default_dirs))
        conf._setup(self.project, self.prog, None, None, *setup, self.use_env)
        conf._args = list(self.args)
        revive(conf)
        Contents.imported(exported, conf).put_into(conf)
        return conf

    def pickled(self) -> bytes:
        """
        :raises WorkerStartError: with the first option that cannot be pickled.
        """
        try:
            return pickle.dumps(self)
        except Exception as error:
            for registered in self.registered:
                _check_picklable(registered)
            raise WorkerStartError(f"the ConfigOpts cannot be pickled: {error}") from error

    def _register(self, conf: cfg.ConfigOpts) -> None:
        for option, group, cli, changes in self.registered:
            with contextlib.suppress(cfg.DuplicateOptError):  # the process has registered its own
                conf.register_opt(option, group, cli=cli)
            conf._get_opt_info(option.dest, group).update(changes)  # type: ignore[typeddict-item]

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

    def arguments(self) -> list[str]:
        """The command line that names all of them, from anywhere."""
        return [f"--config-{kind}={path}" for kind, path in self.places()]


class Contents(NamedTuple):
    """What a ConfigOpts has read, apart from what is registered in it."""

    namespace: Any
    mutable: Any
    """What mutable options have, if that differs."""
    drivers: Any
    """What ``config_source`` opened."""

    @classmethod
    def of(cls, conf: cfg.ConfigOpts) -> Contents:
        return cls(conf._namespace, conf._mutable_ns, conf._sources)

    def put_into(self, conf: cfg.ConfigOpts) -> None:
        """Let ``conf`` have these values; its options and overrides stay."""
        conf._namespace = _of(self.namespace, conf)
        conf._mutable_ns = _of(self.mutable, conf)
        conf._sources = self.drivers
        # last, so that a thread that reads meanwhile leaves nothing old in them
        for cache in ("cache", "drivers_cache"):
            getattr(conf, f"_ConfigOpts__{cache}").clear()

    def files(self) -> list[Mapping[str, Mapping[str, list[str]]]]:
        """Of each file, in the order of reading: sections, their keys, and all values of each."""
        return list(reversed(self.namespace._parsed))

    def exported(self) -> bytes | None:
        """For another process; None if a value cannot be pickled."""
        try:
            return pickle.dumps([_without_conf(each) for each in (self.namespace, self.mutable)])
        except Exception:  # of a command line option's own type
            return None

    @classmethod
    def imported(cls, content: bytes, conf: cfg.ConfigOpts) -> Contents:
        """What :meth:`exported` gave, for ``conf``."""
        namespace, mutable = (_with_conf(state, conf) for state in pickle.loads(content))
        return cls(namespace, mutable, drivers=[])


class SharedConf:
    """The ConfigOpts for services that want it: one object, updated in place.

    A forked worker inherits it. In a spawned worker another one is made in the
    same way, with the same values.

    :param conf: the application's own object.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    @property
    def origin(self) -> Origin:
        """Where to read it again, as the application has it now."""
        return Origin.of(self._conf)

    @property
    def is_application_s(self) -> bool:
        """Whether others can read it: it is the global one, or has options of theirs."""
        return self._conf is cfg.CONF or bool(self.origin.registered)

    @property
    def reads_environment(self) -> bool:
        """Whether it has been called, and looks into the environment."""
        return self._conf._args is not None and self._conf._use_env

    def sections(self) -> set[str]:
        """The sections of all files that it has read last, none if it was not called."""
        contents = Contents.of(self._conf)
        namespace = contents.mutable or contents.namespace
        return set() if namespace is None else {name for file in namespace._parsed for name in file}

    def get(self) -> cfg.ConfigOpts:
        """The one object."""
        return self._conf

    def take_over(self, fresh: cfg.ConfigOpts) -> Callable[[], None]:
        """Give the object the values of a fresh reading, and tell its mutate hooks.

        :returns: what undoes it; the hooks are told again then.
        """
        before = Contents.of(self._conf)
        self._put(Contents.of(fresh))
        return partial(self._put, before)

    def mutate(self, fresh: cfg.ConfigOpts) -> None:
        """The same for mutable options only."""
        before = Contents.of(self._conf)
        self._put(before._replace(mutable=Contents.of(fresh).namespace))

    def _put(self, contents: Contents) -> None:
        before = Contents.of(self._conf)
        contents.put_into(self._conf)
        changes = self._conf._diff_ns(
            before.mutable or before.namespace, contents.mutable or contents.namespace
        )
        for hook in list(self._conf._mutate_hooks):
            try:
                hook(self._conf, changes)
            except BaseException:
                LOG.exception("a mutate hook failed; the values are taken over all the same")

    def __reduce__(self) -> tuple[Any, ...]:
        contents = Contents.of(self._conf)
        exported = None if contents.drivers else contents.exported()
        return _shared_from, (self.origin.pickled(), exported, self._conf is cfg.CONF)


def _shared_from(origin: bytes, exported: bytes | None, is_global: bool) -> SharedConf:
    conf = cfg.CONF if is_global else cfg.ConfigOpts()
    return SharedConf(pickle.loads(origin).restore(conf, exported))


def _of(namespace: Any, conf: cfg.ConfigOpts) -> Any:
    if namespace is None:
        return None
    moved = copy.copy(namespace)
    moved._conf = conf
    return moved


def _with_conf(state: Mapping[str, Any] | None, conf: cfg.ConfigOpts) -> Any:
    if state is None:
        return None
    namespace = cfg._Namespace(conf)
    vars(namespace).update(state)
    return namespace


def _without_conf(namespace: Any) -> dict[str, Any] | None:
    if namespace is None:
        return None
    return {name: value for name, value in vars(namespace).items() if name != "_conf"}


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


def _check_picklable(registered: Registered) -> None:
    try:
        pickle.dumps(registered)
    except Exception as error:
        raise WorkerStartError(
            f"the option {registered.option.name} of [{registered.group or 'DEFAULT'}] in the "
            f"application's ConfigOpts cannot be pickled ({error}); give it a type and a default "
            "that can, or use the start method fork"
        ) from error


def wrong_values(conf: cfg.ConfigOpts) -> Iterator[tuple[str, cfg.Opt, Exception]]:
    """What files and environment give to registered options, and their types refuse.

    :returns: section, option and error of each.
    """
    for info, group in conf._all_opt_infos():
        option, section = info["opt"], group.name if group else "DEFAULT"
        try:
            conf._get(option.dest, group)
        except (cfg.ConfigFileValueError, cfg.ConfigSourceValueError) as error:
            yield section, option, error
        except Exception:  # a reference to an option that comes later, a wrong default
            continue


def files_in(directory: str) -> list[str]:
    """What oslo.config reads of a ``--config-dir``, in its order."""
    return sorted(glob.glob(os.path.join(directory, "*.conf")))


def _registered(conf: cfg.ConfigOpts) -> Iterable[Registered]:
    by_call = {option.dest for option in conf._config_opts}  # --config-file, --config-dir
    built_in = set(cfg.ConfigOpts()._opts)
    for info, group in conf._all_opt_infos():
        option = info["opt"]
        changes = {key: value for key, value in info.items() if key not in ("opt", "cli")}
        if group is None and option.dest in (by_call if changes else by_call | built_in):
            continue
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
