-- Version 1. Times are milliseconds since 1970 UTC; columns that hold JSON are documents, stored as written.
-- Unsigned 64-bit numbers are stored as the signed number with the same bits.

PRAGMA application_id = 1853191275; -- "nutk"

CREATE TABLE meta (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    store_id   TEXT    NOT NULL,
    epoch      INTEGER NOT NULL,
    clean      INTEGER NOT NULL,
    -- The oldest schema version whose binaries can still read this file.
    min_reader INTEGER NOT NULL
) STRICT;
INSERT INTO meta (id, store_id, epoch, clean, min_reader) VALUES (1, lower(hex(randomblob(4))), 0, 1, 1);

CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE target (
    name       TEXT PRIMARY KEY,
    spec       TEXT    NOT NULL,
    labels     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE application (
    name       TEXT PRIMARY KEY,
    title      TEXT    NOT NULL,
    labels     TEXT    NOT NULL,
    defaults   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE deployment (
    id           TEXT PRIMARY KEY,
    application  TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    labels       TEXT    NOT NULL,
    layer        TEXT    NOT NULL,
    applied      TEXT,
    spec_version INTEGER NOT NULL,
    desired      TEXT    NOT NULL,
    revision     INTEGER,
    job          TEXT,
    next_restore TEXT,
    adopted      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    deleted_at   INTEGER
) STRICT;
CREATE UNIQUE INDEX deployment_name ON deployment (application, name) WHERE deleted_at IS NULL;

CREATE TABLE revision (
    deployment    TEXT    NOT NULL REFERENCES deployment (id),
    number        INTEGER NOT NULL,
    version_label TEXT    NOT NULL,
    author        TEXT    NOT NULL,
    reason        TEXT,
    created_at    INTEGER NOT NULL,
    content_hash  TEXT    NOT NULL,
    spec          TEXT    NOT NULL,
    provenance    TEXT    NOT NULL,
    -- The jar that the spec names, for the question who uses it.
    artifact      TEXT,
    PRIMARY KEY (deployment, number)
) STRICT;
CREATE INDEX revision_artifact ON revision (artifact, deployment) WHERE artifact IS NOT NULL;

-- `id` is ours, `flink` is Flink's.
CREATE TABLE job (
    id                 TEXT PRIMARY KEY,
    deployment         TEXT    NOT NULL REFERENCES deployment (id),
    flink              TEXT    NOT NULL UNIQUE,
    target             TEXT    NOT NULL,
    revision           INTEGER,
    operation          TEXT,
    created_at         INTEGER NOT NULL,
    started_at         INTEGER,
    ended_at           INTEGER,
    flink_state        TEXT,
    our_end            TEXT    NOT NULL,
    restored_from      TEXT,
    restored_savepoint TEXT,
    restarts           INTEGER,
    last_checkpoint    TEXT,
    checkpoint_config  TEXT,
    seen_at            INTEGER
) STRICT;
CREATE INDEX job_of_deployment ON job (deployment, created_at, id);
CREATE INDEX job_by_age ON job (created_at, id);

CREATE TABLE savepoint (
    id               TEXT PRIMARY KEY,
    deployment       TEXT    NOT NULL REFERENCES deployment (id),
    created_at       INTEGER NOT NULL,
    triggered_at     INTEGER,
    job              TEXT,
    flink_job        TEXT,
    operation        TEXT,
    trigger_id       TEXT,
    target_directory TEXT,
    origin           TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    final            INTEGER NOT NULL,
    drained          INTEGER NOT NULL,
    location         TEXT,
    size             INTEGER,
    format           TEXT,
    flink_version    TEXT,
    revision         INTEGER,
    checkpoint_id    INTEGER,
    label            TEXT,
    pinned           INTEGER NOT NULL,
    verified_at      INTEGER,
    failure          TEXT
) STRICT;
CREATE INDEX savepoint_of_deployment ON savepoint (deployment, created_at, id);
CREATE INDEX savepoint_by_age ON savepoint (created_at, id);

CREATE TABLE operation (
    id               TEXT PRIMARY KEY,
    parent           TEXT,
    kind             TEXT    NOT NULL,
    -- No reference: an operation may be there before the deployment that it creates.
    deployment       TEXT    NOT NULL,
    deployment_name  TEXT    NOT NULL,
    target           TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    actor            TEXT    NOT NULL,
    via              TEXT    NOT NULL,
    reason           TEXT,
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    ended_at         INTEGER,
    plan             TEXT    NOT NULL,
    error            TEXT,
    choices          TEXT    NOT NULL,
    result           TEXT,
    cancel_requested INTEGER NOT NULL,
    CONSTRAINT operation_end CHECK ((state IN ('QUEUED', 'RUNNING', 'NEEDS_ATTENTION')) = (ended_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX operation_active ON operation (deployment)
    WHERE state IN ('QUEUED', 'RUNNING', 'NEEDS_ATTENTION');
CREATE INDEX operation_of_deployment ON operation (deployment, created_at, id);
CREATE INDEX operation_by_age ON operation (created_at, id);

CREATE TABLE step (
    operation  TEXT    NOT NULL REFERENCES operation (id),
    n          INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    act        TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    effect_key TEXT,
    started_at INTEGER,
    intent_at  INTEGER,
    not_before INTEGER,
    mark       INTEGER,
    ended_at   INTEGER,
    detail     TEXT    NOT NULL,
    outcome    TEXT,
    PRIMARY KEY (operation, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    sha           TEXT PRIMARY KEY,
    name          TEXT    NOT NULL,
    size          INTEGER NOT NULL,
    main_class    TEXT,
    entry_classes TEXT    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE answer (
    actor     TEXT    NOT NULL,
    route     TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    body_hash TEXT    NOT NULL,
    status    INTEGER NOT NULL,
    body      TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (actor, route, key)
) STRICT;
CREATE INDEX answer_by_age ON answer (at);

-- The event log. What repeats (names, ids, actors) is kept once in `word`, so that an event stays small.
CREATE TABLE word (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE event (
    seq             INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    severity        INTEGER NOT NULL,
    name            INTEGER NOT NULL,
    application     INTEGER,
    deployment      INTEGER,
    deployment_name INTEGER,
    job             INTEGER,
    operation       INTEGER,
    actor           INTEGER NOT NULL,
    via             INTEGER NOT NULL,
    message         TEXT    NOT NULL,
    details         TEXT
) STRICT;
-- Each ends with the rowid, which is `seq`.
CREATE INDEX event_of_deployment ON event (deployment) WHERE deployment IS NOT NULL;
CREATE INDEX event_of_application ON event (application) WHERE application IS NOT NULL;
CREATE INDEX event_of_operation ON event (operation) WHERE operation IS NOT NULL;
CREATE INDEX event_loud ON event (severity) WHERE severity >= 2;
-- The first event of each hour seen: where "since" begins, without an index over all times.
CREATE TABLE event_hour (
    hour      INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL
) STRICT;

CREATE TRIGGER event_no_update BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER word_no_update BEFORE UPDATE ON word
    BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER word_no_delete BEFORE DELETE ON word
    BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
