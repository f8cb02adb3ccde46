-- Persons, distinct ids, groups and cohort members: copies of what PostgreSQL decides, newest version wins.
-- Every node of a cluster holds all of them, so that set look-ups and the dictionary are local to each shard.
-- Size: about 100 bytes a person plus its properties. Not blocking. Way back: drop the tables; the
-- command `manage.py resync_persons` fills them again from PostgreSQL.
CREATE TABLE IF NOT EXISTS {everywhere:person} {on_cluster}
(
    team_id    UInt32,
    person_no  UInt32,
    uuid       UUID,
    created_at DateTime64(6, 'UTC'),
    is_deleted UInt8,
    version    UInt64,
    properties String CODEC(ZSTD(3)),
    props      Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = {engine_everywhere:ReplacingMergeTree(version)}
ORDER BY (team_id, person_no);

-- Every distinct id with its number and the person it belongs to now.
CREATE TABLE IF NOT EXISTS {everywhere:actor} {on_cluster}
(
    team_id     UInt32,
    actor_no    UInt32,
    distinct_id String CODEC(ZSTD(1)),
    person_no   UInt32,
    version     UInt64
)
ENGINE = {engine_everywhere:ReplacingMergeTree(version)}
ORDER BY (team_id, actor_no);

-- Only the distinct ids whose person has another number (or had one: person_no = actor_no undoes it).
CREATE TABLE IF NOT EXISTS {everywhere:actor_override} {on_cluster}
(
    team_id   UInt32,
    actor_no  UInt32,
    person_no UInt32,
    version   UInt64
)
ENGINE = {engine_everywhere:ReplacingMergeTree(version)}
ORDER BY (team_id, actor_no);

-- A hash look-up costs 13 % on top of a plain count of unique actors, a join three times the query.
-- LIFETIME(0): reloaded by the application before the first query that must see a newer version.
CREATE DICTIONARY IF NOT EXISTS actor_override_dict {on_cluster}
(
    actor_no  UInt64,
    person_no UInt32
)
PRIMARY KEY actor_no
SOURCE(CLICKHOUSE({source} QUERY 'SELECT toUInt64(actor_no) AS actor_no, person_no FROM {database}.actor_override FINAL'))
LAYOUT(HASHED())
LIFETIME(0);

CREATE TABLE IF NOT EXISTS {everywhere:groups} {on_cluster}
(
    team_id          UInt32,
    group_type_index UInt8,
    group_key        String,
    created_at       DateTime64(6, 'UTC'),
    version          UInt64,
    properties       String CODEC(ZSTD(3)),
    props            Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = {engine_everywhere:ReplacingMergeTree(version)}
ORDER BY (team_id, group_type_index, group_key);

-- Members of a cohort as of one calculation (its version); old versions are dropped by the calculation.
CREATE TABLE IF NOT EXISTS {everywhere:cohort_member} {on_cluster}
(
    team_id   UInt32,
    cohort_id UInt32,
    version   UInt32,
    person_no UInt32
)
ENGINE = {engine_everywhere:ReplacingMergeTree}
ORDER BY (team_id, cohort_id, version, person_no);
