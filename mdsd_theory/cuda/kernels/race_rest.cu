// Before a race: how much of q lies outside its n - 1 largest tokens, from a histogram of q.
//
// A bucket of the histogram is an eighth of an octave of q wide; its tokens count as its lower edge, so that
// the mass found is too small by an eighth at most.
#include "race_rows.cuh"

constexpr int THREADS = 512;
constexpr int SIZES = 2048;
constexpr int COPIES = 4;  // lanes of a warp spread over copies, as flat rows have one bucket only
constexpr int EACH = SIZES / THREADS;

__device__ inline float draft_of(Element b, Scale scale) {
#if LOGITS
    return near_exp2(fmaf(widened(b), scale.factor, -scale.q_offset));
#else
    return (float)widened(b);
#endif
}

__device__ inline void count_chunk(const Element* q, Chunk chunk, Scale scale, u32* counts) {
    for (int i = chunk.begin + 4 * threadIdx.x; i < chunk.end; i += 4 * blockDim.x) {
        const Four b = load_four(q + i, chunk.end - i);
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            const float x = i + k < chunk.end ? draft_of(b.x[k], scale) : 0.0f;
            if (x > 0) atomicAdd(&counts[COPIES * (__float_as_uint(x) >> 20) + threadIdx.x % COPIES], 1u);
        }
    }
}

// The least rank that no H needs: P(i in S) <= q_i E T <= q_i n / rest, T the time of the n-th draft.
// Rows may sum to a little more or less than one.
__device__ inline int top_of(int n, double rest) {
    const double largest = 1.1 * n / rest;
    const int rank = rank_at(fmin(largest, 1e18));
    return ((rank >> FIRST_SHIFT) + 1) << FIRST_SHIFT;
}

// Grid: splits * rows blocks. `rows` and `partial` (rows, SIZES) are zero; `partial` may be null if
// splits = 1. The last node is at last/rest, the first before `earliest`, both in units of 1/q.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    race_rest(const Element* q, long long q_stride, const Scale* scales, Row* rows, u32* partial,
              int vocabulary, int n, int splits, double step, double earliest, double last, double lightest) {
    __shared__ u32 counts[COPIES * SIZES];
    __shared__ Sums scratch[THREADS / WARP];
    __shared__ double sum_scratch[THREADS / WARP];
    const int row = blockIdx.x / splits;
    for (int k = threadIdx.x; k < COPIES * SIZES; k += blockDim.x) counts[k] = 0;
    __syncthreads();
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    count_chunk(q + row * q_stride, Chunk(vocabulary, splits, blockIdx.x % splits), scale, counts);
    __syncthreads();
    u32* shared_row = partial + (long long)row * SIZES;
    u32 own[EACH];
    for (int k = 0; k < EACH; ++k) {
        const int size = EACH * threadIdx.x + k;
        own[k] = 0;
        for (int c = 0; c < COPIES; ++c) own[k] += counts[COPIES * size + c];
        if (splits > 1 && own[k]) atomicAdd(&shared_row[size], own[k]);
    }
    if (splits > 1) {
        if (!last_of_row(&rows[row].ticket, splits)) return;
        for (int k = 0; k < EACH; ++k) own[k] = __ldcg(&shared_row[EACH * threadIdx.x + k]);
    }
    u64 count = 0;
    for (int k = 0; k < EACH; ++k) count += own[k];
    Sums all;
    const Sums before = sums_before({count, 0}, scratch, &all);
    u64 above = all.p - before.p - count;
    double mass = 0;
    for (int k = EACH - 1; k >= 0; --k) {
        const u64 largest = above < n - 1 ? min((u64)own[k], (u64)(n - 1) - above) : 0;
        if (own[k] > largest)
            mass += (double)(own[k] - largest) * (double)__uint_as_float((EACH * threadIdx.x + k) << 20);
        above += own[k];
    }
    mass = over_block(mass, sum_scratch, [](double a, double b) { return a + b; }) * (1 - 1e-6);  // q was rounded to a float
    if (threadIdx.x > 0) return;
    // Below this mass the tokens that token_of takes for never drafted would count.
    if (all.p < n || !(mass >= 1e-14 && mass < 8)) {
        rows[row].bad = NOT_SERVED;
        return;
    }
    rows[row].rest = mass;
    rows[row].scale = (float)(last / (lightest * mass));  // so that no other rounding matters to x
    rows[row].nodes = max(2, (int)ceil(log(last / (mass * earliest)) / step) + 1);
    rows[row].top = top_of(n, mass);
}
