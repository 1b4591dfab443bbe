"""Airflow is imported in a home of its own before the tests here are collected."""

from airflow_home import airflow_home

airflow_home()
