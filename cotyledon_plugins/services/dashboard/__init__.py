"""The service ``dashboard``: a web page that shows the manager and steers it.

:mod:`.service` is the service itself, :mod:`.application` answers HTTP, :mod:`.access` judges who
may do what, :mod:`.feed` looks at the manager on behalf of all browsers, and :mod:`.actions` has
the manager do something. The page is in ``static``.
"""
