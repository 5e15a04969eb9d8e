"""The notifier ``systemd``: tells the service manager how far we are, by sd_notify.

:mod:`.notifier` makes messages of events, with the line of :mod:`.status`; :mod:`.times` says
when the watchdog is fed and more time asked for, and :mod:`.sd_notify` sends.
"""
