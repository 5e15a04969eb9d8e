"""The notifier ``prometheus``: metrics and health of the manager, to be asked for by HTTP.

Its process is the exporter. :mod:`.notifier` keeps the ledger, :mod:`.metrics`
makes metrics of it when somebody asks, :mod:`.processes` looks at the workers'
processes, and :mod:`.server` answers.
"""
