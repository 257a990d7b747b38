// Searches in ascending tables in shared memory.
#pragma once

// How many numbers are at most x, in steps that do not branch.
__device__ inline int at_most(const double* ascending, int size, double x) {
    int start = 0;
    while (size > 1) {
        const int half = size / 2;
        start += ascending[start + half - 1] <= x ? half : 0;
        size -= half;
    }
    return start + (size == 1 && ascending[start] <= x);
}

__device__ inline void copy_table(double* to, const double* from, int size) {
    for (int k = threadIdx.x; k < size; k += blockDim.x) to[k] = from[k];
}
