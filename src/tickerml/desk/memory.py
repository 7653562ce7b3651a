"""All that the desk remembers, as record arrays: a snapshot is their bytes, so a restart resets no counter or latch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import DAY, SECOND, Record, Rows

RING: Final = 8  # newest stamps of a pair or coin that are kept: the largest count that a limit may name
STAMPS: Final = 64  # newest messages of the account
COIN_STAMPS: Final = 32  # newest messages of a coin

LATCH: Final = np.dtype(  # one for the account
    [
        ("killed", "i8"),  # 0 = no; else an index into KILLS
        ("killed_at", "i8"),  # ns
        ("losses", "i8"),  # losses in a row, all strategies
        ("day", "i8"),  # UTC day of the count of messages
        ("messages", "i8"),  # sent on that day
        ("quotes", "i8"),  # of a compiled strategy on that day, beside those: its cancels, too
        ("n", "i8"),  # messages of both sent ever: place in `stamps`
        ("stamps", "i8", (STAMPS,)),
    ]
)
FUND: Final = np.dtype(  # one a wallet; money
    [
        ("seen", "i8"),  # 1 once an equity was told
        ("peak", "f8"),
        ("start", "f8"),  # equity at the start of the session
        ("day", "i8"),  # UTC day of `day_start`
        ("day_start", "f8"),
        ("day_state", "i8"),  # 0 open, 1 entries off, 2 everything closed: the worst of this day
        ("paused", "i8"),  # ns until which entries are off
        ("spent", "i8"),  # 1 = the pause of this fall was taken; it is armed again above the threshold
    ]
)
PAIR: Final = np.dtype(  # one for a strategy on an instrument
    [
        ("n", "i8"),  # entries ever: place in `entries`
        ("entries", "i8", (RING,)),  # ns of the newest entries
        ("losses", "i8"),  # in a row
        ("off", "i8"),  # ns since which it is off until a person; 0 = on
        ("stops", "i8", (RING,)),  # ns of the newest stops
        ("n_stops", "i8"),
        ("guarded", "i8"),  # ns until which the stop-loss guard keeps it off
        ("earned", "f8", (RING,)),  # P&L of the newest trades, share of equity
        ("earned_at", "i8", (RING,)),
        ("poor", "i8"),  # ns until which it is off as a low-profit coin
        ("trades", "i8"),  # settled
        ("won", "i8"),
        ("pnl", "f8"),  # sum, money
        ("gain", "f8"),  # sum of net returns of trades won, share of notional
        ("loss", "f8"),  # sum of net returns of trades lost, positive
    ]
)
COIN: Final = np.dtype(  # one an instrument
    [
        ("ended", "i8"),  # ns when its last trade ended
        ("side", "i8"),  # of its last entry
        ("n_flips", "i8"),
        ("flips", "i8", (RING,)),  # ns of the newest changes of direction
        ("blocked", "i8"),  # ns since which it is blocked until a person; 0 = it is not
        ("n", "i8"),
        ("stamps", "i8", (COIN_STAMPS,)),  # ns of the newest messages
    ]
)


class Memory:
    """The arrays. Whoever runs the desk registers `arrays()` with the run's states."""

    def __init__(self, strategies: int, instruments: int, wallets: int) -> None:
        """Nothing remembered yet."""
        self.latch: Record = np.zeros(1, LATCH)
        self.funds = np.zeros(max(1, wallets), FUND)
        self.pairs = np.zeros((max(1, strategies), max(1, instruments)), PAIR)
        self.coins = np.zeros(max(1, instruments), COIN)
        self.of_latch, self.of_funds = columns(self.latch), columns(self.funds)
        self.of_pairs, self.of_coins = columns(self.pairs), columns(self.coins)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name -> array."""
        return {
            "desk_latch": self.latch,
            "desk_funds": self.funds,
            "desk_pairs": self.pairs,
            "desk_coins": self.coins,
        }

    def of_the_account(self, now: int) -> tuple[int, int, int, int]:
        """What a round looks up once: the kill, losses in a row, messages of the last second and of the day."""
        of = self.of_latch
        today = of["messages"].item(0) if of["day"].item(0) == now // DAY else 0
        sent = within(of["stamps"], of["n"].item(0), now, 1.0, 0)
        return of["killed"].item(0), of["losses"].item(0), sent, today

    def record(self, strategy: int) -> tuple[int, int]:
        """Trades that a strategy won, and all that it settled, on all instruments."""
        of = self.of_pairs
        return sum(of["won"][strategy].tolist()), sum(of["trades"][strategy].tolist())


def columns(table: Rows) -> dict[str, NDArray[Any]]:
    """The fields of a table as arrays over the same memory: one number is read from them in a quarter of the time."""
    return {name: table[name] for name in table.dtype.names or ()}


def rows_of(table: Rows, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """These fields of each record, as plain numbers."""
    return zip(*(table[name].tolist() for name in names), strict=True)


def push(ring: Record, n: int, value: float) -> None:
    """Write `value` over the oldest of a ring that has taken `n` so far."""
    ring[n % len(ring)] = value


def within(rings: Record, n: int, now: int, span: float, *where: int) -> int:
    """How many stamps of the ring at `where`, which took `n`, are younger than `span` seconds at `now`.

    A stamp of zero is none.
    """
    return int(_younger(rings[where], n, max(0, now - round(span * SECOND)))) if n else 0


@kernel
def _younger(ring: NDArray[np.int64], n: int, oldest: int) -> int:
    """They come in the order of time: from the newest back, since most rings hold few that are so young."""
    found = 0
    while found < min(n, len(ring)) and ring[(n - 1 - found) % len(ring)] > oldest:
        found += 1
    return found
