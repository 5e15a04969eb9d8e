"""The client for asyncio, with a manager that says what it likes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cotyledon_core.control.async_client import AsyncClient
from cotyledon_core.control.errors import ControlError, NoManager

REFUSAL = b'{"id":null,"error":{"code":"not_allowed","text":"uid 7 may do nothing here"}}\n'
TRIES = 200


@contextmanager
def answering(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Have all who connect answered, and let go."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(TRIES)

        def accept() -> None:
            for _ in range(TRIES):
                connection, _ = listening.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield
        thread.join()


def test_who_is_let_go_before_asking_is_told_why(tmp_path: Path) -> None:
    async def main() -> None:
        for _ in range(TRIES):
            async with AsyncClient(tmp_path / "s", 20.0) as client:
                with pytest.raises(ControlError, match="uid 7 may do nothing here"):
                    await client.hello()

    with answering(tmp_path / "s", lambda connection: connection.sendall(REFUSAL)):
        asyncio.run(main())


def test_who_is_let_go_without_a_word_has_no_manager(tmp_path: Path) -> None:
    async def main() -> None:
        for _ in range(TRIES):
            async with AsyncClient(tmp_path / "s", 20.0) as client:
                with pytest.raises(NoManager):
                    await client.hello()

    with answering(tmp_path / "s", lambda connection: None):
        asyncio.run(main())
