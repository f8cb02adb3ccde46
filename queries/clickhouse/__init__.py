"""The event store: its client, its numbered schema migrations, its bulk insert."""
