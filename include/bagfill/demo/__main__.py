"""``python -m bagfill.demo up | down | serve FOLDER | clouds``: the embedded stack, or its clouds, without any bags."""

from __future__ import annotations

import sys
from pathlib import Path

from bagfill.demo.background import NotStarted, default_work_dir, serve, start_in_background, stop_in_background
from bagfill.demo.clouds import play_clouds
from bagfill.demo.server import NotInstalled


def up() -> int:
    try:
        running = start_in_background(default_work_dir())
    except (NotStarted, NotInstalled) as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    sys.stdout.write(
        f"Airflow   {running.address}\n"
        f"login     {running.user} / {running.password}\n"
        f"logs      {default_work_dir()}\n"
        f"CLI       source {default_work_dir() / 'environment.sh'}, then `bagfill …` works with this stack\n"
        "stop      make down\n"
    )
    return 0


def down() -> int:
    stopped = stop_in_background(default_work_dir())
    sys.stdout.write("stopped\n" if stopped else "nothing was running\n")
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["up"]:
            return up()
        case ["down"]:
            return down()
        case ["serve", folder]:
            return serve(Path(folder))
        case ["clouds"]:
            return play_clouds()
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
