"""Which rows a job may see, and where one person's rows are."""
