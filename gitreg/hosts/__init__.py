"""Code hosts: comments on requests, and who approved what. What is said there is not decided here."""
