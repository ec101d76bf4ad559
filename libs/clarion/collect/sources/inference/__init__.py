"""What a file of an unknown shop holds: its bytes, its lines, its columns, its kind."""
