"""What is wrong with a rule file: the value that all checked files share."""

from shared.events.problem import Problem, did_you_mean

__all__ = ["Problem", "did_you_mean"]
