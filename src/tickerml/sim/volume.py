"""The volume that fee tiers go by: money executed in a wallet's currency in the 30 days before today (UTC).

A venue sets the tier once a day, so what is executed today counts from tomorrow on. The sum stops at 2^61.
"""

from __future__ import annotations

from typing import Final

from tickerml.account.contract import value
from tickerml.sim.orders import CURRENCIES, DAYS
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import DAY, Record

_MOST: Final = 1 << 61


@kernel
def note(mail: Record, rules: Record, a: Record) -> None:
    """Execution `a` happens: RULES["volume"] is what counts for its fee, and its value counts from tomorrow on."""
    today = a["at"] // DAY
    for day in range(max(mail["day"] + 1, today - DAYS), today + 1):
        for w in range(CURRENCIES):
            mail["traded"][w, day % (DAYS + 1)] = 0
    mail["day"] = max(mail["day"], today)
    wallet = rules["wallet"]
    before = 0
    for day in range(today - DAYS, today):
        before = min(before + mail["traded"][wallet, day % (DAYS + 1)], _MOST)
    rules["volume"] = before
    now = today % (DAYS + 1)
    mail["traded"][wallet, now] = min(mail["traded"][wallet, now] + value(rules, a["price"], a["qty"]), _MOST)
