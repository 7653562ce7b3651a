"""What pydantic refused, in the user's words: the key as written, its place, what may stand there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tickerml.config.document import Document, KeyPath, hidden, lookup
from tickerml.config.schema import Setting, sections, settings, span
from tickerml.config.sections import OLDER, Config
from tickerml.tape.errors import ConfigError, Where

if TYPE_CHECKING:
    from pydantic import ValidationError

_SIM: Final = Path(__file__).resolve().parent.parent / "sim"


def refused(error: ValidationError, merged: Mapping[str, Any], documents: list[Document]) -> list[ConfigError]:
    """One problem a key, in the order of the lines that hold them."""
    kinds: dict[KeyPath, tuple[str, tuple[int | str, ...]]] = {}
    for one in error.errors(include_url=False, include_context=False):
        path = _known(one["loc"])
        kinds.setdefault(path, (one["type"], one["loc"][len(path) :]))
    found = [_problem(path, kind, within, merged, documents) for path, (kind, within) in kinds.items()]
    return sorted(found, key=lambda e: e.where.line or 0 if e.where else 0)


def _known(loc: tuple[int | str, ...]) -> KeyPath:
    """Section and key of a problem, without the position in a list that follows."""
    depth = 3 if loc and loc[0] == "exchanges" else 2
    return tuple(str(part) for part in loc[:depth])


def _problem(
    path: KeyPath, kind: str, within: tuple[int | str, ...], merged: Mapping[str, Any], documents: list[Document]
) -> ConfigError:
    """`within`: where in the value the problem is, of a list the number of the item."""
    dotted = ".".join(path)
    known: Mapping[str, Setting] = settings(sections()[path[0]]) if len(path) > 1 and path[0] in sections() else {}
    if kind == "extra_forbidden":
        names = known or dict.fromkeys(sections())
        where = _place(path, documents, "keys")
        return ConfigError(
            "config-key",
            f'"{path[-1]}" is not a {"setting" if known else "section"}',
            where=replace(where, note=_near(path[-1], names)) if where else None,
            key=dotted,
            try_="" if _near(path[-1], names) else f"one of: {', '.join(names)}",
        )
    value, where = lookup(merged, path), _place(path, documents, "places")
    setting = known.get(path[-1])
    if setting is None:
        secret = path[0] == "exchanges" or hidden(path[-1])  # a key of a venue may stand one level too high
        shown = "********" if secret else _shown(value)
        if secret and where is not None:
            where = replace(where, text=(where.text or "").replace(str(value), "********"))
        return ConfigError("config-type", f"{dotted} is {shown}; it is a section of keys", where=where, key=dotted)
    if setting.type is tuple and within and isinstance(value, Sequence):
        item = value[int(within[0])]
        return ConfigError(
            "config-type",
            f"{dotted} has {_shown(item) if item else 'an empty item'}; each item must be a text ({setting.comment})",
            where=where,
            key=dotted,
            try_='a text that is no word to YAML stands in quotes: ["1"]',
        )
    shown = "********" if hidden(path[-1]) else _shown(value)
    limits = setting.range if kind in {"greater_than_equal", "less_than_equal"} else None
    code = "config-range" if limits or setting.words else "config-type"
    wanted = f"it must be {span(limits)}" if limits else f"it must be {setting.wanted}"
    return ConfigError(code, f"{dotted} is {shown}; {wanted} ({setting.comment})", where=where, key=dotted)


def _near(name: str, names: Mapping[str, Setting] | Mapping[str, None]) -> str:
    close = get_close_matches(name, names, n=1, cutoff=0.7)
    if not close:
        return ""
    setting = names[close[0]]
    about = f" ({setting.allowed}, default {setting.shown})" if setting is not None else ""
    return f"did you mean {close[0]}?{about}"


def _place(path: KeyPath, documents: list[Document], of: str) -> Where | None:
    """Where the winning value was written: the last source that has it."""
    for document in reversed(documents):
        found: Mapping[KeyPath, Where] = getattr(document, of)
        if path in found:
            return found[path]
    return None


def places(documents: list[Document]) -> dict[str, Where]:
    """By "section.key", where the winning value of each setting was written."""
    return {".".join(path): where for document in documents for path, where in document.places.items()}


def _shown(value: Any) -> str:
    text = {True: "true", False: "false", None: "empty"}.get(value) if isinstance(value, bool | None) else None
    return text or (f'"{value}"' if isinstance(value, str) else str(value))


def conflicts(config: Config, documents: list[Document]) -> Iterator[ConfigError]:
    """What no single key can know."""
    psc = config.psc_integration
    if psc.short_threshold >= psc.long_threshold:
        yield ConfigError(
            "config-conflict",
            f"psc_integration.short_threshold is {psc.short_threshold:g}; it must be below long_threshold "
            f"({psc.long_threshold:g})",
            where=_place(("psc_integration", "short_threshold"), documents, "places")
            or _place(("psc_integration", "long_threshold"), documents, "places"),
            key="psc_integration.short_threshold",
        )
    if not config.ml_microstructure.enabled and "psc" in config.manager.strategies:
        yield ConfigError(
            "config-conflict",
            "manager.strategies has psc, and ml_microstructure.enabled is false",
            where=_place(("manager", "strategies"), documents, "places"),
            key="manager.strategies",
            try_="leave one of the two out",
        )
    yield from _names(config, documents)
    yield from _weights(documents)
    yield from _models(config, documents)
    yield from _twice(config, documents)
    yield from _wallets(config, documents)
    if psc.ton_price != "tape" and not _positive(psc.ton_price):
        yield ConfigError(
            "config-range",
            f'psc_integration.ton_price is "{psc.ton_price}"; it must be tape or a price above 0 such as 6.50',
            where=_place(("psc_integration", "ton_price"), documents, "places"),
            key="psc_integration.ton_price",
        )


def _names(config: Config, documents: list[Document]) -> Iterator[ConfigError]:
    """Words that are text to a file, and of which only some mean anything."""
    known = {"psc": None, **{n: None for n, cls in sections().items() if hasattr(cls, "decide")}, "quoter": None}
    for name in config.manager.strategies:
        if name not in known and ".py" not in name:
            where, near = _place(("manager", "strategies"), documents, "places"), _near(name, known)
            yield ConfigError(
                "config-range",
                f'manager.strategies has "{name}"; it must be one of {", ".join(known)}, or a file: mine.py:Dip',
                where=replace(where, note=near) if where else None,
                key="manager.strategies",
            )


def _weights(documents: list[Document]) -> Iterator[ConfigError]:
    """A strategy without its number: `{dca:-1}` is to YAML a key of that name, with nothing behind it."""
    for document in documents:
        told = (document.values.get("manager") or {}).get("weights")
        for name in (one for one, weight in told.items() if weight is None) if isinstance(told, Mapping) else ():
            yield ConfigError(
                "config-type",
                f'manager.weights has "{name}" without a number; it must be a strategy, a colon, a space and a number',
                where=document.places.get(("manager", "weights")),
                key="manager.weights",
                try_="{dca: 0.4, swing: 0.3}",
            )


def _wallets(config: Config, documents: list[Document]) -> Iterator[ConfigError]:
    """What only wallets of coins can do."""
    held, usual = config.account, type(config.account)()
    for key in ("fee_in", "balances"):
        if not held.spot_wallets and getattr(held, key) != getattr(usual, key):
            yield ConfigError(
                "config-conflict",
                f"account.{key} is {_shown(getattr(held, key))}; without account.spot_wallets there is no such wallet",
                where=_place(("account", key), documents, "places"),
                key=f"account.{key}",
                try_="spot_wallets: true",
            )


def _twice(config: Config, documents: list[Document]) -> Iterator[ConfigError]:
    """A limit that was given by both of its names, differently."""
    for name, (section, older) in OLDER.items():
        new, old = getattr(config.limits, name), getattr(getattr(config, section), older)
        where = _place((section, older), documents, "places")
        if new != old and where and _place(("limits", name), documents, "places"):
            yield ConfigError(
                "config-conflict",
                f"limits.{name} is {new:g} and {section}.{older}, which sets the same limit, is {old:g}",
                where=where,
                key=f"{section}.{older}",
                try_=f"leave out {section}.{older}",
            )


def _models(config: Config, documents: list[Document]) -> Iterator[ConfigError]:
    """A model is a file of its folder in `sim` that has parameters, or a user's own file."""
    for section, chosen in (
        ("fees", config.fees.model),
        ("latency", config.latency.model),
        ("queue", config.queue.model),
    ):
        known = {p.stem: None for p in sorted((_SIM / section).glob("*.py")) if "class Params" in p.read_text("utf-8")}
        if chosen in known or (chosen.endswith(".py") and Path(chosen).is_file()):
            continue
        where, near = _place((section, "model"), documents, "places"), _near(chosen, known)
        yield ConfigError(
            "config-model",
            f'{section}.model is "{chosen}"; there are {", ".join(known)}, or name a file.py of your own',
            where=replace(where, note=near) if where else None,
            key=f"{section}.model",
        )


def _positive(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False
