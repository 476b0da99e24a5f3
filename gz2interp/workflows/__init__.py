"""The only place that joins rooms: each file is one thing a user asks for, from the survey to what is kept or drawn."""
