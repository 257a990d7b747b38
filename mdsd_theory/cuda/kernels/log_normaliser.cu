// log2 of the sum of exponentials of whole rows of logits, of target and draft in one launch.
#include "inputs.cuh"

constexpr int THREADS = BLOCK_THREADS;

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

// Merges what blocks have found of a row.
__device__ inline Exponentials merged_parts(const Exponentials* parts, int count, Exponentials* scratch) {
    Exponentials own = {-INFINITY, 0};
    for (int k = threadIdx.x; k < count; k += blockDim.x)
        own = merged(own, {__ldcg(&parts[k].largest), __ldcg(&parts[k].rest)});
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
            scaled[k] = i < end ? (float)widened(four[k / 4].x[k % 4]) * factor : -INFINITY;
            largest = fmaxf(largest, scaled[k]);
        }
        if (largest == -INFINITY) {
            for (int k = 0; k < 4 * loads; ++k) own.rest += scaled[k] != scaled[k] ? scaled[k] : 0;
            continue;
        }
        own.rest *= exp2f(own.largest - largest);
        own.largest = largest;
        for (int k = 0; k < 4 * loads; ++k) own.rest += exp2f(scaled[k] - largest);
    }
    return own;
}

// Grid: rows * 2 * splits blocks; `partial` (rows, 2, splits); `tickets` (rows) are zero.
extern "C" __global__ void __launch_bounds__(THREADS)
    log_normaliser(const Element* p, const Element* q, long long p_stride, long long q_stride,
                   Exponentials* partial, u32* tickets, Scale* scales, int vocabulary, int splits,
                   float factor) {
    __shared__ Exponentials scratch[THREADS / WARP];
    const int row = blockIdx.x / (2 * splits), part = blockIdx.x % (2 * splits);
    const int split = part % splits;
    const Chunk chunk(vocabulary, splits, split);
    const Element* x = part < splits ? p + row * p_stride : q + row * q_stride;
    const Exponentials own = block_merged(of_chunk(x, chunk.begin, chunk.end, factor), scratch);
    Exponentials* of_row = partial + (long long)row * 2 * splits;
    if (threadIdx.x == 0) of_row[part] = own;
    if (!last_of_row(&tickets[row], 2 * splits)) return;
    const Exponentials of_p = merged_parts(of_row, splits, scratch);
    const Exponentials of_q = merged_parts(of_row + splits, splits, scratch);
    if (threadIdx.x == 0)
        scales[row] = {factor, of_p.largest + log2f(of_p.rest), of_q.largest + log2f(of_q.rest)};
}
