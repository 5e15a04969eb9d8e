"""A part of a service's workers: so many, or so many of a hundred."""

from __future__ import annotations

from cotyledon_core.record import Record


class Share(Record):
    """A count, or a percentage of the wanted number of workers."""

    amount: int
    percent: bool = False

    @classmethod
    def parse(cls, text: int | str) -> Share:
        """From ``3`` or ``25%``.

        :raises ValueError: for anything else, and for more than 100%.
        """
        digits = str(text).strip()
        percent = digits.endswith("%")
        digits = digits.removesuffix("%").strip()
        if not (digits.isascii() and digits.isdigit()) or (percent and int(digits) > 100):
            raise ValueError(f"{text!r} is no count such as 2, and no percentage such as 25%")
        return cls(int(digits), percent)

    def __str__(self) -> str:
        return f"{self.amount}%" if self.percent else str(self.amount)

    def of(self, workers: int) -> int:
        """How many of ``workers`` that is; a percentage is rounded down."""
        return workers * self.amount // 100 if self.percent else self.amount

    def at_least_one_of(self, workers: int) -> int:
        """The same, but that a percentage above 0 is 1 at least."""
        return max(self.of(workers), 1 if self.percent and self.amount else 0)

    def rounded_up_of(self, workers: int) -> int:
        """The same, but that a percentage is rounded up."""
        return -(-workers * self.amount // 100) if self.percent else self.amount
