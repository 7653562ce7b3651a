"""What past trades and balances forbid: loss ladder, streaks, guards, rates, the kill latch. Folds over record arrays.

A latch that waits for a person is lifted by `resume` in a live session. A simulation has no person: there one is
assumed to come `limits.operator_s` after it fell, and lifts it (a change that says so). What killed the session is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tickerml.desk.limits import Limits
from tickerml.desk.losses import DAY_CLOSED, DAY_OFF, KILLED, KILLS, OPERATOR, PAUSED, on_equity, steps_of
from tickerml.desk.memory import Memory, push, within
from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import DAY, SECOND, Record


@dataclass(frozen=True, slots=True)
class Change:
    """A latch, pause, regime or list has changed: a DESK row, and what the engine has to do at once."""

    what: str  # "killed", "resumed", "paused", "day off", "day closed", "strategy off", "coin blocked", ...
    figures: dict[str, Any] = field(default_factory=dict)
    act: Literal["", "withdraw", "close"] = ""  # withdraw all entry orders; close all positions as well


class Protections:
    """Folds what happened into the desk's memory; the checks read it from there."""

    def __init__(self, limits: Limits, memory: Memory, *, live: bool = False) -> None:
        """`live`: latches wait for a person, without end."""
        self.limits, self.memory, self.live = limits, memory, live
        self.steps = steps_of(limits)

    def on_balance(self, now: int, wallet: int, equity: float) -> list[Change]:
        """An equity of a wallet, money: session, day and drawdown against it."""
        fund, latch = self.memory.funds[wallet], self.memory.latch[0]
        return self.told(on_equity(fund, latch, self.steps[0], now, float(equity)), wallet, equity)

    def told(self, bits: int, wallet: int, equity: float) -> list[Change]:
        """What an equity of a wallet has changed (bits of desk/losses.py), in words."""
        if not bits:
            return []
        fund, latch, told = self.memory.funds[wallet], self.memory.latch[0], []
        start, peak, first = float(fund["start"]), float(fund["peak"]), float(fund["day_start"])
        day = {"wallet": wallet, "lost": (first - equity) / first if first > 0 else 1.0}
        session = {"wallet": wallet, "equity": equity, "start": start, "peak": peak}
        if bits & DAY_CLOSED:
            told.append(Change("day closed", day, "close"))
        if bits & DAY_OFF:
            told.append(Change("day off", day, "withdraw"))
        if bits & KILLED:
            told.append(Change("killed", {"by": KILLS[int(latch["killed"])], **session}, "withdraw"))
        if bits & PAUSED:
            told.append(Change("paused", {**session, "until": int(fund["paused"])}, "withdraw"))
        return told

    def on_settled(
        self, now: int, strategy: int, inst: int, *, pnl: float, notional: float, equity: float, stopped: bool
    ) -> list[Change]:
        """A trade has ended: its P&L after costs, its notional (SuperP: stake) and the equity, money."""
        pair, coin, latch = self.memory.pairs[strategy, inst], self.memory.coins[inst], self.memory.latch[0]
        coin["ended"] = now
        _perform(pair, pnl, notional)
        lost = pnl < 0
        pair["losses"] = pair["losses"] + 1 if lost else 0
        latch["losses"] = latch["losses"] + 1 if lost else 0
        told = []
        if stopped:
            push(pair["stops"], int(pair["n_stops"]), now)
            pair["n_stops"] += 1
            told += self._guard(pair, now, strategy, inst)
        at = int(pair["trades"]) - 1
        push(pair["earned"], at, pnl / equity if equity > 0 else -1.0)
        push(pair["earned_at"], at, now)
        told += self._poor(pair, now, strategy, inst)
        if pair["losses"] >= self.limits.losses_off and not pair["off"]:
            pair["off"] = now
            told.append(Change("strategy off", {"strategy": strategy, "inst": inst, "losses": int(pair["losses"])}))
        return told

    def on_entry(self, now: int, strategy: int, inst: int, side: int) -> list[Change]:
        """A setup was approved: it counts as one entry, and may be a change of direction."""
        pairs, coins = self.memory.of_pairs, self.memory.of_coins
        entries = pairs["n"].item(strategy, inst)
        push(pairs["entries"][strategy, inst], entries, now)
        pairs["n"][strategy, inst] = entries + 1
        flipped = coins["side"].item(inst) == -side
        coins["side"][inst] = side
        if not flipped:
            return []
        n, ring = coins["n_flips"].item(inst) + 1, coins["flips"][inst]
        push(ring, n - 1, now)
        coins["n_flips"][inst] = n
        flips = within(ring, n, now, self.limits.flips_s)
        if flips < self.limits.flips or coins["blocked"].item(inst):
            return []
        coins["blocked"][inst] = now
        return [Change("coin blocked", {"inst": inst, "flips": flips})]

    def kill(self, now: int, reason: str, *, close: bool = False) -> list[Change]:
        """Stop: entries off and withdrawn until `resume`; with `close` what is held is closed as well, at once."""
        latch, figures = self.memory.latch[0], {"by": KILLS[OPERATOR], "reason": reason}
        told = [] if latch["killed"] else [Change("killed", figures, "withdraw")]
        if told:
            latch["killed"], latch["killed_at"] = OPERATOR, now
        return [*told, Change("closed", figures, "close")] if close else told

    def resume(self, now: int, reason: str) -> list[Change]:
        """A person lifts every latch and says why. ConfigError `resume` without a reason.

        Session and drawdown are measured from the next equity on; what was lost today stays lost today.
        """
        if not reason.strip():
            raise ConfigError("resume", "resuming needs a reason", means="the desk stays as it is")
        memory, latch = self.memory, self.memory.latch[0]
        lifted = {
            "kill": KILLS[int(latch["killed"])],
            "strategies": int((memory.pairs["off"] != 0).sum()),
            "coins": int((memory.coins["blocked"] != 0).sum()),
        }
        latch["killed"] = latch["losses"] = 0
        memory.pairs["off"] = memory.pairs["losses"] = memory.coins["blocked"] = memory.coins["n_flips"] = 0
        memory.coins["flips"] = 0
        memory.funds["seen"] = memory.funds["paused"] = memory.funds["spent"] = 0
        return [Change("resumed", {"reason": reason, "at": now, **lifted})]

    def operator(self, now: int, strategy: int, inst: int) -> list[Change]:
        """In simulation: the assumed person has come, and lifts what keeps this strategy and coin off."""
        pairs, coins, told = self.memory.of_pairs, self.memory.of_coins, []
        if self._over(pairs["off"].item(strategy, inst), now):
            pairs["off"][strategy, inst] = pairs["losses"][strategy, inst] = 0
            told.append(Change("strategy on", {"strategy": strategy, "inst": inst, "by": "assumed operator"}))
        if self._over(coins["blocked"].item(inst), now):
            coins["blocked"][inst], coins["flips"][inst] = 0, 0
            told.append(Change("coin free", {"inst": inst, "by": "assumed operator"}))
        return told

    def _over(self, since: int, now: int) -> bool:
        wait = self.limits.operator_s
        return bool(since and not self.live and wait > 0 and now - since >= round(wait * SECOND))

    def _guard(self, pair: Record, now: int, strategy: int, inst: int) -> list[Change]:
        span = self.limits.stop_guard_s
        if within(pair["stops"], int(pair["n_stops"]), now, span) < self.limits.stop_guard:
            return []
        pair["guarded"] = now + round(span * SECOND)
        return [Change("stop-loss guard", {"strategy": strategy, "inst": inst, "until": int(pair["guarded"])})]

    def _poor(self, pair: Record, now: int, strategy: int, inst: int) -> list[Change]:
        wanted, trades = self.limits.low_profit_trades, int(pair["trades"])
        if trades < wanted:
            return []
        places = [k % len(pair["earned"]) for k in range(trades - wanted, trades)]
        earned = sum(float(pair["earned"][k]) for k in places)
        oldest = int(pair["earned_at"][places[0]])
        if now - oldest > DAY or earned > -self.limits.low_profit_loss:
            return []
        pair["poor"] = now + round(self.limits.low_profit_s * SECOND)
        figures = {"strategy": strategy, "inst": inst, "earned": earned, "until": int(pair["poor"])}
        return [Change("low-profit coin", figures)]


def _perform(pair: Record, pnl: float, notional: float) -> None:
    """Performance per strategy and coin."""
    net = pnl / notional if notional > 0 else 0.0
    pair["trades"] += 1
    pair["pnl"] += pnl
    if pnl > 0:
        pair["won"] += 1
        pair["gain"] += net
    else:
        pair["loss"] -= net
