"""Rows that are rare at the venue: snapshots, gaps, halts, new fees."""

from __future__ import annotations

from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import apply
from tickerml.tape.rows import Kind, Record

_CLEAR, _GAP, _STATUS, _PARAMS = int(Kind.CLEAR), int(Kind.GAP), int(Kind.STATUS), int(Kind.PARAMS)


@kernel
def on_other(rules: Record, v: Record, b: Record, row: Record) -> None:
    """CLEAR and GAP: what we knew of the book is void. STATUS: trading stops or goes on. PARAMS: the fees change.

    A PARAMS row that changes fees carries the maker's rate in `price` and the taker's in `qty`, in 1e-8; both are 0 in
    one that is about something else. A run that charges no fees at all (both rates 0) stays without. Other kinds do
    nothing.
    """
    if row["kind"] == _STATUS:
        v["halted"] = 1 if row["qty"] == 0 else 0
    elif row["kind"] == _PARAMS:
        charged = rules["maker_rate"] != 0 or rules["taker_rate"] != 0
        if charged and (row["price"] != 0 or row["qty"] != 0):
            rules["maker_rate"] = row["price"]
            rules["taker_rate"] = row["qty"]
    elif row["kind"] == _CLEAR or row["kind"] == _GAP:
        apply(b, row)
        v["n_taken"] = 0
        v["seen_bid"] = -2  # waiting orders look again at the first touch after it
