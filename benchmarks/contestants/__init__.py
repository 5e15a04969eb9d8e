"""The programs that are measured, one script a contestant."""
