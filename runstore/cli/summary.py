"""The result of an import or a fetch as a person reads it on a terminal; programs get the line of seven numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runstore.amounts import counted

if TYPE_CHECKING:
    from runstore.save.policy import Policy
    from runstore.save.saver import SaveReport


def summary(report: SaveReport, policy: Policy, rejects: Path | None) -> str:
    """Return sentences about an import with this policy; *rejects* is the file of the records that were not stored."""
    records = (
        report.inserted
        + report.updated
        + report.unchanged
        + report.stale
        + report.conflict
        + report.rejected
        + report.skipped
    )
    if not records:
        return "no records found; nothing was archived"
    archived = counted(report.inserted, "run") if report.inserted else "no new runs"
    details = "; ".join(_details(report, policy))
    sentence = f"{archived} archived from {counted(records, 'record')}" + (f": {details}" if details else "")
    if report.complete:
        return sentence
    if report.rejected + report.conflict == 1:
        this, was, it = "this record", "was", "it"
    else:
        this, was, it = "these records", "were", "them"
    if rejects is not None:
        return f"{sentence}. {this.capitalize()} {was} written to {rejects}; correct {it} and import that file."
    return f"{sentence}. Import again with --rejects FILE to write {this} to FILE; correct {it} and import FILE."


def fetched(report: SaveReport, threads: int, rejects: Path | None) -> str:
    """Return sentences about a fetch of this number of threads; *rejects* is the file of what was not stored."""
    archived = counted(report.inserted, "run") if report.inserted else "no new runs"
    details = "; ".join(_details(report, "newest"))
    sentence = f"{archived} archived from {counted(threads, 'thread')}" + (f": {details}" if details else "")
    if report.complete:
        return sentence
    if rejects is not None:
        return f"{sentence}. What was not stored was written to {rejects}."
    return f"{sentence}. Fetch again with --rejects FILE to write what was not stored to FILE."


def _details(report: SaveReport, policy: Policy) -> list[str]:
    """Return what happened to the records that are not new runs."""
    newer, older = ("newer ", "older ") if policy == "newest" else ("", "")
    snapshots = []
    if report.updated:
        stored = "the stored one" if report.updated == 1 else "stored ones"
        snapshots.append(f"{counted(report.updated, f'{newer}snapshot')} replaced {stored}")
    if report.stale:
        kept = "is kept" if report.stale == 1 else "are kept"  # also if the history had it before
        snapshots.append(f"{counted(report.stale, f'{older}snapshot')} {kept} in history")
    details = [" and ".join(snapshots)] if snapshots else []
    if report.unchanged:
        details.append(f"{_records_were(report.unchanged)} already archived")
    if report.skipped:
        not_runs = "not a run" if report.skipped == 1 else "not runs"
        details.append(f"{_records_were(report.skipped)} {not_runs} ({_kinds(report)})")
    if report.rejected:
        details.append(f"{_records_were(report.rejected)} rejected")
    if report.conflict:
        conflict = "conflicts with an archived run" if report.conflict == 1 else "conflict with archived runs"
        details.append(f"{counted(report.conflict, 'record')} {conflict}")
    return details


def _records_were(number: int) -> str:
    return f"{counted(number, 'record')} {'was' if number == 1 else 'were'}"


def _kinds(report: SaveReport) -> str:
    """Return the kinds of skipped records, the most frequent first, with their numbers if there are several."""
    if len(report.skipped_kinds) == 1:
        return next(iter(report.skipped_kinds))
    kinds = sorted(report.skipped_kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    return ", ".join(f"{number} {kind}" for kind, number in kinds)
