"""Measures cotyledon_core, Cotyledon 2.2.0 and a bare fork loop, interleaved in one run.

``python -m benchmarks`` from a checkout; ``--help`` lists the options.
"""
