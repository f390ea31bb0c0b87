"""`python -m adabench`: the command line without its script. Shipped as `adabench/__main__.py`."""

from adabench.cli.main import main

if __name__ == "__main__":
    main()
