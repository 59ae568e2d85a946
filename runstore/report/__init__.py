"""Reports: one HTML file that shows what the runs of a period cost, how many failed and how long they took.

>>> from runstore import RunRepository
>>> from runstore import report
>>> with RunRepository.open("runs.db") as runs:
...     page = report.html(runs, status="completed")

The file loads nothing from elsewhere and has no script: it can be sent, opened offline and printed. The
numbers are those of ``stats``, ``rows``, ``prompts`` and ``fingerprint``, read from one state of the archive, and the
same runs and prices give the same bytes.
"""

from runstore.report.document import html

__all__ = ["html"]
