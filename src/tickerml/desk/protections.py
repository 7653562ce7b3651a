"""What past trades and balances forbid: loss ladder, streaks, guards, rates, the kill latch. Folds over record arrays.

A latch that waits for a person is lifted by `resume` in a live session. A simulation has no person: there one is
assumed to come `limits.operator_s` after it fell, and lifts it (a change that says so). What killed the session is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from tickerml.desk.limits import Limits
from tickerml.desk.losses import DAY_CLOSED, DAY_OFF, KILLED, KILLS, OPERATOR, PAUSED, on_equity_of, steps_of
from tickerml.desk.memory import Memory, push, within
from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import DAY, SECOND


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
        memory = self.memory
        bits = on_equity_of(memory.funds, wallet, memory.latch, self.steps, now, float(equity))
        return self.told(bits, wallet, equity) if bits else []

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
        pairs, latch, pair = self.memory.of_pairs, self.memory.of_latch, (strategy, inst)
        self.memory.of_coins["ended"][inst] = now
        trades = _perform(pairs, pair, pnl, notional)
        losses = pairs["losses"].item(pair) + 1 if pnl < 0 else 0
        pairs["losses"][pair] = losses
        latch["losses"][0] = latch["losses"].item(0) + 1 if pnl < 0 else 0
        told = self._guard(pair, now) if stopped else []
        push(pairs["earned"][pair], trades - 1, pnl / equity if equity > 0 else -1.0)
        push(pairs["earned_at"][pair], trades - 1, now)
        if trades >= self.limits.low_profit_trades:
            told += self._poor(pair, now, trades)
        if losses >= self.limits.losses_off and not pairs["off"].item(pair):
            pairs["off"][pair] = now
            told.append(Change("strategy off", {"strategy": strategy, "inst": inst, "losses": losses}))
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

    def _guard(self, pair: tuple[int, int], now: int) -> list[Change]:
        """One more stop of a strategy on an instrument."""
        (strategy, inst), pairs, span = pair, self.memory.of_pairs, self.limits.stop_guard_s
        stops, n_stops = pairs["stops"][pair], pairs["n_stops"]
        push(stops, n_stops.item(pair), now)
        n_stops[pair] += 1
        if within(stops, n_stops.item(pair), now, span) < self.limits.stop_guard:
            return []
        until = now + round(span * SECOND)
        pairs["guarded"][pair] = until
        return [Change("stop-loss guard", {"strategy": strategy, "inst": inst, "until": until})]

    def _poor(self, pair: tuple[int, int], now: int, trades: int) -> list[Change]:
        """What its newest trades have earned, the last of so many included."""
        (strategy, inst), pairs, rules = pair, self.memory.of_pairs, self.limits
        earned_at, of_trades = pairs["earned_at"][pair], pairs["earned"][pair]
        places = [k % len(of_trades) for k in range(trades - rules.low_profit_trades, trades)]
        earned = sum(of_trades.item(k) for k in places)
        if now - earned_at.item(places[0]) > DAY or earned > -rules.low_profit_loss:
            return []
        until = now + round(rules.low_profit_s * SECOND)
        pairs["poor"][pair] = until
        return [Change("low-profit coin", {"strategy": strategy, "inst": inst, "earned": earned, "until": until})]


def _perform(pairs: dict[str, NDArray[Any]], pair: tuple[int, int], pnl: float, notional: float) -> int:
    """Performance per strategy and coin; returns how many trades it has settled."""
    net = pnl / notional if notional > 0 else 0.0
    trades = pairs["trades"].item(pair) + 1
    pairs["trades"][pair] = trades
    pairs["pnl"][pair] += pnl
    if pnl > 0:
        pairs["won"][pair] += 1
        pairs["gain"][pair] += net
    else:
        pairs["loss"][pair] -= net
    return int(trades)
