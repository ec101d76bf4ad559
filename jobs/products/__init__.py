"""S3: quantify products."""
