"""The engine's own configuration files, written at each start into the data folder.

Differences from a server that matter to SQL are taken away here: `implicit_select` and introspection off.
The user has no password inside the engine, because the gateway has checked it already; a dictionary
that reads a local table with the gateway's user and password is let in the same way.
"""

from __future__ import annotations

import os
from pathlib import Path

PASSWORD_VARIABLE = "CLICKHOUSE_GATEWAY_PASSWORD"  # how the gateway is told its password

_CONFIG = """<clickhouse>
    <users_config>{users}</users_config>
    <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
    <!-- The default of 5 GB is too much beside everything else on one machine. -->
    <mark_cache_size>{mark_cache_bytes}</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <background_pool_size>{merge_threads}</background_pool_size>
    <background_schedule_pool_size>4</background_schedule_pool_size>
    <!-- Lets cluster forms of CREATE be parsed and their macros be read; nothing listens there. -->
    <macros><shard>01</shard><replica>embedded</replica></macros>
    <remote_servers>
        <embedded><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></embedded>
    </remote_servers>
    <query_log>
        <database>system</database>
        <table>query_log</table>
        <partition_by>toMonday(event_date)</partition_by>
        <ttl>event_date + INTERVAL 14 DAY DELETE</ttl>
        <flush_interval_milliseconds>2000</flush_interval_milliseconds>
    </query_log>
</clickhouse>
"""
_USERS = """<clickhouse>
    <profiles>
        <default>
            <max_threads>{threads}</max_threads>
            <implicit_select>0</implicit_select>
            <allow_introspection_functions>0</allow_introspection_functions>
        </default>
    </profiles>
    <users>
        <default>
            <no_password/>
            <profile>default</profile>
            <quota>default</quota>
            <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
        </default>
    </users>
    <quotas><default/></quotas>
</clickhouse>
"""
_MARK_CACHE_BYTES = 256 * 1024**2


def write(folder: Path, memory_bytes: int | None = None) -> Path:
    """Write both files into `folder` and return the main one. By default half of the memory may be used."""
    threads = max(2, os.cpu_count() or 2)
    users = folder / "users.xml"
    users.write_text(_USERS.format(threads=threads))
    config = folder / "config.xml"
    config.write_text(
        _CONFIG.format(
            users=users,
            memory_bytes=memory_bytes or usable_memory() // 2,
            mark_cache_bytes=_MARK_CACHE_BYTES,
            merge_threads=min(threads, 4),
        )
    )
    return config


def usable_memory() -> int:
    """Bytes this process may use at all: the machine's, or its control group's if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    group = Path("/sys/fs/cgroup/memory.max")
    if group.exists() and (text := group.read_text().strip()).isdecimal():
        total = min(total, int(text))
    return total
