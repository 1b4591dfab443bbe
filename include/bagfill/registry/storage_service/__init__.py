"""Bag versions of a storage service beside us: read from its own tables, and given one more location there."""
