// What is known of one row, and the best of the prefixes that end at a bucket's edge.
#pragma once
#include "fixed_point.cuh"
#include "inputs.cuh"

constexpr int BUCKETS = 2048;
constexpr int THREADS = BLOCK_THREADS;
constexpr int EACH = BUCKETS / THREADS;
constexpr int FIRST_SHIFT = OCTAVE_SHIFT - 6;  // a first bucket is 2^-6 of an octave wide
constexpr int HEAVY = 128;                     // at most so many tokens have p or q of 2^-6 or more
constexpr int COUNTS = 3;                      // a row's blocks count: blocks done, heavy tokens, tokens in question
constexpr Real HEAVY_MASS = Real(1) / 64;

// Negative below all first buckets, BUCKETS or more above.
__device__ inline int first_bucket(int rank, int base) { return (rank - base) >> FIRST_SHIFT; }

// A byte a token tells its first bucket roughly: two buckets a class in the upper six octaves, where the
// minimum mostly lies, 32 below. It ascends with the bucket; saturated_bytes cuts it off at 0 and 255.
__device__ inline int unbounded_class(int bucket) {
    constexpr int FINE = BUCKETS - 384;
    return max(bucket >> 5, (bucket >> 1) - (FINE / 2 - FINE / 32));
}

__device__ inline u32 class_of(int bucket) { return min(max(unbounded_class(bucket), 0), 255); }

// Ranks below `cut` are H; the minimum lies between `first` and `last` if not there.
struct Row {
    Sums total;     // of the whole row
    Sums below;     // of the ranks below `first`
    double value;   // P(H) + 1 - q(H)^n
    double lower;   // no prefix has less
    int first, last, cut, bad;
};

// The tokens that make a bucket's bound loose, one by one.
struct Heavy {
    Sums x;
    long long rank;
};

// Buckets [base + k * 2^shift, base + (k + 1) * 2^shift) of the ranks below `end`.
struct Span {
    int base, end, shift;

    __device__ int edge(int k) const { return (k << shift) < end - base ? base + (k << shift) : end; }
};

struct Curve {
    double p_unit, q_unit, scale;  // of a quantum of p and q in shares of their sums; q_sum / p_sum
    int n;

    __device__ Curve(Sums total, int n)
        : p_unit(1 / (double)total.p), q_unit(1 / (double)total.q), scale((double)total.q * p_unit), n(n) {}

    __device__ double target(Sums x) const { return (double)x.p * p_unit; }

    __device__ double at(Sums x) const {
        const double inside = (double)x.q * q_unit;
        double power = inside;
        for (int k = 1; k < n; ++k) power *= inside;
        return target(x) + 1 - power;
    }

    // No prefix that ends inside a bucket, between values a and b, is below this: P + 1 - s^n is convex but
    // for the chord of s^n, and lies above the line from either end whose slope is the ratio there
    // (theorem 6.e). What is `enough` anyway is not worked out to the end.
    __device__ double bound(double a, double b, Sums inside, int low_rank, int high_rank,
                            double enough) const {
        const double width = (double)inside.q * q_unit, chord = target(inside) - (b - a);
        const double falls = chord - ratio_at(low_rank) * scale * (1 - RATIO_ERROR) * width;
        if (a - fmax(falls, 0.0) >= enough) return enough;
        const double rises = ratio_at(high_rank) * scale * (1 + RATIO_ERROR) * width - chord;
        const double whole = falls + rises;
        const double share = whole > 0 ? fmin(fmax((a - b + rises) / whole, 0.0), 1.0) : 1.0;
        return fmin(a - fmax(falls, 0.0) * share, fmin(a, b));
    }

    // The same, with each heavy token whole in or out: the rest has a ratio of at least the lowest. What is
    // left is concave in how much of it a prefix holds, so that all or none of it is the least.
    __device__ double bound(Sums left, Sums right, int low_rank, int high_rank, const Heavy* heavy,
                            int count) const {
        u64 rest = right.q - left.q, heavy_target = 0;
        int found = 0;
        for (int h = 0; h < count; ++h) {
            if (heavy[h].rank < low_rank || heavy[h].rank >= high_rank) continue;
            rest -= heavy[h].x.q;
            heavy_target += heavy[h].x.p;
            ++found;
        }
        const double ratio = ratio_at(low_rank) * (1 - RATIO_ERROR);
        const Sums least = {(u64)(ratio * (double)rest), rest};
        // Ranks tell two heavy tokens apart up to their error only.
        const double disorder = found > 1 ? 2 * RATIO_ERROR * (double)heavy_target * p_unit : 0;
        double lowest = fmin(at(left), at(left + least));
        for (int h = 0; h < count; ++h) {
            if (heavy[h].rank < low_rank || heavy[h].rank >= high_rank) continue;
            Sums some = left;
            for (int other = 0; other < count; ++other)
                if (heavy[other].rank >= low_rank && heavy[other].rank <= heavy[h].rank)
                    some = some + heavy[other].x;
            lowest = fmin(lowest, fmin(at(some), at(some + least)));
        }
        return lowest - disorder;
    }
};

// Finds the best edge of a span and what may lie between edges, and writes the row. Called by all threads
// of one block; `sums` are the buckets EACH * threadIdx.x onwards, `before` those before them. `row` holds
// total, below, and the best edge known before: value and cut.
__device__ inline void find_best_edge(Row* row, const Sums* sums, Sums before, Span span, int n,
                                      const Heavy* found, int count) {
    __shared__ Heavy heavy[HEAVY];
    __shared__ u32 has_heavy[BUCKETS / 32];  // a bit for each bucket that holds heavy tokens
    __shared__ Least least_scratch[THREADS / WARP];
    __shared__ int first, last;
    const Row known = *row;
    const Curve curve(known.total, n);
    for (int k = threadIdx.x; k < BUCKETS / 32; k += blockDim.x) has_heavy[k] = 0;
    if (threadIdx.x == 0) {
        first = BUCKETS;
        last = -1;
    }
    const Sums start = known.below + before;
    double value[EACH + 1] = {curve.at(start)};
    Least best = {known.value, known.cut};
    if (threadIdx.x == 0) best = smaller(best, {value[0], span.base});
    Sums left = start;
    for (int k = 0; k < EACH; ++k) {
        left = left + sums[k];
        value[k + 1] = curve.at(left);
        best = smaller(best, {value[k + 1], span.edge(EACH * threadIdx.x + k + 1)});
    }
    best = block_least(best, least_scratch);
    for (int h = threadIdx.x; h < count; h += blockDim.x) {
        heavy[h] = found[h];
        const long long above = heavy[h].rank - span.base;
        const int bucket = (int)(above >> span.shift);
        if (above >= 0 && heavy[h].rank < span.end && bucket < BUCKETS)
            atomicOr(&has_heavy[bucket / 32], 1u << (bucket % 32));
    }
    __syncthreads();
    double lower = best.value;
    left = start;
    for (int k = 0; k < EACH; ++k) {
        const int place = EACH * threadIdx.x + k;
        const Sums right = left + sums[k];
        if (sums[k].q) {
            const int low = span.edge(place), high = span.edge(place + 1);
            double bound = curve.bound(value[k], value[k + 1], sums[k], low, high, best.value);
            if (bound < best.value && has_heavy[place / 32] >> (place % 32) & 1)
                bound = fmax(bound, curve.bound(left, right, low, high, heavy, count));
            lower = fmin(lower, bound);
            if (bound < best.value) {
                atomicMin(&first, place);
                atomicMax(&last, place);
            }
        }
        left = right;
    }
    lower = block_least({lower, 0}, least_scratch).value;
    const bool settled = last < 0;
    left = start;
    for (int k = 0; k < EACH; ++k) {
        if (!settled && EACH * (int)threadIdx.x + k == first) row->below = left;
        left = left + sums[k];
    }
    if (threadIdx.x == 0) {
        row->value = best.value;
        row->cut = best.place;
        row->lower = lower;
        row->first = settled ? best.place : span.edge(first);
        row->last = settled ? best.place : span.edge(last + 1);
    }
}

// Writes which tokens of a chunk rank below the cut.
__device__ inline void write_prefix(const Element* p, const Element* q, Scale scale, int cut, u8* subset,
                                    Chunk chunk) {
    constexpr int loads = 4, step = 4 * THREADS;
    for (int start = chunk.begin + 4 * threadIdx.x; start < chunk.end; start += loads * step) {
        u32 inside[loads] = {};
#pragma unroll
        for (int m = 0; m < loads; ++m) {
            const int i = start + m * step;
            const Four a = load_four(p + i, chunk.end - i), b = load_four(q + i, chunk.end - i);
            for (int k = 0; k < 4; ++k)
                inside[m] |= (u32)(token_of(a.x[k], b.x[k], scale).rank < cut) << (8 * k);
        }
        for (int m = 0; m < loads; ++m) {
            const int i = start + m * step;
            if (ALIGNED && i + 4 <= chunk.end)
                *(u32*)(subset + i) = inside[m];
            else
                for (int k = 0; k < 4 && i + k < chunk.end; ++k) subset[i + k] = (u8)(inside[m] >> (8 * k));
        }
    }
}
