"""The use cases: one file per step in the life of a bag. Plain functions ``(services, request) -> outcome``."""
