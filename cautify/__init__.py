"""cautify: teach a PyTorch codebase the Cautious Optimizer, keep the patch alive, and take it back."""

__version__ = "0.1.0"
