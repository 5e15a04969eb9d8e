"""Anything that a client may send, found by looking at what the code does with it."""
