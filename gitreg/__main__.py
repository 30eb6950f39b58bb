"""`python -m gitreg`."""

from gitreg.cli.main import main

if __name__ == "__main__":
    main()
