"""One thin file per deployable job."""
