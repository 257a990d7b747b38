// The scale of a row of logits, from all the blocks that share the row.
#pragma once
#include "exponentials.cuh"
#include "rows.cuh"

// How blocks share a row.
struct Shares {
    int vocabulary, splits;

    __device__ int begin(int split) const {
        const int chunk = ((vocabulary + splits - 1) / splits + 15) / 16 * 16;
        return min(split * chunk, vocabulary);
    }
    __device__ int end(int split) const { return begin(split + 1); }
};

constexpr int PATIENCE = 1 << 12;  // looks at a counter, some milliseconds

__device__ inline Pair of_split(const Element* p, const Element* q, Shares shares, int split, float factor,
                                Exponentials* scratch) {
    const int begin = shares.begin(split), end = shares.end(split);
    const Exponentials of_p = block_merged(of_chunk(p, begin, end, factor), scratch);
    return {of_p, block_merged(of_chunk(q, begin, end, factor), scratch)};
}

// The scale of a row from all of its blocks, each of which has read its chunk once: the second reading
// finds it in the cache. A block waits for the others of its row only, and they have all been started
// before any of a later row. Where the device is too busy to run them together it does their work as well.
__device__ inline Scale agreed_scale(const Element* p, const Element* q, Shares shares, float factor,
                                     Exponentials* of_row, u32* arrived, int split) {
    __shared__ Exponentials scratch[THREADS / WARP];
    __shared__ bool complete;
    const Pair own = of_split(p, q, shares, split, factor, scratch);
    if (threadIdx.x == 0) {
        of_row[2 * split] = own.p;
        of_row[2 * split + 1] = own.q;
        __threadfence();
        atomicAdd(arrived, 1u);
        complete = false;
        for (int k = 0; k < PATIENCE && !complete; ++k) complete = __ldcg(arrived) == (u32)shares.splits;
        __threadfence();
    }
    __syncthreads();
    if (complete) {
        const Exponentials of_p = merged_parts(of_row, shares.splits, 2, scratch);
        return scale_of({of_p, merged_parts(of_row + 1, shares.splits, 2, scratch)}, factor);
    }
    Pair some = {{-INFINITY, 0}, {-INFINITY, 0}};
    for (int k = 0; k < shares.splits; ++k) {
        const Pair other = of_split(p, q, shares, k, factor, scratch);
        if (threadIdx.x == k % blockDim.x) some = {merged(some.p, other.p), merged(some.q, other.q)};
    }
    const Exponentials of_p = block_merged(some.p, scratch);
    return scale_of({of_p, block_merged(some.q, scratch)}, factor);
}
