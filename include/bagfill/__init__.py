"""Bagfill copies existing BagIt bags to a new storage location, proves every byte, and records the replica."""
