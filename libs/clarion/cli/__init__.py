"""The `clarion` command: parsing and printing only."""
