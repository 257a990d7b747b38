"""α*, the optimal verifier and some rates on a CUDA device, by kernels of our own.

:mod:`launching` compiles and starts kernels, :mod:`inputs` says which variant reads an input,
:mod:`solving` makes routes of them, and the other files hold one computation each. Importing this
package touches no device.
"""
