"""Parameters that a command gives to a strategy without a section of the settings: --param dip.drop=0.05.

That is a strategy in a file of the user's, and the quoter. NAME is the strategy's name, as reports have it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from tickerml.config import Config
from tickerml.lab.grid import Value, axis, with_params
from tickerml.run.strategies import OF_BARS, Chosen, choose, from_file
from tickerml.tape.errors import ConfigError, InputError
from tickerml.tape.params import settable

Given = dict[str, list[str]]
_SECTIONS = {one.name for one in fields(Config)} - set(OF_BARS)


def given_of(strategies: Sequence[str], params: Sequence[str]) -> tuple[list[str], Given]:
    """Those of `--param` that change a setting, and by strategy "KEY=VALUE" for those that name one of its own.

    Raises as `from_file`.
    """
    own = [spec for spec in strategies if spec == "quoter" or ".py" in spec]
    if all(text.partition(".")[0].strip() in _SECTIONS for text in params):
        return list(params), {}
    named = {_name(spec): spec for spec in own}
    settings, given = [], Given()
    for text in params:
        name, dot, rest = text.partition(".")
        if dot and name.strip() in named.keys() - _SECTIONS:
            given.setdefault(named[name.strip()], []).append(rest)
        else:
            settings.append(text)
    return settings, given


def searched_of(strategy: str, params: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of `--param` that change a setting, and those that a search of the strategy goes through, by bare name.

    NAME.KEY is the parameter KEY of the strategy NAME, too. One value for a strategy with a section of the settings is
    that setting. Raises as `from_file`.
    """
    bare = [text for text in params if "." not in text.partition("=")[0]]
    settings, given = given_of([strategy], [text for text in params if text not in bare])
    asked = [*bare, *given.get(strategy, ())]
    several = [text for text in settings if _several(strategy, text)]
    asked += [text.partition(".")[2] for text in several]
    return [text for text in settings if text not in several], asked


def _several(strategy: str, text: str) -> bool:
    """Whether this names more than one value of a parameter in the strategy's own section."""
    name, _, rest = text.partition(".")
    key, _, told = rest.partition("=")
    if name.strip() != strategy or strategy not in OF_BARS or not {",", ":"} & set(told):
        return False
    return key.strip() in {one.name for one in settable(type(getattr(Config(), strategy)))}


def timed(strategies: Sequence[str], timeframe: str) -> list[str]:
    """`--param` texts by which each of these strategies looks at bars of `timeframe`.

    InputError `timeframe` where one of them has no such parameter. Raises as `from_file`.
    """
    found = []
    for spec in strategies:
        if spec == "psc":
            found.append(f"{_OF_PSC['timeframe']}={timeframe}")
        elif spec in OF_BARS:
            found.append(f"{spec}.timeframe={timeframe}")
        elif ".py" in spec and any(one.name == "timeframe" for one in settable(from_file(spec))):
            found.append(f"{_name(spec)}.timeframe={timeframe}")
        elif ".py" in spec or spec == "quoter":
            named = _name(spec)
            raise InputError(
                "timeframe",
                f"{named} has no parameter `timeframe` that a text can set: -i {timeframe} cannot change its bars",
                means="nothing was started",
                try_=f"leave -i out, or name one strategy's: --param dca.timeframe={timeframe}",
            )
    return found


def with_given(strategies: Sequence[str], given: Given, config: Config) -> list[str | Chosen]:
    """The strategies, those that something is given to with it. ConfigError `config-key`, `param-range`."""
    return [_with(choose(spec, config), given[spec]) if spec in given else spec for spec in strategies]


def given_again(chosen: Chosen, given: Mapping[str, Any]) -> Chosen:
    """A strategy with the parameters that a recorded run had been given."""
    if not given:
        return chosen
    strategy = with_params(chosen.strategy, [dict(given)])[0]
    return replace(chosen, strategy=strategy, given=tuple(given.items()))


def best_params(source: str, name: str, params: Mapping[str, Value]) -> list[str]:
    """The parameters that a search found, as `backtest` takes them: "SECTION.KEY=VALUE" or "NAME.KEY=VALUE"."""
    return [f"{_place(source, name, key)}={_text(value)}" for key, value in params.items()]


def _place(source: str, name: str, key: str) -> str:
    """Where a parameter of a strategy is set."""
    if source != "psc":
        return f"{name}.{key}"
    if key in _OF_PSC:
        return _OF_PSC[key]
    kept = {f.name for f in fields(Config().psc_integration)}
    return f"{'psc_integration' if key in kept else 'ml_microstructure'}.{key}"


_OF_PSC = {
    "superp": "superp.enabled",
    "stake": "superp.stake",
    "cost": "superp.cost",
    "timeframe": "data.timeframe",
}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(spec: str) -> str:
    return spec if spec == "quoter" else from_file(spec).__name__.lower()


def _with(chosen: Chosen, texts: Sequence[str]) -> Chosen:
    found: dict[str, Value] = {}
    known = [one.name for one in settable(type(chosen.strategy))]
    for text in texts:
        key, equals, _ = (part.strip() for part in text.partition("="))
        near = difflib.get_close_matches(key, known, n=1) or known[:1]
        usual = f"--param {chosen.name}.{near[0]}=VALUE" if near else ""
        if key not in known or not equals:
            other = " that a text can set" if key in vars(chosen.strategy) else ""
            held = f"it has {', '.join(known)}" if known else "it has none"
            raise ConfigError(
                "config-key",
                f'"{key}" is no parameter of {chosen.name}{other}; {held}',
                key=f"{chosen.name}.{key}",
                means="nothing was started",
                try_=usual,
            )
        _, values = axis(text, type(chosen.strategy))
        if len(values) != 1:
            raise ConfigError(
                "config-type",
                f"{chosen.name}.{text} is more than one value; tickerml sweep tries several",
                key=f"{chosen.name}.{key}",
                means="nothing was started",
                try_=usual,
            )
        found[key] = values[0]
    return given_again(chosen, found)
