"""The command ``cotyledon``; one module a sub-command."""
