"""The note for workers, where it cannot be written."""

from __future__ import annotations

import errno

import pytest

from cotyledon_core.log_levels import EVERY, Note, Order
from cotyledon_core.process.board import Board
from cotyledon_core.process.roll import Roll
from cotyledon_core.runtime.children import Children
from cotyledon_core.runtime.log_levels import LogLevels


def test_a_question_is_forgotten_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The manager does not end for it; the next note is right."""
    board, roll = Board(0), Roll()
    levels = LogLevels(board, {}, Children(roll))

    def refuse(note: bytes) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    try:
        number = levels.ask("x", [], Order(EVERY, EVERY, "x", "DEBUG"))
        with monkeypatch.context() as patch:
            patch.setattr(board, "write_note", refuse)
            levels.forget(number, [])
            with pytest.raises(OSError, match="no memory"):
                levels.ask("y", [])
        other = levels.ask("z", [])
        assert Note.decode(board.read_note()) == Note(
            (Order(EVERY, EVERY, "x", "DEBUG"),), {other: "z"}
        )
    finally:
        board.close()
        roll.close()
