"""The ingest tracker: one ingest per bag version that is processed, with the storage service's state machine."""
