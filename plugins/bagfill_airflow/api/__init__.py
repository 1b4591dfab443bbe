"""The HTTP API ``/bagfill``: the storage service's documents, for ingests of type ``replicate``."""
