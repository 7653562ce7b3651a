"""G3: what the desk switched off and on, in the tables: whose it is by name, and every row that it can write."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from small_ledgers import recorded

import tickerml
from small_runs import market
from tickerml.desk.desk import Desk
from tickerml.desk.limits import Limits
from tickerml.engine.outbox import canonical
from tickerml.ledger import follow
from tickerml.ledger.facts import facts_of
from tickerml.ledger.follow import Follower
from tickerml.ledger.link import FAULT, link
from tickerml.ledger.read import reading, rows
from tickerml.ledger.schema import TABLES
from tickerml.ledger.write import project
from tickerml.tape.block import Block
from tickerml.tape.errors import RunError
from tickerml.tape.rows import DAY, HOUR, ROW, SECOND, Kind

NOW = 20_000 * DAY + 6 * HOUR
CASH = 1e12
OTHERS = [  # those that need a market to be written; the protections make theirs themselves
    {"what": "envelope granted", "max_position": 1_000, "max_order": 10, "position_share": 0.25},
    {"what": "envelope revoked", "coins": 2},
    {"what": "quotes refused", "sent": 900, "refused": 30, "by_rate": 12},
    {"what": "close refused", "strategy": 1, "inst": 0, "lots": 9_949, "again_s": 60},
    {"what": "universe", "coins": "BTC/USDT:USDT", "n": 1},
    {"what": "weights", "mode": "fixed", "weights": {"dca": 1.0}},
    {"what": "weights refused", "weights": {"dca": 2.0}},
    {"what": "regime", "from": "NORMAL", "to": "PANIC"},
    {"what": "trend", "from": "CHOP", "to": "TREND"},
]
BY_VARIABLE = {"regime", "trend"}  # desk/regime.py names both with one call


def written():
    """The first word of each `Change(...)` that the desk and the engine make."""
    home = Path(tickerml.__file__).parent
    trees = [ast.parse(file.read_text()) for room in ("desk", "engine") for file in sorted((home / room).glob("*.py"))]
    calls = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)]
    made = [n.args[0] for n in calls if isinstance(n.func, ast.Name) and n.func.id == "Change"]
    return {one.value for one in made if isinstance(one, ast.Constant)} | BY_VARIABLE


def protected():
    """What the protections say of strategy 1 in the order of its misfortunes, and of a person who helps."""
    one = Desk(Limits(), market("busy", minutes=1).header.instruments, ("dca", "channel"))
    guard, told = one.protections, []
    for n in range(6):
        more = {"pnl": -0.002 * CASH, "notional": 0.1 * CASH, "equity": CASH, "stopped": True}
        told += guard.on_settled(NOW + n * SECOND, 1, 0, **more)
    for n in range(8):
        told += guard.on_entry(NOW + n * SECOND, 1, 0, (-1) ** n)
    told += guard.operator(NOW + 2 * DAY, 1, 0)
    for share in (1.0, 0.945, 0.895, 0.84, 0.7):
        told += guard.on_balance(NOW + 2 * DAY, 0, share * CASH)
    told += guard.resume(NOW + 2 * DAY, "well again")
    told += guard.kill(NOW + 2 * DAY, "enough", close=True)
    return [{"what": change.what, **change.figures} for change in told]


def desk_rows(figures):
    """A block of DESK rows."""
    made = np.zeros(len(figures), ROW)
    made["kind"], made["recv"], made["ref"] = int(Kind.DESK), NOW + np.arange(len(figures)), np.arange(len(figures))
    return Block(made, blobs=tuple(canonical(one) for one in figures))


def facts(*sources):
    """A run of these strategies, each (name, source)."""
    one = recorded("quoter")
    told = [{"name": name, "source": source, "params": {}} for name, source in sources]
    return facts_of(one.manifest | {"strategies": told, "strategy": "+".join(n for n, _ in sources)}, one.header)


RUN = (("dca", "dca"), ("quoter", "quoter"), ("channel", "channel"))  # the quoter has no number at the desk


def test_every_row_of_the_desk_is_in_the_tables_g3(ledger):
    """In one batch: a strategy's own carry its name, all others the desk's; nothing that can be written is left out."""
    figures = [*OTHERS, *protected()]
    assert {one["what"] for one in figures} == written()
    project(ledger.link, facts(*RUN), lambda: [desk_rows(figures)])
    with reading(ledger.place) as connection:
        found = rows(connection, "parameter_changes", None, 1000)
    assert [one["strategy"] for one in found] == ["channel" if "strategy" in one else "desk" for one in figures]
    for row, one in zip(found, figures, strict=True):
        assert json.loads(row["figures"]) == json.loads(canonical({k: v for k, v in one.items() if k != "strategy"}))


def test_figures_of_a_strategy_may_be_called_like_a_column_g3(ledger):
    """`info` of an intent may have a key `kind` or `size_rule` with a number."""
    made = desk_rows([{"strategy": "dca", "kind": 3, "size_rule": 1.5}, {"strategy": "dca", "kind": "setup"}])
    made.rows["kind"] = int(Kind.INTENT)
    project(ledger.link, facts(*RUN), lambda: [made])
    with reading(ledger.place) as connection:
        found = rows(connection, "trade_decisions", None, 9)
    assert [(one["kind"], one["size_rule"]) for one in found] == [("3", "1.5"), ("setup", None)]


def test_quotes_beside_other_strategies_are_the_quoters_g3(ledger):
    """Its rows name nobody: its orders, fills and counted quotes carry its name alone."""
    one = recorded("quoter")
    project(ledger.link, facts(*RUN), lambda: one.blocks)
    with reading(ledger.place) as connection:
        for table in ("orders", "fills", "signals"):
            found = rows(connection, table, None, 1_000)
            assert {row["strategy"] for row in found} == {"quoter"}, table
    assert facts(("dca", "dca"), ("swing", "swing")).strategy == "dca+swing"


def untaken(table):
    """Rows of a table that no database takes: a mapping in a column of numbers."""
    return [tuple({"no": "number"} if c.kind == "int" else str(n) for c in table.columns) for n in range(2)]


def test_a_value_that_the_database_does_not_take_is_our_fault(ledger):
    for name, values in (
        ("parameter_changes", untaken(TABLES["parameter_changes"])),
        ("parameter_changes", [("r", 1 << 70, 0, "dca", 0, "{}")]),
        ("parameter_changes", [("r", None, 0, "dca", 0, "{}")]),
    ):
        with pytest.raises(RunError) as error:
            ledger.link.put(TABLES[name], values)
        assert error.value.code == FAULT, error.value
        assert "does not answer" not in error.value.message


def test_what_would_always_fail_is_told_once_and_not_tried_again_g3(fresh, monkeypatch):
    monkeypatch.setattr(follow, "EVERY", 0.01)
    monkeypatch.setattr(follow, "BACK_OFF", (0.01, 0.02))
    one, said, tries = recorded("quoter"), [], []

    def connected(to):
        made = link(to)
        put = made.put

        def spoilt(table, values):
            """Any rows, with a value that is not taken."""
            tries.append(1)
            put(table, untaken(table))

        made.put = spoilt
        return made

    with Follower(fresh(), one.facts, lambda: one.blocks, tell=said.append, first=0.01, connect=connected) as follower:
        for block in one.blocks[:20]:
            follower.take(block)
        follower._thread.join(10)
        assert not follower._thread.is_alive()
        for block in one.blocks[20:]:
            follower.take(block)
        assert follower._queue == []  # nothing is held for a writer that is gone
        assert not follower.close(one.facts)
    assert [error.code for error in said] == [FAULT]
    assert len(tries) == 1
    assert "0a1b2c" in said[0].try_


@pytest.mark.parametrize(
    ("error", "code"), [(KeyError("strategy"), FAULT), (OSError(28, "no space left"), "ledger-gone")]
)
def test_a_row_that_cannot_be_made_is_our_fault_and_a_full_disk_is_not_g3(fresh, monkeypatch, error, code):
    monkeypatch.setattr(follow, "EVERY", 0.01)
    monkeypatch.setattr(follow, "BACK_OFF", (0.01, 0.02))
    one, said, tries = recorded("quoter"), [], []

    def connected(to):
        tries.append(1)
        if len(tries) == 1:
            raise error
        return link(to)

    with Follower(fresh(), one.facts, lambda: one.blocks, tell=said.append, first=0.01, connect=connected) as follower:
        for block in one.blocks:
            follower.take(block)
        assert follower.close(one.facts) == (code != FAULT)  # what may pass is tried again, and catches up
    assert said[0].code == code
    assert (len(tries) == 1) == (code == FAULT)


def test_a_missing_table_may_come_back(fresh):
    """What a person did to the database is no fault of ours, and may be over."""
    to = fresh()
    made = link(to)
    made.run("drop view parameter_changes_readable")
    made.run("drop table parameter_changes")
    with pytest.raises(RunError) as error:
        made.put(TABLES["parameter_changes"], [("r", 1, 0, "dca", 0, "{}")])
    made.close()
    assert error.value.code == "ledger-gone"
