// Sums of exponentials of logits, kept apart from their largest term.
#pragma once
#include "inputs.cuh"

// The sum of 2^x over some x, as 2^largest * rest.
struct Exponentials {
    float largest, rest;
};

__device__ inline Exponentials merged(Exponentials a, Exponentials b) {
    const float largest = fmaxf(a.largest, b.largest);
    if (largest == -INFINITY) return {largest, a.rest + b.rest};
    return {largest, a.rest * exp2f(a.largest - largest) + b.rest * exp2f(b.largest - largest)};
}

__device__ inline Exponentials block_merged(Exponentials x, Exponentials* scratch) {
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        x = merged(x, {__shfl_xor_sync(ALL_LANES, x.largest, distance),
                       __shfl_xor_sync(ALL_LANES, x.rest, distance)});
    __syncthreads();
    if (threadIdx.x % WARP == 0) scratch[threadIdx.x / WARP] = x;
    __syncthreads();
    x = scratch[0];
    for (int w = 1; w < (int)blockDim.x / WARP; ++w) x = merged(x, scratch[w]);
    return x;
}

__device__ inline Exponentials of_chunk(const Element* x, int begin, int end, float factor) {
    Exponentials own = {-INFINITY, 0};
    const int step = 4 * blockDim.x;
    for (int i = begin + 4 * threadIdx.x; i < end; i += step) {
        const Four four = load_four(x + i, end - i);
        float scaled[4], largest = own.largest;
        for (int k = 0; k < 4; ++k) {
            scaled[k] = i + k < end ? (float)widened(four.x[k]) * factor : -INFINITY;
            largest = fmaxf(largest, scaled[k]);
        }
        if (largest == -INFINITY) {
            for (int k = 0; k < 4; ++k) own.rest += scaled[k] != scaled[k] ? scaled[k] : 0;
            continue;
        }
        own.rest *= exp2f(own.largest - largest);
        own.largest = largest;
        for (int k = 0; k < 4; ++k) own.rest += exp2f(scaled[k] - largest);
    }
    return own;
}

__device__ inline Scale scale_of(Exponentials p, Exponentials q, float factor) {
    return {factor, p.largest + log2f(p.rest), q.largest + log2f(q.rest)};
}
