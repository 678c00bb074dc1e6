"""`python -m gatepost`."""

from gatepost import main

if __name__ == "__main__":
    main()
