"""What is done to a whole database now and then: tables are brought to a version, files without rows removed."""
