"""Ingests shown in a storage service beside us: as ingests of its own, in its tracker, by its messages."""
