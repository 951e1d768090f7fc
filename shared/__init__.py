"""What the functions share; each folder is one small package with one job."""
