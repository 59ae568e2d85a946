"""Faults that really happen: killed processes, stopped servers, full disks, concurrent writers, bad files.

Each module causes one kind of fault a given number of times, and returns counts. ``python -m tests.faults`` causes many
(about half an hour) and prints what the documentation says of them; ``tests/faults/test_faults.py`` makes a few.
"""
