"""Sphinx settings."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_metadata = configparser.ConfigParser(interpolation=None)
_metadata.read(ROOT / "setup.cfg", encoding="utf-8")

project = "cotyledon-core"
author = _metadata["metadata"]["author"]
release = _metadata["metadata"]["version"]
copyright = author

extensions = [
    "sphinx.ext.autodoc",
    "oslo_config.sphinxext",
    "stevedore.sphinxext",
]
exclude_patterns = ["build", "_build"]

html_theme = "alabaster"
html_theme_options = {"description": "Services in worker processes, kept running"}

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
