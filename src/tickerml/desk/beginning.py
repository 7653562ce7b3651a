"""What a setup is entered with into the table of those under way (desk/setups.py)."""

from __future__ import annotations

import math

from tickerml.desk.approved import Approved
from tickerml.desk.exposure import Worst
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Setup
from tickerml.tape.rows import MAX_TICKS


def more_of(kept: Worst, lots: int, approved: Approved) -> dict[str, int]:
    """What a further entry changes in them: `kept` is what the setup can still come to with `lots` held or open."""
    worst = approved.worst
    return {
        "in_use": kept.margin + worst.margin,
        "notional": kept.notional + worst.notional,
        "risk": kept.risk + worst.risk,
        "lots": lots + sum(o.qty for o in approved.orders),
    }


def fields_of(
    seq: int, owner: int, inst: Instrument, setup: Setup, approved: Approved, now: int, group: int = 0
) -> dict[str, float]:
    """Fields of SETUP for what was approved at `now`, ns; `group` above 0 is shared by the legs of one intent."""
    lots = sum(o.qty for o in approved.orders)
    return {
        "intent": seq,
        "strategy": owner,
        "inst": inst.id,
        "side": setup.side,
        "superp": int(setup.superp),
        "stake": lots if setup.superp else 0,
        "in_use": approved.worst.margin,
        "notional": approved.worst.notional,
        "risk": approved.worst.risk,
        "lots": 0 if setup.superp else lots,
        "leverage": approved.leverage.times,
        "stop": setup.stop or 0.0,
        "target": approved.target or 0.0,
        "horizon": now + setup.horizon_ns,
        "trail": setup.trail or 0.0,
        "zones": int(setup.zones),
        "low": 0 if setup.floor is None else min(MAX_TICKS, math.ceil(setup.floor / float(inst.tick))),
        "high": 0 if setup.ceiling is None else max(1, min(MAX_TICKS, math.floor(setup.ceiling / float(inst.tick)))),
        "group": group,
    }
