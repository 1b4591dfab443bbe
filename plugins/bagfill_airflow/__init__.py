"""Bagfill in Airflow: operators that call one step each, a sensor and a trigger, connections, what outcomes mean."""
