"""Airflow runs every file of the plugins folder that it is not told to leave alone, under its bare file name."""

from __future__ import annotations

from pathlib import Path

from airflow._shared.module_loading import find_path_from_directory

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def test_airflow_is_told_to_load_the_registration_alone() -> None:
    assert (PLUGINS / ".airflowignore").read_text() == "*.py\n!bagfill_plugin.py\n"


def test_airflow_loads_the_registration_alone() -> None:
    found = [Path(path) for path in find_path_from_directory(PLUGINS, ".airflowignore")]
    loaded = sorted(path.relative_to(PLUGINS).as_posix() for path in found if path.suffix == ".py")
    assert loaded == ["bagfill_plugin.py"]
    assert len(list(PLUGINS.rglob("*.py"))) > len(loaded), "there is nothing to leave alone"


def test_the_plugin_is_registered_by_name() -> None:
    import bagfill_plugin

    assert bagfill_plugin.BagfillPlugin.name == "bagfill"


def test_the_pages_have_a_place_in_navigation_and_a_tab_of_each_run_and_task() -> None:
    import bagfill_plugin

    views = {view["destination"]: view["href"] for view in bagfill_plugin.BagfillPlugin.external_views}
    assert views == {
        "nav": "/bagfill/ui/coverage",
        "dag_run": "/bagfill/ui/runs/{RUN_ID}",
        "task_instance": "/bagfill/ui/runs/{RUN_ID}",
    }
    routes = [view["url_route"] for view in bagfill_plugin.BagfillPlugin.external_views]
    assert len(set(routes)) == len(routes)
