from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tickerml.tape.block import TABLE_OF, Block
from tickerml.tape.rows import ROW, Flag, Kind
from tickerml.tape.store_columns import decode_messages, decode_rows, decode_runs, decode_table, encode, gather
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

BIG = (1 << 62) - 1
wide = st.one_of(st.integers(-5, 5), st.integers(-BIG, BIG))
KINDS = [int(k) for k in Kind]


@st.composite
def blocks(draw) -> Block:
    """Any rows of one instrument with any stamps and flags; the rows of a message share their message."""
    n = draw(st.integers(1, 40))
    rows = np.zeros(n, ROW)
    for field in ("recv", "exch", "qty"):
        rows[field] = draw(st.lists(wide, min_size=n, max_size=n))
    rows["price"] = draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=n, max_size=n))
    rows["kind"] = draw(st.lists(st.sampled_from(KINDS), min_size=n, max_size=n))
    rows["side"] = draw(st.lists(st.integers(-128, 127), min_size=n, max_size=n))
    rows["flags"] = draw(st.lists(st.integers(0, 255), min_size=n, max_size=n))
    rows["inst"] = 3
    size = 6
    message = draw(st.integers(0, size - 1))
    for i in range(n):
        table = TABLE_OF.get(int(rows["kind"][i]))
        rows["ref"][i] = message if table == "messages" else draw(st.integers(-1, size - 1))
        if table == "messages" and draw(st.booleans()) and not rows["flags"][i] & Flag.END:
            rows["ref"][i] = -1
        if table == "messages" and rows["flags"][i] & Flag.END:
            message = draw(st.integers(0, size - 1))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    tables = []
    for dtype in (MESSAGE, ORDER, BAR):
        table = np.zeros(size, dtype)
        for name in dtype.names or ():
            limit = min(BIG, np.iinfo(dtype[name]).max)
            table[name] = rng.integers(-limit, limit, size)
        tables.append(table)
    values = np.zeros(size, VALUE)
    values["name"], values["value"] = rng.integers(0, 9, size), rng.normal(size=size)
    return Block(rows, *tables, values, tuple(bytes([i]) * i for i in range(size)))


@given(blocks())
def test_any_rows_survive(block):
    held = gather(block, np.arange(len(block)))
    columns = encode(held)
    runs = decode_runs(columns["runs"])
    out = np.zeros(len(block), ROW)
    half = len(block) // 2
    spans = np.array([[0, half], [half, len(block) - half]], np.int64)[0 if half else 1 :]
    base = np.zeros(5, np.int64)
    decode_rows(out, spans, 3, runs, columns["rows"], base)
    for field in set(ROW.names or ()) - {"ref"}:
        assert np.array_equal(out[field], block.rows[field]), field
    back = {"blobs": held.blobs}
    for name in ("messages", "orders", "bars", "values"):
        count = len(getattr(held, name))
        if count:
            is_messages = name == "messages"
            back[name] = (
                decode_messages(columns[name], runs) if is_messages else decode_table(name, columns[name], count)
            )
    for was, now in zip(block.rows, out, strict=True):
        table = TABLE_OF.get(int(was["kind"]))
        if was["ref"] < 0 or table is None:
            assert (was["ref"] >= 0) == (now["ref"] >= 0)
        else:
            assert getattr(block, table)[was["ref"]] == back[table][now["ref"]]


def test_rows_of_one_part_may_lie_apart():
    rows = np.zeros(4, ROW)
    rows["kind"], rows["flags"], rows["ref"], rows["qty"] = Kind.TRADE, Flag.END, -1, [1, 2, 3, 4]
    columns = encode(gather(Block(rows), np.arange(4)))
    out = np.zeros(7, ROW)
    spans = np.array([[1, 1], [3, 2], [6, 1]], np.int64)
    decode_rows(out, spans, 0, decode_runs(columns["runs"]), columns["rows"], np.zeros(5, np.int64))
    assert out["qty"].tolist() == [0, 1, 0, 2, 3, 0, 4]
