"""The tests; ``unit`` runs on values, ``functional`` on real processes."""
