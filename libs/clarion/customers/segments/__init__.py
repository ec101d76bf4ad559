"""Groups of customers: found by KMeans, named by what sets them apart."""
