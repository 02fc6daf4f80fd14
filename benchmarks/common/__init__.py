"""What the benchmarks share; what also runs in the environments of peers needs nothing but PyTorch."""
