"""Faults that really happen: killed processes, stopped servers, full disks, concurrent writers, bad files.

Each module causes one kind of fault a given number of times, and returns counts. ``python -m tests.faults`` causes many
(about half an hour) and prints the results as the documentation shows them; ``tests/test_faults.py`` causes a few.
"""
