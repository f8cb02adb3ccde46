"""`python -m insights_service.embedded start`: the stack's commands without Django."""

import sys

from insights_service.embedded.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
