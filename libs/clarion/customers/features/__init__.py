"""What customers are described by: features declared in conf/features.yml, computed as of any day."""
