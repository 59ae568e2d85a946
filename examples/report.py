"""A report on an archive: what the runs cost week by week, as a chart, and why they failed.

    python examples/report.py [ARCHIVE]

ARCHIVE is a database URL or the path of a SQLite file. Without it, the report is about the archive that
RUNSTORE_DATABASE_URL or DATABASE_URL gives, or else about runstore.db.
"""

import sys

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from runstore import RunRepository

BY_WEEK = """
    SELECT created_week, currency, count(*), sum(total_tokens), sum(cost)
    FROM runs WHERE cost IS NOT NULL
    GROUP BY created_week, currency ORDER BY created_week, currency
"""

FAILURES = """
    SELECT model, error_code, count(*), max(created_day)
    FROM runs WHERE status = 'failed'
    GROUP BY model, error_code ORDER BY count(*) DESC, model, error_code
"""


def main() -> None:
    archive = sys.argv[1] if len(sys.argv) > 1 else None
    with RunRepository.open(archive) as runs:
        with runs.sql(BY_WEEK) as answer:
            weeks = list(answer.rows)
        with runs.sql(FAILURES) as answer:
            failures = list(answer.rows)

    costs = Table("week", "runs", "tokens", "cost", "", box=None)
    highest = max((cost for *_, cost in weeks), default=1)
    for week, currency, number, tokens, cost in weeks:
        bar = Bar(float(highest), 0, float(cost), width=30)
        costs.add_row(week, f"{number}", f"{tokens:,}", f"{cost:.4f} {currency}", bar)

    failed = Table("model", "error", "runs", "last on", box=None)
    for model, error, number, day in failures:
        failed.add_row(model, error, f"{number}", day)

    console = Console()
    console.print(costs)
    console.print()
    console.print(failed)


if __name__ == "__main__":
    main()
