"""The words of Tidings as data: observation, verdict, episode, delivery, outcome, and their CloudEvents."""
