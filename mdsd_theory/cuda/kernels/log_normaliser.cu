// log2 of the sum of exponentials of whole rows of logits, of target and draft in one launch.
#include "stream.cuh"

constexpr int THREADS = BLOCK_THREADS;

// The sum of 2^x over some x, as 2^largest * rest.
struct Exponentials {
    float largest, rest;
};

__device__ inline float weight(float largest, float of_all) {
    return of_all == -INFINITY ? 1.0f : exp2f(largest - of_all);
}

__device__ inline Exponentials block_merged(Exponentials x, float* scratch) {
    const float largest = over_block(x.largest, scratch, [](float a, float b) { return fmaxf(a, b); });
    const auto sum = [](float a, float b) { return a + b; };
    return {largest, over_block(x.rest * weight(x.largest, largest), scratch, sum)};
}

// Merges what blocks have found of a row.
__device__ inline Exponentials merged_parts(const Exponentials* parts, int count, float* scratch) {
    Exponentials own = {-INFINITY, 0};
    for (int k = threadIdx.x; k < count; k += blockDim.x) {
        const Exponentials part = {__ldcg(&parts[k].largest), __ldcg(&parts[k].rest)};
        const float largest = fmaxf(own.largest, part.largest);
        own = {largest, own.rest * weight(own.largest, largest) + part.rest * weight(part.largest, largest)};
    }
    return block_merged(own, scratch);
}

__device__ inline Exponentials of_chunk(const Element* x, Chunk chunk, float factor, u8* memory) {
    Exponentials own = {-INFINITY, 0};
    const Element* const one[] = {x};
    stream<THREADS>(one, chunk, memory, [&](int, const Group* groups) {
        float scaled[GROUP], largest = own.largest;
#pragma unroll
        for (int k = 0; k < GROUP; ++k) {
            scaled[k] = (float)widened(groups[0].x[k]) * factor;
            largest = fmaxf(largest, scaled[k]);
        }
        if (largest == -INFINITY) {
            for (int k = 0; k < GROUP; ++k) own.rest += scaled[k] != scaled[k] ? scaled[k] : 0;
            return;
        }
        own.rest *= exp2f(own.largest - largest);
        own.largest = largest;
#pragma unroll
        for (int k = 0; k < GROUP; ++k) own.rest += near_exp2(scaled[k] - largest);
    });
    return own;
}

// Grid: rows * 2 * splits blocks; `partial` (rows, 2, splits); `tickets` (rows) are zero.
extern "C" __global__ void __launch_bounds__(THREADS)
    log_normaliser(const Element* p, const Element* q, long long p_stride, long long q_stride,
                   Exponentials* partial, u32* tickets, Scale* scales, int vocabulary, int splits,
                   float factor) {
    DYNAMIC_SHARED(memory);
    __shared__ float scratch[THREADS / WARP];
    const int row = blockIdx.x / (2 * splits), part = blockIdx.x % (2 * splits);
    const int split = part % splits;
    const Chunk chunk(vocabulary, splits, split);
    const Element* x = part < splits ? p + row * p_stride : q + row * q_stride;
    const Exponentials own = block_merged(of_chunk(x, chunk, factor, memory), scratch);
    Exponentials* of_row = partial + (long long)row * 2 * splits;
    if (threadIdx.x == 0) of_row[part] = own;
    if (!last_of_row(&tickets[row], 2 * splits)) return;
    const Exponentials of_p = merged_parts(of_row, splits, scratch);
    const Exponentials of_q = merged_parts(of_row + splits, splits, scratch);
    if (threadIdx.x == 0)
        scales[row] = {factor, of_p.largest + log2f(of_p.rest), of_q.largest + log2f(of_q.rest)};
}
