"""ClickHouse's engine behind ClickHouse's HTTP interface, in one process on the loopback address.

chDB lets a single process own a data folder. This gateway is that process; everyone else talks to it
through the client and the SQL that production uses against a server.

    wire.py       bytes of a request -> Statement; engine errors -> HTTP       pure
    engine.py     Statement -> Reply, on chDB handles; sessions
    running.py    which statements run, for whom, and how they are cancelled
    server.py     sockets, threads, chunks
    config.py     the engine's configuration files
    __main__.py   the process: arguments, signals
"""
