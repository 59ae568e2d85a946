"""Faults that really happen: killed processes, stopped servers, full disks, concurrent writers, bad files.

Each module causes one kind of fault a given number of times, and returns counts. ``python -m tests.faults`` causes many
(about half an hour) and prints the figures of the documentation; ``tests/faults/test_faults.py`` makes a few.
"""
