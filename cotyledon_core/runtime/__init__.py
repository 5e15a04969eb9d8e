"""The imperative shell around the supervisor."""
