"""Alembic's environment; used through :mod:`bagfill.database.migrate`, which needs no ``alembic.ini``."""
