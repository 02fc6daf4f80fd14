"""`python -m pipeline` is `hypercolumn` of exactly that Python, wherever its scripts are."""

from pipeline.cli import main

if __name__ == "__main__":
    main()
