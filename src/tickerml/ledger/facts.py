"""What the tables say of a run as a whole, from its manifest, and the name that it has in a ledger."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tickerml.ledger.schema import TABLES
from tickerml.tape.instruments import Instrument
from tickerml.tape.tape import Header

_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_GIVEN: Final = re.compile(r"[0-9a-f]{6}(-\d+)?")  # a name that is a hash of all that makes the run what it is
_COMPILED: Final = "quoter"  # source of the strategy that quotes past the desk, which gives it no number
_MAKES: Final = ("mode", "strategy", "params", "config", "cash", "seed", "pairs", "kernel_hash", "command")


@dataclass(frozen=True, slots=True)
class Facts:
    """A run in a ledger: its name there, whose rows name no strategy, its row of `runs`, its instruments, and whom its
    desk judges.
    """

    run: str
    strategy: str
    row: tuple[Any, ...]
    instruments: tuple[Instrument, ...]
    deciding: tuple[str, ...] = ()

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Rows of the tables `runs` and `instruments`."""
        return {"runs": [self.row], "instruments": [_instrument(self.run, one) for one in self.instruments]}


def facts_of(manifest: Mapping[str, Any], header: Header) -> Facts:
    """Of a run that goes on, or of one that has ended and whose manifest says so."""
    run = name_of(manifest)
    source = manifest["source"]
    told: dict[str, Any] = {
        "run": run,
        "name": manifest["run"],
        "source": source["title"],
        "source_hash": source.get("content_hash"),
        "synthetic": source.get("synthetic", ""),
        "stopped": int(bool(manifest.get("stopped"))),
        **{name: _json(manifest.get(name)) for name in ("params", "pairs", "versions", "notes")},
    }
    row = tuple(told.get(c.name, manifest.get(c.name)) for c in TABLES["runs"].columns)
    strategies = manifest.get("strategies", ())
    deciding = tuple(str(one["name"]) for one in strategies if one["source"] != _COMPILED)
    quoting = (str(one["name"]) for one in strategies if one["source"] == _COMPILED)  # its rows name nobody
    return Facts(run, next(quoting, str(manifest["strategy"])), row, header.instruments, deciding)


def name_of(manifest: Mapping[str, Any]) -> str:
    """The folder's name where that is the run's hash; where people chose it, a hash of the run behind it.

    Two folders that are both called "test" are two runs, in one ledger as well.
    """
    name = str(manifest["run"])
    if _GIVEN.fullmatch(name):
        return name
    made = {key: manifest.get(key) for key in _MAKES} | {"source": manifest["source"]["title"]}
    made["command"] = str(made["command"]).replace(name, "")
    return f"{name}-{hashlib.sha256(_ENCODER.encode(made)).hexdigest()[:6]}"


def _instrument(run: str, one: Instrument) -> tuple[Any, ...]:
    exact = (format(x, "f") for x in (one.tick, one.lot, one.contract_size))
    names = one.symbol, one.venue, one.base, one.quote, one.settle
    return run, one.id, *names, *exact, int(one.inverse), format(one.min_notional, "f")


def _json(value: Any) -> str:
    return _ENCODER.encode(value).decode()
