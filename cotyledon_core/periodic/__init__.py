"""Work that is done at intervals, by futurist's periodics."""
