"""The metrics that the application's workers keep, in Prometheus' multiprocess mode.

In that mode each process writes its metrics to files of its own, one for each kind, in a
directory that all know from ``PROMETHEUS_MULTIPROC_DIR``
(https://prometheus.github.io/client_python/multiprocess/). What a process has counted stays when
it is gone, and so do its files: one set for each worker there ever was. Here they are folded: the
files of a kind whose processes are gone become one.

A fold can be killed at any moment, and nothing is lost or counted twice:

1. The sum of what is folded is written to ``counter_folded-8.tmp``, and the names of what it
   is the sum of (files of processes, and ``counter_folded-7.db``) to ``counter_folded-8.sources``.
2. The first is renamed to ``counter_folded-8.db``. From then on it counts, and not its sources.
3. Sources are removed, the list at last.

Whoever comes next finishes 3 where it finds both the list and its sum, and removes what it finds
of 1. A lock keeps those apart that fold or read. The application may have the files read by a
``MultiProcessCollector`` of its own; it takes no lock, and can see step 3 half done.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from prometheus_client.core import Metric

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
LOCK = "fold.lock"
_FILE = re.compile(
    r"(?P<kind>counter|histogram|summary|gauge_[a-z]+)_(?:folded-(?P<number>\d+)|(?P<owner>[^/\n]+))"
    r"\.(?P<suffix>db|tmp|sources)"
)
_PER_PROCESS = re.compile(r"gauge_(live.*|all)")
"""Kinds that say something of a process only while it lives."""

LOG = logging.getLogger(__name__)

Sample = tuple[float, float]
"""Value, and when it was set in seconds since the epoch, where that counts."""


class _File(NamedTuple):
    """A file of the directory, by its name."""

    name: str
    kind: str
    owner: str
    """The process's id, or what the application uses instead; empty if it was folded."""
    number: int
    """Of those that were folded, which."""
    suffix: str

    @classmethod
    def of(cls, name: str) -> _File | None:
        """None if it is none of Prometheus' or ours."""
        match = _FILE.fullmatch(name)
        if match is None:
            return None
        kind, number, owner, suffix = match.group("kind", "number", "owner", "suffix")
        if number is None and suffix != "db":
            return None
        return cls(name, kind, owner or "", int(number or 0), suffix)

    @property
    def of_one_process(self) -> bool:
        return _PER_PROCESS.fullmatch(self.kind) is not None


class ApplicationMetrics:
    """See the module's description.

    Files with the names of others are left alone.

    :param directory: of this manager alone.
    :param alive: whether there is a process with this id.
    """

    def __init__(self, directory: str, alive: Callable[[int], bool] | None = None) -> None:
        self._directory = directory
        self._alive = alive or _is_alive
        self._broken: set[str] = set()
        """Files of which that was told."""

    def prepare(self) -> dict[str, str]:
        """Make the directory, without what an earlier manager's workers have left there.

        What the manager's process itself has counted already stays.

        :returns: what workers need in their environment.
        :raises OSError: if it cannot be had.
        """
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        with self._locked():
            for file in self._files():
                if not (_is_imported() and file.owner == str(os.getpid())):
                    self._remove(file.name)
        if _is_imported() and not _is_multiprocess():
            LOG.warning(
                "prometheus_client was imported before %s was set, so workers that were forked "
                "show no metrics; have it in the environment that the manager is started in",
                VARIABLE,
            )
        return {VARIABLE: self._directory}

    def fold(self) -> None:
        """Make one file, for each kind, of those whose processes are gone.

        :raises OSError: if that cannot be done now; nothing is lost.
        """
        with self._locked():
            by_kind = defaultdict(list)
            for file in self._counting():
                if self._is_gone(file):
                    by_kind[file.kind].append(file)
            for kind, gone in by_kind.items():
                if gone[0].of_one_process:
                    for file in gone:
                        self._remove(file.name)
                else:
                    self._fold(kind, gone)

    def collect(self) -> list[Metric]:
        """For a registry of ``prometheus_client``; as if all were folded.

        :raises OSError: if the directory cannot be read.
        """
        with self._locked():
            return self._metrics_of(
                self._path(file.name)
                for file in self._counting()
                if not (file.of_one_process and self._is_gone(file)) and self._size(file)
            )

    # -- folding

    def _fold(self, kind: str, gone: list[_File]) -> None:
        before = [file for file in self._counting() if file.kind == kind and not file.owner]
        number = max((file.number for file in before), default=0) + 1
        new = f"{kind}_folded-{number}"
        sources = [*before, *gone]
        self._write(f"{new}.tmp", _merged(kind, self._samples_of(sources)))
        with open(self._path(f"{new}.sources"), "w", encoding="utf-8") as file:
            file.write("\n".join(source.name for source in sources))
        if not all(map(self._is_gone, gone)):
            # another process has got the id, and goes on with the file; another time
            self._recover()
            return
        os.rename(self._path(f"{new}.tmp"), self._path(f"{new}.db"))
        self._recover()

    def _recover(self) -> None:
        """Bring to an end what a fold has begun."""
        names = {file.name for file in self._files()}
        for name in names:
            if name.endswith(".tmp"):
                self._remove(name)
            elif name.endswith(".sources"):
                if name.removesuffix("sources") + "db" in names:
                    for source in self._listed(name):
                        self._remove(source.name)
                self._remove(name)

    def _listed(self, name: str) -> list[_File]:
        with open(self._path(name), encoding="utf-8") as file:
            return [found for found in map(_File.of, file.read().splitlines()) if found]

    def _write(self, name: str, samples: Mapping[str, Sample]) -> None:
        from prometheus_client import mmap_dict

        written: Any = _untyped(mmap_dict).MmapedDict(self._path(name))
        try:
            for key, (value, timestamp) in samples.items():
                written.write_value(key, value, timestamp)
        finally:
            written.close()

    # -- reading

    def _samples_of(self, files: Iterable[_File]) -> Iterator[tuple[str, Sample]]:
        from prometheus_client import mmap_dict

        read = _untyped(mmap_dict).MmapedDict.read_all_values_from_file
        for path in (self._path(file.name) for file in files if self._size(file)):
            try:
                samples = list(read(path))
            except Exception as error:
                self._tell_broken(path, error)
                continue
            for key, value, timestamp, _ in samples:
                yield key, (value, timestamp)

    def _metrics_of(self, paths: Iterable[str]) -> list[Metric]:
        from prometheus_client import multiprocess

        merge = _untyped(multiprocess).MultiProcessCollector.merge
        paths = list(paths)
        try:
            return list(merge(paths))
        except Exception:
            # one of them is broken
            return list(merge([path for path in paths if self._can_be_read(path, merge)]))

    def _can_be_read(self, path: str, merge: Callable[[list[str]], object]) -> bool:
        try:
            merge([path])
        except Exception as error:
            self._tell_broken(path, error)
            return False
        return True

    def _tell_broken(self, path: str, error: Exception) -> None:
        if path not in self._broken:
            self._broken.add(path)
            LOG.warning("%s is no file of metrics, and does not count: %r", path, error)

    # -- the directory

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _files(self) -> list[_File]:
        names = sorted(os.listdir(self._directory))
        return [file for file in map(_File.of, names) if file is not None]

    def _counting(self) -> list[_File]:
        return [file for file in self._files() if file.suffix == "db"]

    def _size(self, file: _File) -> int:
        """0 where its process has just made it, or was killed then."""
        try:
            return os.path.getsize(self._path(file.name))
        except FileNotFoundError:
            return 0

    def _is_gone(self, file: _File) -> bool:
        return file.owner.isdecimal() and not self._alive(int(file.owner))

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """While nobody else folds or reads, and with nothing half done."""
        with open(self._path(LOCK), "a") as file:  # noqa: SIM117
            with _lock_of(file.fileno()):
                self._recover()
                yield


def _merged(kind: str, samples: Iterable[tuple[str, Sample]]) -> dict[str, Sample]:
    """By the rule that ``prometheus_client`` has for files of this kind."""
    merge = _RULES.get(kind, _sum)
    merged: dict[str, Sample] = {}
    for key, sample in samples:
        merged[key] = merge(merged[key], sample) if key in merged else sample
    return merged


def _sum(one: Sample, other: Sample) -> Sample:
    return one[0] + other[0], 0.0


def _least(one: Sample, other: Sample) -> Sample:
    return min(one, other, key=itemgetter(0))


def _most(one: Sample, other: Sample) -> Sample:
    return max(one, other, key=itemgetter(0))


def _latest(one: Sample, other: Sample) -> Sample:
    return max(one, other, key=itemgetter(1))


_RULES = {"gauge_min": _least, "gauge_max": _most, "gauge_mostrecent": _latest}


@contextlib.contextmanager
def _lock_of(descriptor: int) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # one process does it all there
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_alive(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))


def _is_imported() -> bool:
    return "prometheus_client.values" in sys.modules


def _is_multiprocess() -> bool:
    """Whether the package is in multiprocess mode; it decides that when it is imported."""
    from prometheus_client import values

    return bool(_untyped(values).ValueClass._multiprocess)


def _untyped(module: Any) -> Any:
    """A part of ``prometheus_client`` that has no types."""
    return module
