"""The command line: ``bagfill``. Commands import what they need when they run, so that help comes at once."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 a negative answer, 2 wrong use or a failure to find out."""
    import sys

    from bagfill.collector import collect_seldom

    collect_seldom()
    from bagfill.cli.app import app
    from bagfill.cli.one_command import with_one_command

    with_one_command(app, sys.argv[1:])()
