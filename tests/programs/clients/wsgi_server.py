"""Serve a WSGI application of the program's on a port of the loopback interface.

Usage: wsgi_server.py PORT MODULE:CALLABLE CONFIGURATION_FILE

The callable gets the arguments of a program and returns the application.
"""

import importlib
import sys
from wsgiref.simple_server import make_server

port, name, configuration_file = sys.argv[1:]
module, _, function = name.partition(":")
sys.argv[1:] = ["--config-file", configuration_file]
application = getattr(importlib.import_module(module), function)()
make_server("127.0.0.1", int(port), application).serve_forever()
