// The first pass of the optimal rule for i.i.d. drafts: sums of p and q in 2,048 buckets of p/q.
//
// Other than in ratio_sums no edge is blurred and the quantum is 2^-62, for the law of what is emitted
// rests on these sums: it is as exact as they are.
#include "fixed_point.cuh"
#include "iid_token.cuh"

constexpr int THREADS = 512;
constexpr int LOADS = 2;  // groups of four tokens in flight in each thread

#if INPUT_BITS == 64
__device__ inline u64 finely(double x) { return __double2ull_rn(x * 4611686018427387904.0); }
#else
__device__ inline u64 finely(float x) { return __float2ull_rn(x * 4611686018427387904.0f); }
#endif

struct Running {
    Sums below, above;
    u64 undrafted;
    float rough;
    int bad;

    __device__ void take(Chances x, int base, Buckets<BUCKETS> buckets) {
        bad |= !(x.p >= 0 && x.p <= 2 && x.q >= 0 && x.q <= 2);
        rough += (float)x.p + (float)x.q;
        const u64 p = finely(x.p), q = finely(x.q);
        if (!(x.q > 0)) {
            undrafted += p;
            return;
        }
        const int place = place_of(x.p, x.q, base);
        if (place == BELOW)
            below = below + Sums{p, q};
        else if (place == ABOVE)
            above = above + Sums{p, q};
        else
            buckets.add(buckets.at(place - 1), p, q);
    }
};

// Grid: splits * rows blocks. `sums` are zero.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    iid_sums(const Element* p, const Element* q, long long p_stride, long long q_stride,
             const Scale* scales, IidSums* sums, int vocabulary, int base, int splits) {
    DYNAMIC_SHARED(memory);
    __shared__ Sums scratch[THREADS / WARP];
    const int row = blockIdx.x / splits, split = blockIdx.x % splits;
    const Chunk chunk(vocabulary, splits, split);
    const Buckets<BUCKETS> buckets(memory);
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    p += row * p_stride;
    q += row * q_stride;
    Running running = {{0, 0}, {0, 0}, 0, 0, 0};
    const int step = 4 * blockDim.x;
    for (int start = chunk.begin + 4 * threadIdx.x; start < chunk.end; start += LOADS * step) {
        Four a[LOADS], b[LOADS];
#pragma unroll
        for (int m = 0; m < LOADS; ++m) {
            const int i = start + m * step;
            a[m] = load_four(p + i, chunk.end - i);
            b[m] = load_four(q + i, chunk.end - i);
        }
#pragma unroll
        for (int m = 0; m < LOADS; ++m)
#pragma unroll
            for (int k = 0; k < 4; ++k)
                if (start + m * step + k < chunk.end)
                    running.take(chances_of(a[m].x[k], b[m].x[k], scale), base, buckets);
    }
    const Sums others = {running.undrafted, (u64)(fminf(running.rough, 1e9f) * (float)ROUGH)};
    Sums below, above, rest;
    sums_before(running.below, scratch, &below);
    sums_before(running.above, scratch, &above);
    sums_before(others, scratch, &rest);
    const int bad = __syncthreads_or(running.bad);
    IidSums& own = sums[row];
    for (int k = threadIdx.x; k < BUCKETS; k += blockDim.x) {
        const Sums x = buckets[k];
        if (x.p) atomicAdd(&own.bucket[k].p, x.p);
        if (x.q) atomicAdd(&own.bucket[k].q, x.q);
    }
    if (threadIdx.x > 0) return;
    atomicAdd(&own.below.p, below.p);
    atomicAdd(&own.below.q, below.q);
    atomicAdd(&own.above.p, above.p);
    atomicAdd(&own.above.q, above.q);
    atomicAdd(&own.undrafted, rest.p);
    atomicAdd(&own.rough, rest.q);
    atomicAdd(&own.bad, (u64)bad);
}
