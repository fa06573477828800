"""Labels: by folder, by file name, or by a table of files, endpoints and times."""
