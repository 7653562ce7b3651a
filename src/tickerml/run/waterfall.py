"""The edge waterfall: the same tape again with each cost switched on in turn; what a layer took is a difference."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tickerml.engine.machine import Machine, drive
from tickerml.run.drive import Job
from tickerml.run.setup import Setting, build

LAYERS = ("at mid", "spread", "fees", "latency", "queue", "rejects")


def waterfall(job: Job) -> list[tuple[str, str | None]]:
    """(layer, money) from P&L at mid to net; a layer that cannot be run on this tape is None."""
    settings = _settings(job.setting, rests=True)
    nets = [_net(job, one) for one in settings]
    layers: list[tuple[str, str | None]] = [(LAYERS[0], format(nets[0], "f"))]
    for name, before, after in zip(LAYERS[1:], nets, nets[1:], strict=False):
        layers.append((name, format(after - before, "f")))
    return layers


def _settings(setting: Setting, *, rests: bool) -> list[Setting]:
    """From no cost at all to the run's own setting, one cost at a time."""
    full, config = setting.terms, setting.config
    quick = replace(config.latency, model="constant", entry_ms=0.0, cancel_ms=0.0, response_ms=0.0, params={})
    front = replace(config.queue, model="front", params={})
    free = replace(config, latency=quick, queue=front, fees=replace(config.fees, maker=0.0, taker=0.0))
    terms = replace(
        full, at_mid=True, maker=0.0, taker=0.0, superp_cost=0.0, slippage=0.0, slippage_range=0.0, check_balance=False
    )
    spread = replace(terms, at_mid=False, slippage=full.slippage, slippage_range=full.slippage_range)
    fees = replace(spread, maker=full.maker, taker=full.taker, superp_cost=full.superp_cost)
    charged = replace(free, fees=config.fees)
    late = replace(charged, latency=config.latency)
    steps = [(free, terms), (free, spread), (charged, fees), (late, fees), (config, fees), (config, full)]
    return [replace(setting, config=one, terms=two) for one, two in steps]


def _net(job: Job, setting: Setting) -> Decimal:
    machine: Machine = build([job.chosen], job.tape.header, setting, lambda block: None)
    drive(machine, job.tape.blocks())
    books = machine.trader.books
    return books.wallets.amount(books.purse, books.equity(books.purse)) - setting.cash
