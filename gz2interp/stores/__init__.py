"""What is on disk: the survey folder, its arrays and tables, its journal, its models and what was found in them."""
