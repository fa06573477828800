"""The program `netdiffus`: runs the command line and turns errors into one line and an exit code."""

from netdiffus.cli.main import main

if __name__ == "__main__":
    main()
