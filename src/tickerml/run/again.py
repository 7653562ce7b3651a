"""A run made again, as it was or with something else: what replay, the waterfall and a comparison share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tickerml.config import from_mapping
from tickerml.engine.machine import Machine
from tickerml.engine.outbox import HELD
from tickerml.run.given import given_again
from tickerml.run.record import header_of
from tickerml.run.setup import Setting, build, terms_of
from tickerml.run.strategies import Chosen, again, kept_params
from tickerml.tape.block import Block, part
from tickerml.tape.tape import Header


@dataclass(frozen=True)
class Variant:
    """A run as it was or would have been: its strategies, its settings, and the header of its source."""

    chosen: tuple[Chosen, ...]
    setting: Setting
    header: Header

    def machine(self, sink: Callable[[Block], None] | None = None, held: int = HELD) -> Machine:
        """A fresh machine; the rows that it makes go to `sink`, or nowhere."""
        return build(self.chosen, self.header, self.setting, sink or (lambda block: None), held)


def recorded(manifest: Mapping[str, Any], chosen: Sequence[Chosen] = ()) -> Variant:
    """The run that a manifest tells of, with its own strategies unless others are `chosen`."""
    config = from_mapping(manifest["config"])
    setting = Setting(
        config,
        Decimal(manifest["cash"]),
        manifest["seed"],
        tuple(manifest["pairs"]),
        tuple(manifest["bar_only"]),
        terms_of(config),
    )
    return Variant(tuple(chosen) or chosen_again(manifest), setting, header_of(manifest))


def chosen_again(manifest: Mapping[str, Any]) -> tuple[Chosen, ...]:
    """The strategies of a recorded run."""
    config = from_mapping(manifest["config"])
    return tuple(
        given_again(again(one["source"], one["params"], config), one.get("given") or {})
        for one in manifest["strategies"]
    )


def as_told(chosen: Chosen, params: Mapping[str, Any]) -> Chosen:
    """The strategy with the parameters that the manifest names."""
    known = vars(chosen.strategy)
    other = {name: told for name, told in kept_params(params).items() if name in known and known[name] != told}
    return replace(chosen, strategy=replace(chosen.strategy, **other)) if other else chosen


def upto(blocks: Iterator[Block], rows: int | None) -> Iterator[Block]:
    """The first `rows` rows: a run that was stopped had no more."""
    left = rows
    for block in blocks:
        if left is None or left > len(block):
            left = None if left is None else left - len(block)
            yield block
            continue
        yield block if left == len(block) else part(block, 0, left)
        return
