"""Groups of customers who shop alike, and how their model lives from day to day."""
