"""Tests without a database: the run as JSON, sources, mapping, times, formats, messages, the house."""
