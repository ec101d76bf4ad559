"""S5: decide, deliver, measure and correct."""
