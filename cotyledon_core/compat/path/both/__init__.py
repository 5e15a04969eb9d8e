"""What ``cotyledon compat-path`` prints."""
