// Sums of exponentials of logits, kept apart from their largest term.
#pragma once
#include "inputs.cuh"

// The sum of 2^x over some x, as 2^largest * rest.
struct Exponentials {
    float largest, rest;
};

// Every product is rounded before it is added, so that all kernels find the same bits.
__device__ inline Exponentials merged(Exponentials a, Exponentials b) {
    const float largest = fmaxf(a.largest, b.largest);
    if (largest == -INFINITY) return {largest, a.rest + b.rest};
    const float rest_a = __fmul_rn(a.rest, exp2f(a.largest - largest));
    return {largest, rest_a + __fmul_rn(b.rest, exp2f(b.largest - largest))};
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

// Merges what blocks have found of a row: each `step`-th of `parts`.
__device__ inline Exponentials merged_parts(const Exponentials* parts, int count, int step,
                                            Exponentials* scratch) {
    Exponentials own = {-INFINITY, 0};
    for (int k = threadIdx.x; k < count; k += blockDim.x)
        own = merged(own, {__ldcg(&parts[k * step].largest), __ldcg(&parts[k * step].rest)});
    return block_merged(own, scratch);
}

__device__ inline Exponentials of_chunk(const Element* x, int begin, int end, float factor) {
    constexpr int loads = 64 / (4 * sizeof(Element));
    Exponentials own = {-INFINITY, 0};
    const int step = 4 * blockDim.x;
    for (int start = begin + 4 * threadIdx.x; start < end; start += loads * step) {
        Four four[loads];
#pragma unroll
        for (int m = 0; m < loads; ++m) four[m] = load_four(x + start + m * step, end - (start + m * step));
        float scaled[4 * loads], largest = own.largest;
#pragma unroll
        for (int k = 0; k < 4 * loads; ++k) {
            const int i = start + k / 4 * step + k % 4;
            scaled[k] = i < end ? __fmul_rn((float)widened(four[k / 4].x[k % 4]), factor) : -INFINITY;
            largest = fmaxf(largest, scaled[k]);
        }
        if (largest == -INFINITY) {
            for (int k = 0; k < 4 * loads; ++k) own.rest += scaled[k] != scaled[k] ? scaled[k] : 0;
            continue;
        }
        own.rest = __fmul_rn(own.rest, exp2f(own.largest - largest));
        own.largest = largest;
        for (int k = 0; k < 4 * loads; ++k) own.rest += exp2f(scaled[k] - largest);
    }
    return own;
}

// What a chunk of a row has of both.
struct Pair {
    Exponentials p, q;
};

__device__ inline Scale scale_of(Pair x, float factor) {
    return {factor, x.p.largest + log2f(x.p.rest), x.q.largest + log2f(x.q.rest)};
}
