"""A strategy to start from: a file that runs as it stands, and its test."""

from __future__ import annotations

import keyword
import re
import shlex
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from string import Template
from typing import Final

from tickerml.run.strategies import BUILT_IN
from tickerml.tape.errors import InputError

_HEAD: Final = '''"""$title: buys a fall from the high of the last bars while RSI is low.

What the numbers mean stands beside them. Change the rule in `decide`$also; everything else follows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated$classvar

from tickerml.strategies.view import View
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import $intents
$imports
NAME = "$name"
'''

_PYTHON: Final = '''

@dataclass(frozen=True)
class $title:
    """Buys the fall, out at target, stop or after the longest time."""

    drop: Annotated[float, Range(0.0001, 0.2)] = 0.002  # fraction below the high
    rsi_below: Annotated[float, Range(1, 99)] = 40.0  # RSI points
    bars: Annotated[int, Range(2, 1000)] = 30  # minutes of the high
    target: Annotated[float, Range(0.0001, 0.5)] = 0.004  # fraction of the entry price
    stop: Annotated[float, Range(0.0001, 0.5)] = 0.003  # fraction of the entry price
    minutes: Annotated[int, Range(1, 10_000)] = 60  # longest time in a trade

    @property
    def wake(self) -> Bars:
        """When it is asked: at the close of each bar."""
        return Bars("1m")

    @property
    def sees(self) -> dict[str, str]:
        """What it reads of the market; all names are in docs/features.md. The warm-up follows from them."""
        return {"high": f"high({self.bars}m, 1m)", "rsi": "rsi(14, 1m)"}

    def decide(self, view: View) -> Setup | Pass:
        """One answer to each bar: a trade, or why there is none."""
        if view.position is not None:
            return Pass("position open")
        high, rsi = view["high"], view["rsi"]
        if math.isnan(high) or math.isnan(rsi):
            return Pass("warming up")
        if view.close > (1 - self.drop) * high:
            return Pass("no fall")
        if rsi >= self.rsi_below:
            return Pass("RSI not low")
        return Long(target=self.target, stop=self.stop, horizon=f"{self.minutes}m", info={"rsi": rsi})
'''

_COMPILED: Final = '''
HELD, WARMING, NO_FALL, NOT_LOW = "position open", "warming up", "no fall", "RSI not low"


@fold
def detect(p: Record, d: Record, a: Record) -> int:
    """Machine code, called at each bar of each coin: 0 = ask `decide`, else the number of the reason in `passes`.

    `p` holds the parameters, `d` what `sees` names, `a` what is held: numbers only.
    """
    if a["held"] != 0:
        return 1
    if math.isnan(d["high"]) or math.isnan(d["rsi"]):
        return 2
    if d["close"] > (1 - p["drop"]) * d["high"]:
        return 3
    return 0 if d["rsi"] < p["rsi_below"] else 4


@dataclass(frozen=True)
class $title:
    """Buys the fall, out at target, stop or after the longest time."""

    drop: Annotated[float, Range(0.0001, 0.2)] = 0.002  # fraction below the high
    rsi_below: Annotated[float, Range(1, 99)] = 40.0  # RSI points
    bars: Annotated[int, Range(2, 1000)] = 30  # minutes of the high
    target: Annotated[float, Range(0.0001, 0.5)] = 0.004  # fraction of the entry price
    stop: Annotated[float, Range(0.0001, 0.5)] = 0.003  # fraction of the entry price
    minutes: Annotated[int, Range(1, 10_000)] = 60  # longest time in a trade
    stake: Annotated[float, Range(1, 1e9)] = 500.0  # quote; money of one trade

    passes: ClassVar = (HELD, WARMING, NO_FALL, NOT_LOW)

    @property
    def wake(self) -> Bars:
        """When it is asked: at the close of each bar."""
        return Bars("1m")

    @property
    def sees(self) -> dict[str, str]:
        """What it reads of the market; all names are in docs/features.md. The warm-up follows from them."""
        return {"high": f"high({self.bars}m, 1m)", "rsi": "rsi(14, 1m)", "close": "bar(1m).close"}

    @property
    def setup(self) -> Setup:
        """What it answers to every signal: said here, sweeps over bars need no engine."""
        return Setup(BUY, self.minutes * MINUTE, target=self.target, stop=self.stop, stake=self.stake)

    def decide(self, view: View) -> Setup | Pass:
        """The same rule in Python: whoever calls it without the detector gets the same answer."""
        if view.position is not None:
            return Pass(HELD)
        high, rsi, close = view["high"], view["rsi"], view["close"]
        if math.isnan(high) or math.isnan(rsi):
            return Pass(WARMING)
        if close > (1 - self.drop) * high:
            return Pass(NO_FALL)
        return self.setup if rsi < self.rsi_below else Pass(NOT_LOW)
'''

_TEST: Final = '''"""What $title answers to a few markets. Run it by itself, or with pytest."""

from types import SimpleNamespace

from $name import $title
from tickerml.tape.intents import Pass, Setup

NAN = float("nan")


class Market(SimpleNamespace):
    """A view with these features and nothing else."""

    def __getitem__(self, name: str) -> float:
        return float(getattr(self, name))


def market(close: float, *, high: float = 100.0, rsi: float = 20.0, position: object = None) -> Market:
    return Market(close=close, high=high, rsi=rsi, position=position)


def test_it_buys_a_fall_with_a_stop() -> None:
    one = $title()
    found = one.decide(market(99.0))
    assert isinstance(found, Setup)
    assert (found.side, found.stop, found.target) == (1, one.stop, one.target)


def test_it_says_why_it_does_not() -> None:
    one = $title()
    answers = [
        one.decide(market(99.0, position="held")),
        one.decide(market(99.0, high=NAN)),
        one.decide(market(100.0)),
        one.decide(market(99.0, rsi=80.0)),
    ]
    said = [answer.reason for answer in answers if isinstance(answer, Pass)]
    assert said == ["position open", "warming up", "no fall", "RSI not low"]
$more

if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print("passed:", name)
'''

_TEST_COMPILED: Final = """

def test_the_detector_and_the_rule_agree() -> None:
    one = $title()
    plain = getattr(detect, "py_func", detect)
    for close in (98.0, 99.79, 99.8, 99.81, 101.0):
        for rsi in (NAN, 5.0, 39.9, 40.0, 90.0):
            said = plain(vars(one), {"high": 100.0, "rsi": rsi, "close": close}, {"held": 0})
            answer = one.decide(market(close, rsi=rsi))
            assert said == (0 if isinstance(answer, Setup) else 1 + one.passes.index(answer.reason))
"""


@dataclass(frozen=True)
class Written:
    """A new strategy: its files, and what to type next."""

    strategy: Path
    test: Path
    next: tuple[str, ...]


def new_strategy(name: str, folder: Path, *, compiled: bool = False, force: bool = False) -> Written:
    """Write `name.py` and `test_name.py`. InputError `strategy-name`, `file-exists` (nothing is written then)."""
    why = _unfit(name, folder)
    if why:
        raise InputError(
            "strategy-name", f'"{name}" {why}', means="nothing was written", try_="tickerml new strategy my_dip"
        )
    title = "".join(part.capitalize() for part in name.split("_") if part)
    target, test = folder / f"{name}.py", folder / f"test_{name}.py"
    for path in (target, test):
        if path.exists() and not force:
            raise InputError(
                "file-exists",
                f"{path} is there already",
                means="nothing was written",
                try_=f"tickerml new strategy {name}_2   (or --force)",
            )
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(_strategy(name, title, compiled), encoding="utf-8")
    more = Template(_TEST_COMPILED).substitute(title=title) if compiled else ""
    text = Template(_TEST).substitute(name=name, title=title, more=more)
    if compiled:
        text = text.replace(f"from {name} import {title}", f"from {name} import {title}, detect")
    test.write_text(text, encoding="utf-8")
    return Written(target, test, _next(target, test))


def _unfit(name: str, folder: Path) -> str:
    """Why a file of that name would not do; nothing where it does."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        return "is no name: small letters, digits and _"
    if name in BUILT_IN:
        return "is a built-in strategy"
    if name == "tickerml":
        return "is this program"
    if name in sys.stdlib_module_names:
        return "is a module of Python, which its file would hide"
    own = {Path.cwd(), folder.resolve()}  # files there may be the strategy itself, to be written anew
    found = PathFinder.find_spec(name, [one for one in sys.path if one and Path(one).resolve() not in own])
    hidden = found is not None and found.origin is not None  # a folder without code is no package
    return "is a package that is installed here, which its file would hide" if hidden else ""


def _strategy(name: str, title: str, compiled: bool) -> str:
    imports = ["from tickerml.tape.params import Range\n"]
    if compiled:
        imports = [
            "from tickerml.tape.kernel import fold\n",
            *imports,
            "from tickerml.tape.rows import BUY, MINUTE, Record\n",
        ]
    head = Template(_HEAD).substitute(
        name=name,
        title=title,
        also=" and in `detect` together" if compiled else "",
        classvar=", ClassVar" if compiled else "",
        intents="Pass, Setup" if compiled else "Long, Pass, Setup",
        imports="".join(imports),
    )
    return head + Template(_COMPILED if compiled else _PYTHON).substitute(title=title)


def _next(target: Path, test: Path) -> tuple[str, ...]:
    """Commands that work as they stand."""
    file, tested = shlex.quote(str(target)), shlex.quote(str(test))
    return (
        f"python {tested}",
        f"tickerml backtest -s {file}",
        f"tickerml check leaks -s {file}",
        f"tickerml sweep -s {file} --param rsi_below=30:50:10",
        f"tickerml paper -s {file}",
    )
