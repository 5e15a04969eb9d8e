"""The plugins that come along, one a file, joined by entry points like anybody's."""
