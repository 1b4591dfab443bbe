"""The command line: ``bagfill``. Commands import what they need when they run, so that help comes at once."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 a negative answer, 2 wrong use or a failure to find out."""
    from bagfill.cli.app import app

    app()
