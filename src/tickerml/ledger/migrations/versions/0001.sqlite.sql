CREATE TABLE runs (
    run TEXT NOT NULL,
    name TEXT,
    mode TEXT,
    strategy TEXT,
    params TEXT,
    pairs TEXT,
    source TEXT,
    source_hash TEXT,
    synthetic TEXT,
    seed BIGINT,
    cash TEXT,
    kernel_hash TEXT,
    versions TEXT,
    command TEXT,
    notes TEXT,
    rows BIGINT,
    decisions BIGINT,
    decision_hash TEXT,
    state_hash TEXT,
    stopped SMALLINT,
    PRIMARY KEY (run)
)
 WITHOUT ROWID;

CREATE TABLE progress (
    run TEXT NOT NULL,
    last_seq BIGINT,
    hash TEXT,
    projection BIGINT,
    PRIMARY KEY (run)
)
 WITHOUT ROWID;

CREATE TABLE instruments (
    run TEXT NOT NULL,
    inst BIGINT NOT NULL,
    symbol TEXT,
    venue TEXT,
    base TEXT,
    quote TEXT,
    settle TEXT,
    tick TEXT,
    lot TEXT,
    contract_size TEXT,
    inverse SMALLINT,
    min_notional TEXT,
    PRIMARY KEY (run, inst)
)
 WITHOUT ROWID;

CREATE TABLE portfolio_state (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    currency TEXT,
    cash TEXT,
    equity TEXT,
    exposure TEXT,
    peak TEXT,
    drawdown DOUBLE,
    positions TEXT,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID;

CREATE TABLE orders (
    run TEXT NOT NULL,
    order_id BIGINT NOT NULL,
    seq BIGINT,
    intent BIGINT,
    strategy TEXT,
    inst BIGINT,
    symbol TEXT,
    side BIGINT,
    type TEXT,
    tif TEXT,
    price TEXT,
    trigger_price TEXT,
    qty TEXT,
    filled TEXT,
    value TEXT,
    fee TEXT,
    currency TEXT,
    state TEXT,
    reason TEXT,
    cancel_refused TEXT,
    submit_time BIGINT,
    ack_time BIGINT,
    cancel_time BIGINT,
    end_time BIGINT,
    last_seq BIGINT,
    PRIMARY KEY (run, order_id)
)
 WITHOUT ROWID;

CREATE TABLE fills (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    venue_time BIGINT,
    order_id BIGINT,
    intent BIGINT,
    strategy TEXT,
    inst BIGINT,
    symbol TEXT,
    side BIGINT,
    price TEXT,
    qty TEXT,
    value TEXT,
    fee TEXT,
    amount TEXT,
    currency TEXT,
    maker SMALLINT,
    left_qty TEXT,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID;

CREATE TABLE trade_history (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    intent BIGINT,
    strategy TEXT,
    inst BIGINT,
    symbol TEXT,
    side BIGINT,
    traded SMALLINT,
    entry_time BIGINT,
    exit_time BIGINT,
    entry_price TEXT,
    exit_price TEXT,
    qty TEXT,
    gross TEXT,
    fees TEXT,
    funding TEXT,
    pnl TEXT,
    currency TEXT,
    reason TEXT,
    superp SMALLINT,
    leverage DOUBLE,
    confidence DOUBLE,
    confidence_raw DOUBLE,
    mae DOUBLE,
    mfe DOUBLE,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID;

CREATE TABLE trade_decisions (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    strategy TEXT,
    inst BIGINT,
    symbol TEXT,
    kind TEXT,
    side BIGINT,
    price TEXT,
    verdict TEXT,
    refusal TEXT,
    refusal_text TEXT,
    gates TEXT,
    size_rule TEXT,
    first_order BIGINT,
    figures TEXT,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID;

CREATE TABLE performance_metrics (
    run TEXT NOT NULL,
    strategy TEXT NOT NULL,
    day BIGINT NOT NULL,
    seq BIGINT,
    trades BIGINT,
    won BIGINT,
    gross TEXT,
    fees TEXT,
    funding TEXT,
    pnl TEXT,
    won_pnl TEXT,
    lost_pnl TEXT,
    best TEXT,
    worst TEXT,
    win_rate DOUBLE,
    profit_factor DOUBLE,
    expectancy DOUBLE,
    held_ns BIGINT,
    equity TEXT,
    max_drawdown DOUBLE,
    PRIMARY KEY (run, strategy, day)
)
 WITHOUT ROWID;

CREATE TABLE signals (
    run TEXT NOT NULL,
    minute BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    inst BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    symbol TEXT,
    count BIGINT,
    first_seq BIGINT,
    PRIMARY KEY (run, minute, strategy, inst, outcome, reason)
)
 WITHOUT ROWID;

CREATE TABLE exchange_prices (
    run TEXT NOT NULL,
    minute BIGINT NOT NULL,
    inst BIGINT NOT NULL,
    source TEXT NOT NULL,
    symbol TEXT,
    open TEXT,
    high TEXT,
    low TEXT,
    close TEXT,
    count BIGINT,
    PRIMARY KEY (run, minute, inst, source)
)
 WITHOUT ROWID;

CREATE TABLE funding (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    venue_time BIGINT,
    inst BIGINT,
    symbol TEXT,
    mark TEXT,
    amount TEXT,
    currency TEXT,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID;

CREATE TABLE parameter_changes (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    strategy TEXT,
    inst BIGINT,
    figures TEXT,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID;

create view runs_readable as select "run" as "run", "name" as "name", "mode" as "mode", "strategy" as "strategy", "params" as "params", "pairs" as "pairs", "source" as "source", "source_hash" as "source_hash", "synthetic" as "synthetic", "seed" as "seed", cast("cash" as real) as "cash", "kernel_hash" as "kernel_hash", "versions" as "versions", "command" as "command", "notes" as "notes", "rows" as "rows", "decisions" as "decisions", "decision_hash" as "decision_hash", "state_hash" as "state_hash", "stopped" as "stopped" from runs;

create view progress_readable as select "run" as "run", "last_seq" as "last_seq", "hash" as "hash", "projection" as "projection" from progress;

create view instruments_readable as select "run" as "run", "inst" as "inst", "symbol" as "symbol", "venue" as "venue", "base" as "base", "quote" as "quote", "settle" as "settle", cast("tick" as real) as "tick", cast("lot" as real) as "lot", cast("contract_size" as real) as "contract_size", "inverse" as "inverse", cast("min_notional" as real) as "min_notional" from instruments;

create view portfolio_state_readable as select "run" as "run", "seq" as "seq", strftime('%Y-%m-%d %H:%M:%S', "time" / 1000000000, 'unixepoch') || printf('.%09d', "time" % 1000000000) as "time", "currency" as "currency", cast("cash" as real) as "cash", cast("equity" as real) as "equity", cast("exposure" as real) as "exposure", cast("peak" as real) as "peak", "drawdown" as "drawdown", "positions" as "positions" from portfolio_state;

create view orders_readable as select "run" as "run", "order_id" as "order_id", "seq" as "seq", "intent" as "intent", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "side" as "side", "type" as "type", "tif" as "tif", cast("price" as real) as "price", cast("trigger_price" as real) as "trigger_price", cast("qty" as real) as "qty", cast("filled" as real) as "filled", cast("value" as real) as "value", cast("fee" as real) as "fee", "currency" as "currency", "state" as "state", "reason" as "reason", "cancel_refused" as "cancel_refused", strftime('%Y-%m-%d %H:%M:%S', "submit_time" / 1000000000, 'unixepoch') || printf('.%09d', "submit_time" % 1000000000) as "submit_time", strftime('%Y-%m-%d %H:%M:%S', "ack_time" / 1000000000, 'unixepoch') || printf('.%09d', "ack_time" % 1000000000) as "ack_time", strftime('%Y-%m-%d %H:%M:%S', "cancel_time" / 1000000000, 'unixepoch') || printf('.%09d', "cancel_time" % 1000000000) as "cancel_time", strftime('%Y-%m-%d %H:%M:%S', "end_time" / 1000000000, 'unixepoch') || printf('.%09d', "end_time" % 1000000000) as "end_time", "last_seq" as "last_seq" from orders;

create view fills_readable as select "run" as "run", "seq" as "seq", strftime('%Y-%m-%d %H:%M:%S', "time" / 1000000000, 'unixepoch') || printf('.%09d', "time" % 1000000000) as "time", strftime('%Y-%m-%d %H:%M:%S', "venue_time" / 1000000000, 'unixepoch') || printf('.%09d', "venue_time" % 1000000000) as "venue_time", "order_id" as "order_id", "intent" as "intent", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "side" as "side", cast("price" as real) as "price", cast("qty" as real) as "qty", cast("value" as real) as "value", cast("fee" as real) as "fee", cast("amount" as real) as "amount", "currency" as "currency", "maker" as "maker", cast("left_qty" as real) as "left_qty" from fills;

create view trade_history_readable as select "run" as "run", "seq" as "seq", strftime('%Y-%m-%d %H:%M:%S', "time" / 1000000000, 'unixepoch') || printf('.%09d', "time" % 1000000000) as "time", "intent" as "intent", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "side" as "side", "traded" as "traded", strftime('%Y-%m-%d %H:%M:%S', "entry_time" / 1000000000, 'unixepoch') || printf('.%09d', "entry_time" % 1000000000) as "entry_time", strftime('%Y-%m-%d %H:%M:%S', "exit_time" / 1000000000, 'unixepoch') || printf('.%09d', "exit_time" % 1000000000) as "exit_time", cast("entry_price" as real) as "entry_price", cast("exit_price" as real) as "exit_price", cast("qty" as real) as "qty", cast("gross" as real) as "gross", cast("fees" as real) as "fees", cast("funding" as real) as "funding", cast("pnl" as real) as "pnl", "currency" as "currency", "reason" as "reason", "superp" as "superp", "leverage" as "leverage", "confidence" as "confidence", "confidence_raw" as "confidence_raw", "mae" as "mae", "mfe" as "mfe" from trade_history;

create view trade_decisions_readable as select "run" as "run", "seq" as "seq", strftime('%Y-%m-%d %H:%M:%S', "time" / 1000000000, 'unixepoch') || printf('.%09d', "time" % 1000000000) as "time", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "kind" as "kind", "side" as "side", cast("price" as real) as "price", "verdict" as "verdict", "refusal" as "refusal", "refusal_text" as "refusal_text", "gates" as "gates", "size_rule" as "size_rule", "first_order" as "first_order", "figures" as "figures" from trade_decisions;

create view performance_metrics_readable as select "run" as "run", "strategy" as "strategy", strftime('%Y-%m-%d %H:%M:%S', "day" / 1000000000, 'unixepoch') || printf('.%09d', "day" % 1000000000) as "day", "seq" as "seq", "trades" as "trades", "won" as "won", cast("gross" as real) as "gross", cast("fees" as real) as "fees", cast("funding" as real) as "funding", cast("pnl" as real) as "pnl", cast("won_pnl" as real) as "won_pnl", cast("lost_pnl" as real) as "lost_pnl", cast("best" as real) as "best", cast("worst" as real) as "worst", "win_rate" as "win_rate", "profit_factor" as "profit_factor", "expectancy" as "expectancy", "held_ns" as "held_ns", cast("equity" as real) as "equity", "max_drawdown" as "max_drawdown" from performance_metrics;

create view signals_readable as select "run" as "run", strftime('%Y-%m-%d %H:%M:%S', "minute" / 1000000000, 'unixepoch') || printf('.%09d', "minute" % 1000000000) as "minute", "strategy" as "strategy", "inst" as "inst", "outcome" as "outcome", "reason" as "reason", "symbol" as "symbol", "count" as "count", "first_seq" as "first_seq" from signals;

create view exchange_prices_readable as select "run" as "run", strftime('%Y-%m-%d %H:%M:%S', "minute" / 1000000000, 'unixepoch') || printf('.%09d', "minute" % 1000000000) as "minute", "inst" as "inst", "source" as "source", "symbol" as "symbol", cast("open" as real) as "open", cast("high" as real) as "high", cast("low" as real) as "low", cast("close" as real) as "close", "count" as "count" from exchange_prices;

create view funding_readable as select "run" as "run", "seq" as "seq", strftime('%Y-%m-%d %H:%M:%S', "time" / 1000000000, 'unixepoch') || printf('.%09d', "time" % 1000000000) as "time", strftime('%Y-%m-%d %H:%M:%S', "venue_time" / 1000000000, 'unixepoch') || printf('.%09d', "venue_time" % 1000000000) as "venue_time", "inst" as "inst", "symbol" as "symbol", cast("mark" as real) as "mark", cast("amount" as real) as "amount", "currency" as "currency" from funding;

create view parameter_changes_readable as select "run" as "run", "seq" as "seq", strftime('%Y-%m-%d %H:%M:%S', "time" / 1000000000, 'unixepoch') || printf('.%09d', "time" % 1000000000) as "time", "strategy" as "strategy", "inst" as "inst", "figures" as "figures" from parameter_changes;
