-- What reports said, and what follows from it. Every table holds the current state; `events` holds
-- what happened. Times are milliseconds since 1970, UTC. Keys and digests are 16-byte blobs.

CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    file TEXT NOT NULL,
    format TEXT NOT NULL,
    tool TEXT NOT NULL,
    tool_version TEXT,
    scanned_at INTEGER NOT NULL,
    imported_at INTEGER NOT NULL,
    -- What became of its records, as JSON.
    tally TEXT NOT NULL
) STRICT;

-- Identity: which names are of one asset. `scope` is the asset kind for schemes whose values mean
-- something only within a kind (a target called "shop" may be a repository and an image).
CREATE TABLE identifiers (
    id INTEGER PRIMARY KEY,
    scheme TEXT NOT NULL,
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    -- 0 weak, 1 medium, 2 strong.
    strength INTEGER NOT NULL,
    -- Null for names that never identify alone.
    asset_id INTEGER,
    UNIQUE (scheme, scope, value)
) STRICT;
CREATE INDEX identifiers_of_asset ON identifiers (asset_id);

-- Two names that one report gave for one asset.
CREATE TABLE links (
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (low, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_of_high ON links (high);

-- What people decided of two names: of one asset (1), or not (0).
CREATE TABLE pins (
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    same INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    because TEXT NOT NULL,
    PRIMARY KEY (low, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX pins_of_high ON pins (high);

-- How reports name assets: each distinct set of names once.
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    -- The name that decides which asset it is; the only name, and a weak one, where `weak` is 1.
    anchor INTEGER NOT NULL,
    weak INTEGER NOT NULL,
    asset_id INTEGER,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subjects_of_asset ON subjects (asset_id);
CREATE INDEX subjects_of_anchor ON subjects (anchor);

CREATE TABLE subject_identifiers (
    subject_id INTEGER NOT NULL,
    identifier_id INTEGER NOT NULL,
    PRIMARY KEY (subject_id, identifier_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subjects_of_identifier ON subject_identifiers (identifier_id);

CREATE TABLE assets (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE
) STRICT;

-- Keys that were given up when identities merged or got a better name: what they became.
CREATE TABLE moved (
    old BLOB PRIMARY KEY,
    new BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Facts about assets: properties, relations, services, components. One row for each source that
-- says so, with its latest word.
CREATE TABLE facts (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    to_subject_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    place TEXT NOT NULL,
    tool TEXT NOT NULL,
    body TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    report_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (subject_id, kind, to_subject_id, name, place, tool)
) STRICT;

CREATE TABLE weaknesses (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    -- The weakness under which this alias counts; itself where it is the canonical one.
    canonical_id INTEGER NOT NULL
) STRICT;
CREATE INDEX weaknesses_of_canonical ON weaknesses (canonical_id);

CREATE TABLE weakness_facts (
    weakness_id INTEGER NOT NULL,
    tool TEXT NOT NULL,
    body TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (weakness_id, tool)
) STRICT, WITHOUT ROWID;

CREATE TABLE weakness_links (
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (low, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX weakness_links_of_high ON weakness_links (high);

CREATE TABLE exposures (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    asset_id INTEGER NOT NULL,
    weakness_id INTEGER NOT NULL,
    place TEXT NOT NULL,
    state TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- The report that opened it: tells "new in this import" from "known before".
    first_report INTEGER NOT NULL,
    UNIQUE (asset_id, weakness_id, place)
) STRICT;

-- Occurrences: what one source says of an exposure. Several equal ones in a report are told apart
-- by `ordinal`, so that they are counted and matched one to one.
CREATE TABLE claims (
    id INTEGER PRIMARY KEY,
    exposure_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    weakness_id INTEGER NOT NULL,
    place TEXT NOT NULL,
    -- The place of the exposure: `place`, or a coarser one where tools name the same thing differently.
    spot TEXT NOT NULL,
    part TEXT NOT NULL,
    tool TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    status TEXT NOT NULL,
    severity INTEGER NOT NULL,
    -- Digest of what makes a change worth telling (severity, status, version, fix).
    gist BLOB NOT NULL,
    body TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    report_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    -- The latest scan after `last_at` that reached this place with this check and did not fire.
    absent_at INTEGER,
    absent_report INTEGER,
    UNIQUE (subject_id, weakness_id, place, part, tool, ordinal)
) STRICT;
CREATE INDEX claims_of_exposure ON claims (exposure_id);
CREATE INDEX claims_of_weakness ON claims (weakness_id);

-- Which checks ran where: what lets absence close an exposure. The latest time of each statement.
CREATE TABLE coverage (
    id INTEGER PRIMARY KEY,
    subject_id INTEGER NOT NULL,
    tool TEXT NOT NULL,
    digest BLOB NOT NULL,
    body TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    report_id INTEGER NOT NULL,
    UNIQUE (subject_id, tool, digest)
) STRICT;

-- Verdicts of validation and re-tests, with their evidence.
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    exposure_key BLOB NOT NULL,
    at INTEGER NOT NULL,
    -- `refuted` closes, `confirmed` proves, `inconclusive` moves nothing.
    outcome TEXT NOT NULL,
    evidence TEXT NOT NULL
) STRICT;
CREATE INDEX verdicts_of_exposure ON verdicts (exposure_key);

CREATE TABLE intel_feeds (
    feed TEXT PRIMARY KEY,
    version TEXT,
    feed_at INTEGER,
    imported_at INTEGER NOT NULL,
    records INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE intel_facts (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Rankings, with all that they were made from, so that each can be made again.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    inputs_digest BLOB NOT NULL,
    digests TEXT NOT NULL,
    inputs BLOB NOT NULL,
    output_digest BLOB NOT NULL,
    output BLOB NOT NULL
) STRICT;

-- What the store was made for, where that matters (the example company's store knows its scope).
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The log: append-only, each entry's digest taken over the one before, so that tampering shows.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    chain BLOB NOT NULL
) STRICT;
