"""Tells Airflow of Bagfill's plugin. All else is imported from the package ``bagfill_airflow`` where it is used."""

from airflow.plugins_manager import AirflowPlugin


class BagfillPlugin(AirflowPlugin):
    """Registered so that ``airflow plugins`` lists it; views and listeners are added here."""

    name = "bagfill"
