"""The command line: reads options, shows progress, prints results and errors."""
