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
    cash NUMERIC,
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
);

CREATE TABLE progress (
    run TEXT NOT NULL,
    last_seq BIGINT,
    hash TEXT,
    projection BIGINT,
    PRIMARY KEY (run)
);

CREATE TABLE instruments (
    run TEXT NOT NULL,
    inst BIGINT NOT NULL,
    symbol TEXT,
    venue TEXT,
    base TEXT,
    quote TEXT,
    settle TEXT,
    tick NUMERIC,
    lot NUMERIC,
    contract_size NUMERIC,
    inverse SMALLINT,
    min_notional NUMERIC,
    PRIMARY KEY (run, inst)
);

CREATE TABLE portfolio_state (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    currency TEXT,
    cash NUMERIC,
    equity NUMERIC,
    exposure NUMERIC,
    peak NUMERIC,
    drawdown DOUBLE PRECISION,
    positions TEXT,
    PRIMARY KEY (run, seq)
);

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
    price NUMERIC,
    trigger_price NUMERIC,
    qty NUMERIC,
    filled NUMERIC,
    value NUMERIC,
    fee NUMERIC,
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
);

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
    price NUMERIC,
    qty NUMERIC,
    value NUMERIC,
    fee NUMERIC,
    amount NUMERIC,
    currency TEXT,
    maker SMALLINT,
    left_qty NUMERIC,
    PRIMARY KEY (run, seq)
);

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
    entry_price NUMERIC,
    exit_price NUMERIC,
    qty NUMERIC,
    gross NUMERIC,
    fees NUMERIC,
    funding NUMERIC,
    pnl NUMERIC,
    currency TEXT,
    reason TEXT,
    superp SMALLINT,
    leverage DOUBLE PRECISION,
    confidence DOUBLE PRECISION,
    confidence_raw DOUBLE PRECISION,
    mae DOUBLE PRECISION,
    mfe DOUBLE PRECISION,
    PRIMARY KEY (run, seq)
);

CREATE TABLE trade_decisions (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    strategy TEXT,
    inst BIGINT,
    symbol TEXT,
    kind TEXT,
    side BIGINT,
    price NUMERIC,
    verdict TEXT,
    refusal TEXT,
    refusal_text TEXT,
    gates TEXT,
    size_rule TEXT,
    first_order BIGINT,
    figures TEXT,
    PRIMARY KEY (run, seq)
);

CREATE TABLE performance_metrics (
    run TEXT NOT NULL,
    strategy TEXT NOT NULL,
    day BIGINT NOT NULL,
    seq BIGINT,
    trades BIGINT,
    won BIGINT,
    gross NUMERIC,
    fees NUMERIC,
    funding NUMERIC,
    pnl NUMERIC,
    won_pnl NUMERIC,
    lost_pnl NUMERIC,
    best NUMERIC,
    worst NUMERIC,
    win_rate DOUBLE PRECISION,
    profit_factor DOUBLE PRECISION,
    expectancy DOUBLE PRECISION,
    held_ns BIGINT,
    equity NUMERIC,
    max_drawdown DOUBLE PRECISION,
    PRIMARY KEY (run, strategy, day)
);

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
);

CREATE TABLE exchange_prices (
    run TEXT NOT NULL,
    minute BIGINT NOT NULL,
    inst BIGINT NOT NULL,
    source TEXT NOT NULL,
    symbol TEXT,
    open NUMERIC,
    high NUMERIC,
    low NUMERIC,
    close NUMERIC,
    count BIGINT,
    PRIMARY KEY (run, minute, inst, source)
);

CREATE TABLE funding (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    venue_time BIGINT,
    inst BIGINT,
    symbol TEXT,
    mark NUMERIC,
    amount NUMERIC,
    currency TEXT,
    PRIMARY KEY (run, seq)
);

CREATE TABLE parameter_changes (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT,
    strategy TEXT,
    inst BIGINT,
    figures TEXT,
    PRIMARY KEY (run, seq)
);

create view runs_readable as select "run" as "run", "name" as "name", "mode" as "mode", "strategy" as "strategy", "params" as "params", "pairs" as "pairs", "source" as "source", "source_hash" as "source_hash", "synthetic" as "synthetic", "seed" as "seed", "cash" as "cash", "kernel_hash" as "kernel_hash", "versions" as "versions", "command" as "command", "notes" as "notes", "rows" as "rows", "decisions" as "decisions", "decision_hash" as "decision_hash", "state_hash" as "state_hash", "stopped" as "stopped" from runs;

create view progress_readable as select "run" as "run", "last_seq" as "last_seq", "hash" as "hash", "projection" as "projection" from progress;

create view instruments_readable as select "run" as "run", "inst" as "inst", "symbol" as "symbol", "venue" as "venue", "base" as "base", "quote" as "quote", "settle" as "settle", "tick" as "tick", "lot" as "lot", "contract_size" as "contract_size", "inverse" as "inverse", "min_notional" as "min_notional" from instruments;

create view portfolio_state_readable as select "run" as "run", "seq" as "seq", to_char(to_timestamp("time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("time" % 1000000000)::text, 9, '0') as "time", "currency" as "currency", "cash" as "cash", "equity" as "equity", "exposure" as "exposure", "peak" as "peak", "drawdown" as "drawdown", "positions" as "positions" from portfolio_state;

create view orders_readable as select "run" as "run", "order_id" as "order_id", "seq" as "seq", "intent" as "intent", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "side" as "side", "type" as "type", "tif" as "tif", "price" as "price", "trigger_price" as "trigger_price", "qty" as "qty", "filled" as "filled", "value" as "value", "fee" as "fee", "currency" as "currency", "state" as "state", "reason" as "reason", "cancel_refused" as "cancel_refused", to_char(to_timestamp("submit_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("submit_time" % 1000000000)::text, 9, '0') as "submit_time", to_char(to_timestamp("ack_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("ack_time" % 1000000000)::text, 9, '0') as "ack_time", to_char(to_timestamp("cancel_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("cancel_time" % 1000000000)::text, 9, '0') as "cancel_time", to_char(to_timestamp("end_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("end_time" % 1000000000)::text, 9, '0') as "end_time", "last_seq" as "last_seq" from orders;

create view fills_readable as select "run" as "run", "seq" as "seq", to_char(to_timestamp("time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("time" % 1000000000)::text, 9, '0') as "time", to_char(to_timestamp("venue_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("venue_time" % 1000000000)::text, 9, '0') as "venue_time", "order_id" as "order_id", "intent" as "intent", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "side" as "side", "price" as "price", "qty" as "qty", "value" as "value", "fee" as "fee", "amount" as "amount", "currency" as "currency", "maker" as "maker", "left_qty" as "left_qty" from fills;

create view trade_history_readable as select "run" as "run", "seq" as "seq", to_char(to_timestamp("time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("time" % 1000000000)::text, 9, '0') as "time", "intent" as "intent", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "side" as "side", "traded" as "traded", to_char(to_timestamp("entry_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("entry_time" % 1000000000)::text, 9, '0') as "entry_time", to_char(to_timestamp("exit_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("exit_time" % 1000000000)::text, 9, '0') as "exit_time", "entry_price" as "entry_price", "exit_price" as "exit_price", "qty" as "qty", "gross" as "gross", "fees" as "fees", "funding" as "funding", "pnl" as "pnl", "currency" as "currency", "reason" as "reason", "superp" as "superp", "leverage" as "leverage", "confidence" as "confidence", "confidence_raw" as "confidence_raw", "mae" as "mae", "mfe" as "mfe" from trade_history;

create view trade_decisions_readable as select "run" as "run", "seq" as "seq", to_char(to_timestamp("time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("time" % 1000000000)::text, 9, '0') as "time", "strategy" as "strategy", "inst" as "inst", "symbol" as "symbol", "kind" as "kind", "side" as "side", "price" as "price", "verdict" as "verdict", "refusal" as "refusal", "refusal_text" as "refusal_text", "gates" as "gates", "size_rule" as "size_rule", "first_order" as "first_order", "figures" as "figures" from trade_decisions;

create view performance_metrics_readable as select "run" as "run", "strategy" as "strategy", to_char(to_timestamp("day" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("day" % 1000000000)::text, 9, '0') as "day", "seq" as "seq", "trades" as "trades", "won" as "won", "gross" as "gross", "fees" as "fees", "funding" as "funding", "pnl" as "pnl", "won_pnl" as "won_pnl", "lost_pnl" as "lost_pnl", "best" as "best", "worst" as "worst", "win_rate" as "win_rate", "profit_factor" as "profit_factor", "expectancy" as "expectancy", "held_ns" as "held_ns", "equity" as "equity", "max_drawdown" as "max_drawdown" from performance_metrics;

create view signals_readable as select "run" as "run", to_char(to_timestamp("minute" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("minute" % 1000000000)::text, 9, '0') as "minute", "strategy" as "strategy", "inst" as "inst", "outcome" as "outcome", "reason" as "reason", "symbol" as "symbol", "count" as "count", "first_seq" as "first_seq" from signals;

create view exchange_prices_readable as select "run" as "run", to_char(to_timestamp("minute" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("minute" % 1000000000)::text, 9, '0') as "minute", "inst" as "inst", "source" as "source", "symbol" as "symbol", "open" as "open", "high" as "high", "low" as "low", "close" as "close", "count" as "count" from exchange_prices;

create view funding_readable as select "run" as "run", "seq" as "seq", to_char(to_timestamp("time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("time" % 1000000000)::text, 9, '0') as "time", to_char(to_timestamp("venue_time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("venue_time" % 1000000000)::text, 9, '0') as "venue_time", "inst" as "inst", "symbol" as "symbol", "mark" as "mark", "amount" as "amount", "currency" as "currency" from funding;

create view parameter_changes_readable as select "run" as "run", "seq" as "seq", to_char(to_timestamp("time" / 1000000000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '.' || lpad(("time" % 1000000000)::text, 9, '0') as "time", "strategy" as "strategy", "inst" as "inst", "figures" as "figures" from parameter_changes;
