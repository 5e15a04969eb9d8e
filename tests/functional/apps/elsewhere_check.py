"""Checks that the platform really lacks what it should, and imports the package."""

import os
import signal

import cotyledon_core as cotyledon

for name in ("fork", "waitid", "register_at_fork"):
    assert not hasattr(os, name)
for name in ("SIGHUP", "SIGCHLD", "SIGALRM"):
    assert not hasattr(signal, name)
for module in ("fcntl", "resource", "pwd"):
    try:
        __import__(module)
    except ImportError:
        continue
    raise AssertionError(module)
for name in cotyledon.__all__:
    getattr(cotyledon, name)
