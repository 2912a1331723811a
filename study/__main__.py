"""`python -m study` and `lora-study`."""

from __future__ import annotations


def main() -> None:
    """Run the command line; heavy imports wait until they are needed."""
    from study.core import command

    command.set_up("lora-study")
    from study.commands.study import main as run

    run()


if __name__ == "__main__":
    main()
