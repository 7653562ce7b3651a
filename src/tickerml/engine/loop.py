"""Drives the compiled loop: hands it rows in any chunks, holds its states, takes the rows that it makes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tickerml.account.position import POSITION
from tickerml.desk.envelope import ENVELOPE
from tickerml.desk.losses import STEPS
from tickerml.desk.memory import COIN, FUND, LATCH
from tickerml.desk.regime import MARKS, REGIME
from tickerml.desk.setups import SETUP
from tickerml.desk.shared import SHARED
from tickerml.desk.working import WORKING
from tickerml.engine.core import CORE, CURSOR, LEFT, NEED_ROWS, TIMERS, TOO_MANY, UNSENT
from tickerml.engine.detectors import ASKED
from tickerml.engine.made import Made
from tickerml.engine.marks import MARK
from tickerml.engine.plan import Plan
from tickerml.engine.purse import PURSE
from tickerml.engine.states import States
from tickerml.engine.venue_setup import VenueSetup
from tickerml.engine.watch import WATCH
from tickerml.engine.wire import module_for
from tickerml.sim.orders import new_mail, new_venues
from tickerml.tape.block import Block, concat, cut
from tickerml.tape.errors import RunError
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import again
from tickerml.tape.ladder import new_ladders
from tickerml.tape.params import instrument_record, params_dtype, params_record
from tickerml.tape.quotes import QUOTES
from tickerml.tape.rows import FOREVER, Rows, empty
from tickerml.tape.venue_time import VenueFeed


class Loop:
    """Two machines over one tape: the venue by its own time, our side by receive time. Chunks never change a byte."""

    def __init__(self, plan: Plan, instruments: Sequence[Instrument], venue: VenueSetup, quoter: Any = None) -> None:
        """Fresh states for all `instruments` (ids 0, 1, ... in order); `quoter`: parameters of a compiled strategy."""
        n = len(instruments)
        self.venue = venue
        self.follow(plan)
        self.states = States()
        keep = self.states.add
        self.core = keep("core", np.zeros(1, CORE))
        self.books = keep("books", new_ladders(n))
        self.marks = keep("marks", np.zeros(n, MARK))
        self.marks["taker"] = venue.rules["taker_rate"]
        self.marks["charged"] = (venue.rules["taker_rate"] != 0) | (venue.rules["maker_rate"] != 0)
        self.mail = keep("mail", new_mail(venue.seed_words))
        keep("rules", venue.rules)  # the tape may change the fees in them
        self.venues = keep("venues", new_venues(n))
        self.venue_books = keep("venue_books", new_ladders(n))
        self.working = keep("working", np.zeros(n, WORKING))
        self.positions = keep("positions", np.zeros(n, POSITION))
        self.envelopes = keep("envelopes", np.zeros(n, ENVELOPE))
        self.shared = keep("account_shared", np.zeros(1, SHARED))
        self.quotes = keep("quotes", np.zeros(n, QUOTES))
        self.purse = keep("purse", np.zeros(1, PURSE))
        alone = [np.zeros(1, one) for one in (FUND, LATCH, STEPS, REGIME, MARKS, SETUP)]  # without a desk
        self.followed: tuple[Rows, ...] = (*alone, np.zeros(n, COIN))
        self.feed = VenueFeed(n, venue.feed_bound)
        keep("clocks", self.feed.clocks)
        self.insts = np.array([instrument_record(i, venue.names) for i in instruments])
        self.columns = {name: (k, field) for name, (k, field) in plan.columns.items()}
        self.outputs = [keep(f"f{k}", np.full(n, np.nan, fold.output())) for k, fold in enumerate(plan.folds)]
        self._fold_args = self._bind_folds(n)
        self.watches = keep("watches", np.zeros(n if plan.watch else 0, WATCH))
        self._fold_args += [self.watches] if plan.watch else []
        self.asked = [keep(f"asked{k}", np.zeros(n, ASKED)) for k in range(len(plan.detectors))]
        for one, asked in zip(plan.detectors, self.asked, strict=True):
            self._fold_args += [_params_array(one.params), np.zeros(1, one.record), asked]
        self._quoter = _params_array(quoter) if quoter is not None else np.zeros(1, "i8")
        self._cursor = np.zeros(1, CURSOR)
        self._block = Block(empty(0))
        self._next: deque[Block] = deque()
        self.made = Made(self.core, n if quoter is not None else 0)
        self._start_core()

    def _bind_folds(self, n: int) -> list[Any]:
        bound: list[Any] = []
        for k, fold in enumerate(self.plan.folds):
            state = self.states.add(f"s{k}", np.zeros(n, fold.module.State))
            bound += [_params_array(fold.params), state, self.outputs[k]]
        return bound

    def _start_core(self) -> None:
        c = self.core[0]
        c["venue_time"] = c["final"] = -FOREVER
        c["deadline"] = FOREVER
        c["next_id"] = 1
        c["large_trade"] = np.inf
        c["least_entry"], c["least_answer"] = self.venue.least_entry, self.venue.least_answer
        c["watermark"] = self.venue.watermark
        c["cash"][: len(self.venue.cash)] = self.venue.cash
        self.mail[0]["cash"][: len(self.venue.cash)] = self.venue.cash

    def follow(self, plan: Plan) -> None:
        """Run the code of this plan from now on."""
        self.plan, self.module = plan, module_for(plan)
        self._again: Callable[[], int] | None = None  # advance over the rows in hand, once it has begun

    def timer(self, owner: int, step: int, offset: int = 0) -> None:
        """Wake strategy `owner` at each multiple of `step` ns (plus `offset`) at which there is news."""
        c = self.core[0]
        k = int(c["n_timers"])
        if k == TIMERS:
            raise ValueError(f"a run has at most {TIMERS} timers")
        c["timer_next"][k], c["timer_step"][k], c["timer_offset"][k] = FOREVER, step, offset
        c["timer_owner"][k] = owner
        c["n_timers"] = k + 1

    def push(self, block: Block) -> None:
        """Take the next rows of the tape. A message may be cut; what is left of earlier rows is kept."""
        if len(block):
            self.feed.push(block)
            self._again = None
            self.hand(block)

    def hand(self, block: Block) -> None:
        """Take rows for our side alone, which is all that research needs; `push` is for a run."""
        block = Block(block.rows, bars=block.bars, values=block.values)  # folds see no other table
        if self._left():  # our side lags behind the venue where no watermark bounds it
            self._next.append(block)
        else:
            if self.core[0]["rows"] == 0:
                self._first_row(int(block.rows["recv"][0]))
            self._take_up(block)
        self.core[0]["final"] = block.rows["recv"][-1] - self.feed.bound

    def _left(self) -> int:
        """Rows of the block in hand that our side has not folded."""
        return int(self._cursor[0]["rows"] - self._cursor[0]["row"])

    def _take_up(self, block: Block) -> None:
        self._block, self._again = block, None
        self._cursor[0]["row"], self._cursor[0]["rows"] = 0, len(block)
        if len(block):
            self.core[0]["rows_time"] = block.rows["recv"][-1]

    @property
    def waiting(self) -> Block:
        """Rows that were pushed and that our side has not folded yet: they wait for the venue."""
        cursor = self._cursor[0]
        return concat([cut(self._block, int(cursor["row"]), int(cursor["rows"])), *self._next])

    @waiting.setter
    def waiting(self, block: Block) -> None:
        """Put these rows in the place of all that wait."""
        self._next.clear()
        self._take_up(block)

    def _first_row(self, time: int) -> None:
        c = self.core[0]
        for k in range(int(c["n_timers"])):
            step, offset = int(c["timer_step"][k]), int(c["timer_offset"][k])
            c["timer_next"][k] = -(-(time - offset) // step) * step + offset

    def end(self) -> None:
        """No more rows will come."""
        self.waiting = self.waiting
        self.core[0]["ended"] = 1
        self.core[0]["final"] = FOREVER

    def advance(self) -> int:
        """Run until Python must act; returns the reason (engine/core.py).

        RunError `requests` when more requests of a compiled strategy are under way than the venue can hold.
        """
        reason = self._advance()
        while reason == NEED_ROWS and self._next and not self._left():
            self._take_up(self._next.popleft())
            reason = self._advance()
        return reason

    def _advance(self) -> int:
        if self._again is not None:
            reason: int = self._again()
        else:
            reason = self._first_advance()
        if reason == UNSENT:
            raise _too_many()
        self.feed.start = self._cursor["venue_row"].item(0)
        return reason

    def _first_advance(self) -> int:
        """The first call with the rows in hand; the next ones hand over the same arrays."""
        self._cursor[0]["venue_row"], self._cursor[0]["venue_rows"] = self.feed.start, self.feed.stop
        args = (
            self.core,
            self._cursor,
            self._block.rows,
            self._block.bars,
            self._block.values,
            self.books,
            self.marks,
            self.insts,
            self.feed.rows,
            self.feed.bars,
            self.feed.values,
            self.mail,
            self.venue.rules,
            self.venues,
            self.venue_books,
            self.venue.queue,
            self.venue.latency,
            self.venue.fees,
            self.working,
            self.positions,
            self.envelopes,
            self.shared,
            self.quotes,
            self.purse,
            *self.followed,
            self.made.rows,
            self.made.orders,
            *self._fold_args,
            self._quoter,
        )
        reason: int = self.module.advance(*args)
        self._again = again(self.module.advance, args)
        return reason

    def leave(self, requests: Rows, latch: Rows, coins: Rows) -> bool:
        """Let requests leave now (desk/requests.py), counted in the desk's memory. False: rows must be taken first.

        RunError `requests` when too many are under way.
        """
        said = self.module.leave(
            self.core, self.mail, self.venue.latency, requests, self.marks, self.venue.rules, latch, coins,
            self.made.rows, self.made.orders,
        )  # fmt: skip
        if said == TOO_MANY:
            raise _too_many()
        return bool(said == LEFT)

    def fold_only(self, upto: int) -> None:
        """Fold rows up to receive time `upto` without a venue: research."""
        c, cursor = self.core[0], self._cursor[0]
        self.module.fold_rows(
            c,
            cursor,
            upto,
            self._block.rows,
            self._block.bars,
            self._block.values,
            self.books,
            self.marks,
            self.insts,
            *self._fold_args,
            self._quoter,
        )

    def spilled(self) -> int:
        """Far levels that found no room in a book: above 0 its depth is not true any more."""
        return int(self.books["spilled"].max() + self.venue_books["spilled"].max())


def _too_many() -> RunError:
    """An error, and no waiting for room: how much there is depends on how far the venue was simulated, so on chunks."""
    return RunError("requests", "more requests are under way to the venue than it can hold")


def _params_array(params: Any) -> Rows:
    record = np.zeros(1, params_dtype(type(params)))
    record[0] = params_record(params)
    return record
