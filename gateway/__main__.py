"""`python -m gateway`."""

from gateway.app.cli import main

if __name__ == "__main__":
    main()
