"""`python -m davy`."""

from davy.cli import main

if __name__ == "__main__":
    main()
