"""Steps of jobs, with their scope: several share them, or they are too long for a job."""
