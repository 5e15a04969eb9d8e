"""What a real systemd makes of the manager; see :mod:`tests.systemd.machine`."""
