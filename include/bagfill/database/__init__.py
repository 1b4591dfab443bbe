"""The database behind the registry and the ingest tracker: tables, migrations, connections."""
