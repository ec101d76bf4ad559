"""A new shop: its folder, its mapping, its machine."""
