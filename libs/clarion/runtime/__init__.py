"""How jobs run: declared, ordered, recorded."""
