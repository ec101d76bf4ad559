"""What products are: rows of a feature matrix, and the products most like each."""
