"""The tables, as plain data: the writer needs them before, and without, the library that talks to databases.

Kinds of columns: `exact` is a decimal number kept digit for digit (NUMERIC in PostgreSQL, text in SQLite, whose own
numbers are float64 or int64); `time` is ns since 1970 UTC; `flag` is 0 or 1; `json` is canonical JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["text", "exact", "time", "int", "real", "flag", "json"]

PROJECTION: Final = 4
"""Raised whenever the same rows give other tables: what an older program wrote is then projected again."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; every one but those of the key may be NULL (nothing was said)."""

    name: str
    kind: Kind
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table, its meaning and its columns; the first `keys` of them are the primary key, `run` always the first."""

    name: str
    note: str
    columns: tuple[Column, ...]
    keys: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in order."""
        return tuple(column.name for column in self.columns)


def _table(name: str, note: str, key: str, rest: str) -> TableSpec:
    """Columns as "name kind; meaning" lines."""
    keys, others = list(map(_column, key.strip().splitlines())), list(map(_column, rest.strip().splitlines()))
    run = Column("run", "text", "the run's name in the ledger")
    return TableSpec(name, note, (run, *keys, *others), 1 + len(keys))


def _column(line: str) -> Column:
    told, _, note = line.strip().partition("; ")
    name, kind = told.split()
    return Column(name, kind, note)  # type: ignore[arg-type] # written below, checked by a test


_SEQ: Final = "seq int; number of the row on the run's tape, from 0"
_WHERE: Final = "inst int; instrument id\nsymbol text"

_RUNS: Final = _table(
    "runs",
    "one row a run",
    "",
    """name text; its folder's name
    mode text; backtest or paper
    strategy text
    params json
    pairs json
    source text
    source_hash text; SHA-256 of the market's rows, once the run has ended
    synthetic text; the made-up market's name, else empty
    seed int
    cash exact; at the start
    kernel_hash text
    versions json
    command text
    notes json
    rows int; of the market; NULL while the run goes on
    decisions int
    decision_hash text
    state_hash text
    stopped flag; ended by hand""",
)
_PROGRESS: Final = _table(
    "progress",
    "how far a run is projected",
    "",
    """last_seq int; number of the last row that the tables hold; -1 = none
    hash text; SHA-256 of all rows up to it
    projection int; version of the projection""",
)
_INSTRUMENTS: Final = _table(
    "instruments",
    "what the run's instruments are",
    "inst int; instrument id",
    """symbol text
    venue text
    base text
    quote text
    settle text; currency of profit and loss
    tick exact
    lot exact
    contract_size exact
    inverse flag
    min_notional exact""",
)
_PORTFOLIO: Final = _table(
    "portfolio_state",
    "the account, once a minute and at the end",
    _SEQ,
    """time time
    currency text
    cash exact
    equity exact; cash and positions at the mark
    exposure exact; sum of the signed values of all positions
    peak exact; highest equity so far
    drawdown real; fall of the equity from its peak, share
    positions json; sizes by symbol, or symbol (venue), signed, as fills and the end of the data left them""",
)
_ORDERS: Final = _table(
    "orders",
    "one row an order, as it stands after the last row about it",
    "order_id int",
    f"""seq int; of its SUBMIT
    intent int; seq of the intent that it serves
    strategy text
    {_WHERE}
    side int; +1 buy, -1 sell
    type text
    tif text
    price exact; limit; NULL = at the market
    trigger_price exact
    qty exact; size, or the stake of a SuperP position
    filled exact
    value exact; sum of price x size over its fills
    fee exact; negative = rebate
    currency text; of fee
    state text
    reason text; why it was refused or ended early
    cancel_refused text; why the venue refused to cancel it
    submit_time time
    ack_time time; when we learned that it stands
    cancel_time time; when we asked to cancel it
    end_time time
    last_seq int; of the last row about it""",
)
_FILLS: Final = _table(
    "fills",
    "one row an execution",
    _SEQ,
    f"""time time; when we learned of it
    venue_time time; when it happened, in our clock
    order_id int
    intent int
    strategy text
    {_WHERE}
    side int
    price exact
    qty exact
    value exact; price x size
    fee exact
    amount exact; what a SuperP position paid back, before its fee
    currency text; of fee and amount
    maker flag; it rested in the book
    left_qty exact; of the order, still open""",
)
_TRADES: Final = _table(
    "trade_history",
    "one row a setup that has ended",
    _SEQ,
    f"""time time
    intent int
    strategy text
    {_WHERE}
    side int
    traded flag; 0 = its entry was never filled
    entry_time time
    exit_time time
    entry_price exact; average
    exit_price exact; average
    qty exact
    gross exact
    fees exact
    funding exact; received
    pnl exact; gross - fees + funding
    currency text
    reason text
    superp flag
    leverage real
    confidence real
    confidence_raw real
    mae real; worst excursion, share of the entry price
    mfe real; best excursion, share of the entry price""",
)
_DECISIONS: Final = _table(
    "trade_decisions",
    "one row an intent with figures: what was wished, on which figures, and what became of it",
    _SEQ,
    f"""time time
    strategy text
    {_WHERE}
    kind text; setup, target, quotes, legs
    side int
    price exact; the mark when it was decided
    verdict text; approved (an order left), refused, exit (what only closes is not judged), open (nothing yet)
    refusal text; code
    refusal_text text
    gates json; of each gate name, state, number and limit; of a refusal the one that failed
    size_rule text; the rule that bound the size
    first_order int; id of the first order
    figures json; all figures of the intent""",
)
_METRICS: Final = _table(
    "performance_metrics",
    "closed trades by strategy and day; strategy '' = all, day 0 = the whole run so far; quotes make fills, no trades",
    """strategy text
    day time; start of the UTC day""",
    """seq int; of the last row that counts
    trades int
    won int
    gross exact
    fees exact
    funding exact
    pnl exact
    won_pnl exact; sum over winners
    lost_pnl exact; sum over losers
    best exact
    worst exact
    win_rate real
    profit_factor real; won_pnl / -lost_pnl; NULL without a loss
    expectancy real; pnl / trades
    held_ns int; time in trades, summed
    equity exact; the last, with what is open and quoted, of strategy '' only
    max_drawdown real; deepest fall from the peak, share, of strategy '' only""",
)
_SIGNALS: Final = _table(
    "signals",
    "what the strategies answered, counted by minute and reason",
    """minute time; its start
    strategy text
    inst int
    outcome text; pass, intent, refusal
    reason text; of a pass, code of a refusal, side of an intent; quotes = those of a compiled strategy""",
    """symbol text
    count int
    first_seq int; number of the first such row in the minute""",
)
_PRICES: Final = _table(
    "exchange_prices",
    "the prices that the run decided, traded and was funded at, by minute",
    """minute time; its start
    inst int
    source text; mark (at decisions), fill, funding""",
    """symbol text
    open exact
    high exact
    low exact
    close exact
    count int""",
)
_FUNDING: Final = _table(
    "funding",
    "funding that was exchanged",
    _SEQ,
    f"""time time
    venue_time time
    {_WHERE}
    mark exact
    amount exact; received; negative = paid
    currency text""",
)
_PARAMETERS: Final = _table(
    "parameter_changes",
    "parameters that a strategy changed while it ran, and what the desk switched off and on",
    _SEQ,
    """time time
    strategy text; whose it is; desk = of no one strategy
    inst int
    figures json""",
)

TABLES: Final[Mapping[str, TableSpec]] = {
    one.name: one
    for one in (
        _RUNS,
        _PROGRESS,
        _INSTRUMENTS,
        _PORTFOLIO,
        _ORDERS,
        _FILLS,
        _TRADES,
        _DECISIONS,
        _METRICS,
        _SIGNALS,
        _PRICES,
        _FUNDING,
        _PARAMETERS,
    )
}
"""All tables by name, in the order in which they are shown."""
