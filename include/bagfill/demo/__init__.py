"""The embedded stack: stand-ins for AWS and Azure, PostgreSQL and Airflow as local programs under a small supervisor.

Everything listens on loopback only, on free ports, and ends with the process that started it. This package starts
programs and imports none of them. Linux only: what must not be left behind is found through ``/proc``.
"""
