"""Tells Airflow of Bagfill's plugin. All else is imported from the package ``bagfill_airflow`` where it is used."""

from airflow.plugins_manager import AirflowPlugin

from bagfill_airflow.api.mounted import external_views, mounted_apps


class BagfillPlugin(AirflowPlugin):
    """Registered so that ``airflow plugins`` lists it, and the API server mounts ``/bagfill``."""

    name = "bagfill"
    fastapi_apps = mounted_apps()
    external_views = external_views()
