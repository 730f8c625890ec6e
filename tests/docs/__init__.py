"""What the documents say is tested: every example runs, every name exists, every link leads somewhere."""
