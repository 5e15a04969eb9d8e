"""Test suites of other distributions, run against this one."""
