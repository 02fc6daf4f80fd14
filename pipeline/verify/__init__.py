"""Whether a trained model is what its row says."""

from pipeline.verify.model import verify

__all__ = ["verify"]
