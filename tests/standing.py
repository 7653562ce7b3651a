"""What stands at the venue beside what is held, told from a run's rows alone."""

from __future__ import annotations

from collections import defaultdict

from tickerml.tape.orders import OrderType
from tickerml.tape.rows import Kind

STOPS = (int(OrderType.STOP), int(OrderType.STOP_LIMIT))
TOLD = (Kind.SUBMIT, Kind.CANCEL, Kind.ACK, Kind.FILL, Kind.CANCELED, Kind.REJECT)


def calm_moments(made):
    """At the end of each moment at which nothing of ours is on its way: (lots held, lots that stops stand for).

    Of all coins together; a stop that is executed is held no longer in the same row.
    """
    held, mine, on_its_way, known, before = defaultdict(int), {}, set(), set(), 0
    for block in made:
        for row in block.rows:
            kind, inst = int(row["kind"]), int(row["inst"])
            if kind not in TOLD:
                continue
            if row["recv"] != before and not on_its_way:
                yield sum(map(abs, held.values())), sum(mine.values())
            order, before = block.orders[row["ref"]], int(row["recv"])
            one = int(order["id"])
            if kind == Kind.SUBMIT:
                mine[one] = int(order["qty"]) if order["type"] in STOPS else 0
            if kind in (Kind.SUBMIT, Kind.CANCEL):
                on_its_way.add(one)
                continue
            on_its_way.discard(one)
            if kind == Kind.FILL:
                held[inst] += int(row["side"]) * int(row["qty"])
                mine[one] = max(0, mine[one] - int(row["qty"]))
            if kind == Kind.CANCELED or (kind == Kind.REJECT and one not in known):
                mine.pop(one, None)  # an order that is known was not refused: its cancel was
            known.add(one)
