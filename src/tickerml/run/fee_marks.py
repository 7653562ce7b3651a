"""At which marks of volume a run's fees were computed: read off its FILL rows by the fee model's own table."""

from __future__ import annotations

import importlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from tickerml.account.contract import RATE, value
from tickerml.desk.money import Wallets
from tickerml.engine.core import WALLETS
from tickerml.run.models import models_of
from tickerml.run.setup import Setting, dense
from tickerml.sim.orders import DAYS, RULES
from tickerml.tape.block import Block
from tickerml.tape.orders import OrderType
from tickerml.tape.params import params_record
from tickerml.tape.rows import DAY, Kind
from tickerml.tape.tape import Header

_PERCENT: Final = RATE / 100


def fee_marks(setting: Setting, header: Header, blocks: Iterable[Block]) -> str:
    """Each mark with its rates and its executions, in words; nothing where fees do not go by volume.

    A mark is by what was executed in the wallet's currency in the 30 days (UTC) before the day of the execution.
    """
    models = models_of(setting.config)
    module, params = importlib.import_module(models.fees), models.params[2]
    if not getattr(module, "BY_VOLUME", False) or not hasattr(module, "tier_of"):
        return ""
    table = params_record(params)
    found = Counter(int(module.tier_of(table, rule)) for rule in _volumes(setting, header, blocks))
    if not found:
        return ""
    told = (f"from {params.volume[k]:,} on ({_rates(params, k)}) for {_count(n)}" for k, n in sorted(found.items()))
    return f"fees by the volume of the 30 days before: {', '.join(told)}"


def _rates(params: Any, k: int) -> str:
    return f"maker {params.maker[k] / _PERCENT:g} %, taker {params.taker[k] / _PERCENT:g} %"


def _count(count: int) -> str:
    return "1 execution" if count == 1 else f"{count:,} executions"


def _volumes(setting: Setting, header: Header, blocks: Iterable[Block]) -> Iterable[Any]:
    """For each execution the rules' fields that fees by volume look at, as they stood at the venue."""
    instruments = dense(header.instruments)
    wallets = Wallets.of(instruments, WALLETS, spot=setting.terms.spot_wallets)
    traded: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))  # wallet -> day -> money
    rule = np.zeros(1, RULES)[0]
    for block in blocks:
        for row in block.rows[block.rows["kind"] == Kind.FILL]:
            order, inst = block.orders[row["ref"]], int(row["inst"])
            if order["type"] == OrderType.SUPERP:
                continue
            wallet, day = wallets.wallet_of[inst], int(order["at"]) // DAY
            days = traded[wallet]
            rule["volume"] = sum(days.get(one, 0) for one in range(day - DAYS, day))
            rule["one"] = 10 ** wallets.decimals[wallet]
            yield rule
            days[day] += int(value(wallets.contracts[inst], int(row["price"]), int(row["qty"])))
