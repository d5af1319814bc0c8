"""``python -m dyadlab`` is the command ``dyadlab``."""

from dyadlab.cli import main

if __name__ == "__main__":
    main()
