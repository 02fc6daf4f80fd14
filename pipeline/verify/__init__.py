"""Whether a trained model is what its row says."""

from pipeline.verify.verification import verify

__all__ = ["verify"]
