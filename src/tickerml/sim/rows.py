"""Rows that are rare at the venue: snapshots, gaps, halts."""

from __future__ import annotations

from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import apply
from tickerml.tape.rows import Kind, Record

_CLEAR, _GAP, _STATUS = int(Kind.CLEAR), int(Kind.GAP), int(Kind.STATUS)


@kernel
def on_other(v: Record, b: Record, row: Record) -> None:
    """CLEAR and GAP: what we knew of the book is void. STATUS: trading stops or goes on. Other kinds do nothing."""
    if row["kind"] == _STATUS:
        v["halted"] = 1 if row["qty"] == 0 else 0
    elif row["kind"] == _CLEAR or row["kind"] == _GAP:
        apply(b, row)
        v["n_taken"] = 0
        v["seen_bid"] = -2  # waiting orders look again at the first touch after it
