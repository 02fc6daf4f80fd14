"""The work on what is declared: jobs from a queue, who takes them, and how far it is."""
