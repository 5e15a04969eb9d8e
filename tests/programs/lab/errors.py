"""What stops a trial."""


class Unavailable(Exception):
    """Something cannot be had on this machine; the text says what and why."""


class Failed(Exception):
    """The program did not do what the rest of its trial needs; the text says what."""
