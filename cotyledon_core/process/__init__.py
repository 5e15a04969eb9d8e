"""The operating system, thin: no decisions are made here."""
