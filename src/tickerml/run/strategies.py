"""From a strategy's name, or an object of the user's own, to what the engine needs; from settings to its parameters."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tickerml.config import Config, MlMicrostructure, written_at
from tickerml.desk.settings import MONITORED_WORD, coins_named
from tickerml.engine.asking import broken, home_of
from tickerml.run.own_file import module_of
from tickerml.strategies import quoter
from tickerml.strategies.five_signal import FiveSignal
from tickerml.strategies.psc import Psc, coin_of, no_ton_price
from tickerml.strategies.psc_params import PscParams
from tickerml.tape.errors import ConfigError, InputError, Where
from tickerml.tape.instruments import Instrument

RULES = ("dca", "swing", "channel")  # those of one manager, with 40 / 30 / 30 of its capital
OF_BARS = (*RULES, "five_signal", "ma_cross")  # each is a section of the settings
BUILT_IN = ("psc", *OF_BARS, "quoter")
_DECLARES = {"wake": 'wake = Bars("5m")', "sees": 'sees = ("spread_ticks",)'}  # what a strategy must, and how

_INFINITE = ("inf", "-inf", "nan")  # how a record has such a number (run/record.py)


@dataclass(frozen=True)
class Chosen:
    """A strategy ready to be wired."""

    name: str
    strategy: Any  # an object with decide(view), or parameters of a compiled one
    compiled: str = ""  # module of a compiled strategy
    needs_ton: bool = False
    source: str = ""  # how `again` finds it: a built-in name, file.py:Class, or module:Class of an object
    given: tuple[tuple[str, Any], ...] = ()  # parameters that a command gave it (run/given.py), by name


def usual(config: Config) -> list[str]:
    """What is traded where no strategy is named: those of the manager, else psc, else, where it is off, the rules."""
    return [*config.manager.strategies] or (["psc"] if config.ml_microstructure.enabled else [*RULES])


def choose_all(strategy: str | object | Sequence[str | object], config: Config) -> tuple[Chosen, ...]:
    """One strategy, or several in the order in which they are asked. ConfigError `strategy`: none, or one twice."""
    many = strategy if isinstance(strategy, list | tuple) else (strategy,)
    found = tuple(choose(one, config) for one in many)
    names = [one.name for one in found]
    double = next((name for name in names if names.count(name) > 1), None)
    if not found or double is not None:
        told = f'the strategy "{double}" is named twice' if double else "no strategy is named"
        raise ConfigError("strategy", told, key="--strategy", try_="-s dca -s swing")
    _named_in_settings(config, names)
    return found


def _named_in_settings(config: Config, chosen: Sequence[str]) -> None:
    """ConfigError `config-range` where the manager's settings name a strategy that there is not.

    One that this run does not use is fine: files of settings are shared. A class of the user's own is known where it is
    chosen, or where manager.strategies names its file.
    """
    for key in ("weights", "priorities", "confidence"):
        for name in (one for one in getattr(config.manager, key) if one not in (*BUILT_IN, *chosen)):
            known = tuple(dict.fromkeys((*BUILT_IN, *chosen, *_own_names(config))))
            if name in known:
                continue
            dotted = f"manager.{key}"
            where, near = written_at(config, dotted), get_close_matches(name, known, n=1, cutoff=0.7)
            raise ConfigError(
                "config-range",
                f'{dotted} has "{name}"; strategies are {", ".join(known)}, and those of files in manager.strategies',
                where=replace(where, note=f"did you mean {near[0]}?") if where and near else where,
                key=dotted,
                means="nothing was started",
            )


def _own_names(config: Config) -> list[str]:
    """What the classes in files that manager.strategies names are called in settings."""
    files = [
        one for one in config.manager.strategies if ".py" in one and Path(one.partition(".py")[0] + ".py").is_file()
    ]
    return [from_file(one).__name__.lower() for one in files]


def choose(strategy: str | object, config: Config) -> Chosen:
    """A built-in name, `file.py` or `file.py:Class`, or an object with `decide`. ConfigError `strategy`."""
    if isinstance(strategy, Chosen):
        return strategy
    if not isinstance(strategy, str):
        if isinstance(strategy, quoter.Params):
            return Chosen(quoter.NAME, strategy, quoter.__name__, source="quoter")
        if not callable(getattr(strategy, "decide", None)):
            raise ConfigError("strategy", f"{strategy!r} has no decide(view)", try_='tml.backtest("psc", tape)')
        cls = type(strategy)
        source = f"{cls.__module__}:{cls.__qualname__}"
        _declared(strategy)
        return Chosen(
            cls.__name__.lower(), _priced(strategy, config), needs_ton=isinstance(strategy, Psc), source=source
        )
    if strategy == "psc":
        return Chosen("psc", psc_of(config), needs_ton=True, source="psc")
    if strategy in OF_BARS:
        return Chosen(strategy, _priced(getattr(config, strategy), config), source=strategy)
    if strategy == "quoter":
        return Chosen(quoter.NAME, quoter.Params(), quoter.__name__, source="quoter")
    if ".py" in strategy:
        path, _, name = strategy.partition(".py")
        source = f"{Path(path + '.py').resolve()}{name}"  # so that a replay from any folder finds it
        return replace(choose(_made(from_file(strategy)), config), source=source)
    raise ConfigError(
        "strategy",
        f'there is no strategy "{strategy}"; built in are {", ".join(BUILT_IN)}, or name a file: mine.py:Dip',
        key="--strategy",
    )


def _declared(strategy: object) -> None:
    """ConfigError `strategy` where what a strategy declares is missing or cannot be read; InputError: it raises."""
    for name, usual in _DECLARES.items():
        try:
            getattr(strategy, name)
        except (Exception, SystemExit) as error:  # a property of the user's
            called, home = type(strategy).__name__, home_of(strategy)
            if isinstance(error, AttributeError) and inspect.getattr_static(strategy, name, None) is None:
                raise ConfigError(
                    "strategy", f"{called} declares no `{name}`", where=home, means="nothing was started", try_=usual
                ) from error
            raise broken(called, home, f"`{name}`", error, means="nothing was started") from error


def _made(cls: type[Any]) -> object:
    """A strategy of a user's class with its usual parameters. InputError `strategy`: it raises."""
    try:
        return cls()
    except (Exception, SystemExit) as error:  # whatever the user's own code raises is theirs to read
        home = Where(inspect.getfile(cls))
        raise broken(cls.__name__, home, f"{cls.__name__}()", error, means="nothing was started") from error


def again(source: str, params: Mapping[str, Any], config: Config) -> Chosen:
    """The strategy of a recorded run. ConfigError `strategy` when its code is not to be found.

    A built-in one is what the recorded settings say. Of older runs that the environment had switched to turbo the
    parameters alone tell of it.
    """
    if source == "quoter":
        return choose(quoter.Params(**params), config)
    if source == "five_signal" and "turbo" in params:
        config = replace(config, five_signal=replace(config.five_signal, turbo=bool(params["turbo"])))
    if source in BUILT_IN or ".py" in source:
        return choose(source, config)
    module, _, name = source.partition(":")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError("strategy", f"the strategy {source} of this run is not to be found: {error}") from None
    return choose(cls(**kept_params(params)), config)


def kept_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they were, from a run's record: JSON has no infinite number, so that is a word, and no tuple."""
    plain = {name: tuple(told) if isinstance(told, list) else told for name, told in params.items()}
    return {name: float(told) if told in _INFINITE else told for name, told in plain.items()}


def _priced(strategy: object, config: Config) -> object:
    """The strategy; the fee gate of the five-signal one with the account's fees, unless it was given its own."""
    if isinstance(strategy, FiveSignal) and strategy.fees == 0:
        return replace(strategy, fees=2 * config.fees.taker)
    return strategy


def psc_of(config: Config) -> Psc:
    """PSC with the parameters of the sections ml_microstructure, psc_integration, superp and data."""
    named: dict[str, Any] = {}
    for section in (config.ml_microstructure, config.psc_integration):
        named.update({f.name: getattr(section, f.name) for f in fields(section)})
    named.update(
        superp=config.superp.enabled,
        stake=config.superp.stake,
        cost=config.superp.cost,
        max_leverage=min(config.ml_microstructure.max_leverage, config.superp.max_leverage),
        timeframe=config.data.timeframe,
    )
    return Psc(**{f.name: named[f.name] for f in fields(PscParams)})


def traded(
    chosen: Chosen, config: Config, instruments: Sequence[Instrument], pairs: Sequence[str] | None
) -> tuple[Instrument, ...]:
    """What the strategy may trade: the pairs named, else its coins that the source has, else all of it.

    Coins that `manager.quoted` names are the compiled strategy's alone, and it trades no others then.
    """
    able, quoted = [i for i in instruments if not i.values_only], config.manager.quoted
    if quoted:
        able = [i for i in able if (coin_of(i) in quoted or i.base in quoted) is bool(chosen.compiled)]
    if pairs:
        return tuple(i for i in able if i.symbol in pairs or i.raw in pairs)
    if chosen.needs_ton:
        able = [i for i in able if coin_of(i) != "TON"]
        coins = config.ml_microstructure.trading_coins
        return tuple(i for i in able if coin_of(i) in coins) or tuple(able)
    if isinstance(chosen.strategy, FiveSignal):
        return tuple(i for i in able if coin_of(i) in chosen.strategy.symbols) or tuple(able)
    return tuple(able)


def kept_apart(
    chosen: Sequence[Chosen], config: Config, instruments: Sequence[Instrument], pairs: Sequence[str] | None
) -> list[tuple[Instrument, ...]]:
    """What each strategy may trade. ConfigError `strategy` where a compiled one and another would share a coin.

    They would share the venue's one position of it, too: an exit of the one could be refused for what the other holds.
    """
    mine = [traded(one, config, instruments, pairs) for one in chosen]
    quoting = next((k for k, one in enumerate(chosen) if one.compiled), None)
    if quoting is not None:
        for k, one in enumerate(chosen):
            if config.manager.quoted and not mine[k]:
                text = f"{one.name} has no coin left beside manager.quoted = {', '.join(config.manager.quoted)}"
                raise ConfigError("strategy", text, key="manager.quoted", means="nothing was started")
            both = [i for i in mine[k] if i in mine[quoting]]
            if both and k != quoting:
                raise _both(chosen[quoting].name, one.name, both[0], mine[quoting])
    return mine


def _both(quoter: str, other: str, one: Instrument, quoted: Sequence[Instrument]) -> ConfigError:
    apart = next((i.base for i in quoted if i.base != one.base), None)
    leave = f"leave one of the two out: -s {other}"
    return ConfigError(
        "strategy",
        f"{quoter} and {other} would both trade {one.symbol}",
        key="manager.quoted",
        means="they would share one position of it, and exits could be refused: nothing was started",
        try_=leave
        if apart is None
        else f"name the coins that {quoter} alone trades: --param 'manager.quoted=[{apart}]'",
    )


def known_coins(chosen: Sequence[Chosen], config: Config, instruments: Sequence[Instrument]) -> None:
    """ConfigError `config-coin` where a person named a coin in the settings that the source does not have.

    What is misspelt would silently not be traded, or where none of PSC's coins is there, all others would be.
    """
    named = {"manager.symbols": config.manager.symbols, "manager.quoted": config.manager.quoted}
    if (
        any(one.needs_ton for one in chosen)
        and config.ml_microstructure.trading_coins != MlMicrostructure.trading_coins
    ):
        named["ml_microstructure.trading_coins"] = config.ml_microstructure.trading_coins
    if any(one.source == "five_signal" for one in chosen) and config.five_signal.symbols != FiveSignal.symbols:
        named["five_signal.symbols"] = config.five_signal.symbols
    able = [i for i in instruments if not i.values_only]
    there = dict.fromkeys(coin_of(i) for i in able) | dict.fromkeys(i.base for i in able)
    for key, coins in named.items():
        some = [coin for coin in coins if coin != MONITORED_WORD]  # of a list of ours a source may lack any, not all
        if len(some) < len(coins) and not there.keys() & coins_named(coins):
            some = [MONITORED_WORD]
        missing = next((coin for coin in some if coin not in there), None)
        if missing is not None:
            held = ", ".join(list(there)[:12]) + (" ..." if len(there) > 12 else "")
            raise ConfigError(
                "config-coin",
                f'{key} has "{missing}", which the source does not have; it has {held}',
                where=written_at(config, key),
                key=key,
                means="nothing was started",
            )


def ton_of(chosen: Chosen, config: Config, instruments: Sequence[Instrument]) -> float | int:
    """A constant TON price, or the id of TON's instrument; -1 where it is not needed. InputError `no-ton-price`."""
    told = config.psc_integration.ton_price
    if told != "tape":
        return float(told)
    for one in instruments:
        if coin_of(one) == "TON":
            return one.id
    if chosen.needs_ton:
        raise no_ton_price("any of it")
    return -1


def from_file(spec: str) -> type[Any]:
    """The one strategy in `file.py`, or the one named in `file.py:Class`. InputError `file-missing`, `strategy`."""
    head, _, wanted = spec.rpartition(":") if ".py:" in spec else (spec, "", "")
    path = Path(head)
    if not path.is_file():
        raise InputError("file-missing", f"{path} does not exist", means="nothing was started")
    module = module_of(path.resolve(), "strategy")
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    found = [c for c in classes if hasattr(c, "decide")]
    named = [c for c in found if not wanted or c.__name__ == wanted]
    if len(named) != 1:
        names = ", ".join(c.__name__ for c in found) or "none"
        raise InputError("strategy", f"{path} has these strategies: {names}; name one of them as {path}:Class")
    return named[0]
