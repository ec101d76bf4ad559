"""Steps that several jobs share."""
