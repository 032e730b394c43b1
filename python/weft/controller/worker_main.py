"""Runs `worker.py` under its own name: what it sends must not be of a module that is called `__main__`."""

from weft.controller.worker import main

if __name__ == "__main__":
    main()
