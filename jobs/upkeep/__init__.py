"""Keep the lake in shape."""
