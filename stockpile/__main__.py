"""`python -m stockpile` is the command `stockpile`."""

from stockpile.cli import main

if __name__ == "__main__":
    main()
