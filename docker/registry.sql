-- Run once by PostgreSQL, when its volume is empty: the registry lives beside Airflow's own database.
CREATE DATABASE bagfill;
