// Which edges become rungs. Tokens spread over rungs have a curve (q(H), p(H)) of prefixes that is the
// polygon of tangents at the rungs, below the tokens' own. So p(H) - q(H)^n loses nothing as long as no
// corner of the polygon is below its least value: intervals grow by doubling while that holds, and a few
// dozen remain, narrow only about the minimum.
#pragma once
#include "iid_row.cuh"

constexpr int DEPTH = 11;  // a heap of intervals: node 1 holds all buckets, node 2048 + k bucket k
constexpr int THREADS = 256;
constexpr int EACH = BUCKETS / THREADS;
constexpr double ENDLESS = 1e300;  // NVRTC has no INFINITY

__device__ inline double power(double x, int n) {
    double y = x;
    for (int k = 1; k < n; ++k) y *= x;
    return y;
}

// What the tokens of an interval put on its two ends, of q.
struct Ends {
    double low, high;
};

// (p - ratio q) without loss by cancellation; p and q hold more bits than a double.
__device__ inline double excess(Sums x, double ratio) {
    const double p = (double)x.p, q = (double)x.q;
    const double rest_p = (double)(long long)(x.p - (u64)p), rest_q = (double)(long long)(x.q - (u64)q);
    return fma(-ratio, q, p) + (rest_p - ratio * rest_q);
}

__device__ inline Ends spread(Sums x, double from, double to) {
    const double scale = QUANTUM / (to - from), whole = (double)x.q * QUANTUM;
    return {fmin(fmax(-excess(x, to) * scale, 0.0), whole), fmin(fmax(excess(x, from) * scale, 0.0), whole)};
}

struct Ladder {
    const Sums* before;  // sums below edge k, at k
    Sums total;          // of tokens with q > 0
    double p_sum, q_sum;
    int n, base;

    // Value of a prefix that ends at an edge, or at a corner of the polygon above the edge.
    __device__ double value(Sums edge_sums, double low, double ratio) const {
        const double q = ((double)edge_sums.q * QUANTUM + low) / q_sum;
        return ((double)edge_sums.p * QUANTUM + ratio * low) / p_sum - power(q, n);
    }

    __device__ double at_edge(int k) const { return value(before[k], 0, 0); }

    __device__ double corner(int from, int to) const {
        const Sums x = {before[to].p - before[from].p, before[to].q - before[from].q};
        if (x.q == 0) return 0;
        const double ratio = edge(from, base);
        return value(before[from], spread(x, ratio, edge(to, base)).low, ratio);
    }

    // Below the lowest bucket, between the ratio zero and its edge.
    __device__ double lowest_corner() const {
        return value({0, 0}, spread(before[0], 0, edge(0, base)).low, 0);
    }
};

// Marks the heap's nodes that may be one interval each: their corner is not below `least`.
__device__ inline void mark_whole(const Ladder& ladder, double least, u8* whole) {
    for (int node = threadIdx.x + 1; node < BUCKETS; node += THREADS) {
        int depth = 0;
        while (node >> (depth + 1)) ++depth;
        const int size = BUCKETS >> depth, from = (node - (1 << depth)) * size;
        whole[node] = ladder.corner(from, from + size) >= least;
    }
}

// Whether an interval begins at this bucket: it is the first of its largest whole node.
__device__ inline bool begins(const u8* whole, int bucket) {
    for (int depth = 0; depth < DEPTH; ++depth)
        if (whole[(BUCKETS + bucket) >> (DEPTH - depth)]) return bucket % (BUCKETS >> depth) == 0;
    return true;
}

// Chooses the intervals and writes their first buckets from start[1] on, then the end of the last; start[0]
// stands for what lies below all buckets. Returns how many there are. Gives way by as little as
// it can where they would be more than fit.
__device__ inline int choose_intervals(const Ladder& ladder, double least, u8* whole, u16* start, u8* label) {
    __shared__ Sums scratch[THREADS / WARP];
    Sums total;
    bool first[EACH];
    u64 own, upto;
    for (double slack = 0;; slack = slack > 0 ? 8 * slack : 1.0 / (1 << 30)) {
        __syncthreads();
        mark_whole(ladder, least - slack, whole);
        __syncthreads();
        own = 0;
        for (int k = 0; k < EACH; ++k) own += first[k] = begins(whole, EACH * threadIdx.x + k);
        upto = sums_before({own, 0}, scratch, &total).p;
        if (total.p <= RUNGS - 4) break;
    }
    for (int k = 0; k < EACH; ++k) {
        const int bucket = EACH * threadIdx.x + k;
        upto += first[k];
        label[bucket + 1] = (u8)upto;
        if (first[k]) start[upto] = (u16)bucket;
    }
    const int count = (int)total.p;
    if (threadIdx.x == 0) {
        start[0] = 0;
        start[count + 1] = BUCKETS;
        label[BELOW] = 0;
        label[ABOVE] = (u8)(count + 2);
    }
    __syncthreads();
    return count;
}
