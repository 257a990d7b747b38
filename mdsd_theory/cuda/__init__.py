"""α* and the optimal verifier on a CUDA device, by kernels of our own.

:mod:`launching` compiles and starts kernels, :mod:`sources` says which variants there are, and the other
files hold one computation each. Importing this package touches no device.
"""
