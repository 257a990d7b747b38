// What is known of one row, and the best of the prefixes that end at a bucket's edge.
#pragma once
#include "fixed_point.cuh"
#include "inputs.cuh"

constexpr int BUCKETS = 2048;
constexpr int THREADS = BLOCK_THREADS;
constexpr int EACH = BUCKETS / THREADS;
constexpr int FIRST_SHIFT = 17;  // a first bucket is 2^-6 of an octave wide
constexpr int HEAVY = 128;       // at most so many tokens have p or q of 2^-6 or more
constexpr int COUNTS = 2;        // a row's blocks count: blocks done, heavy tokens
constexpr Real HEAVY_MASS = Real(1) / 64;

// One byte a token tells its bucket roughly: two buckets a class in the upper six octaves, where the
// minimum mostly lies, 26 below.
__device__ inline int class_of(int rank, int base) {
    constexpr int FINE = BUCKETS - 384;
    const int bucket = rank < base ? 0 : min((rank - base) >> FIRST_SHIFT, BUCKETS - 1);
    return bucket < FINE ? bucket / 26 : FINE / 26 + (bucket - FINE) / 2;
}

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
    // (theorem 6.e).
    __device__ double bound(double a, double b, Sums inside, int low_rank, int high_rank) const {
        const double width = (double)inside.q * q_unit, chord = target(inside) - (b - a);
        const double falls = chord - ratio_at(low_rank) * scale * (1 - RATIO_ERROR) * width;
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
// of one block; `sums` are the buckets EACH * threadIdx.x onwards. `row` holds total, below, and the
// best edge known before: value and cut.
__device__ inline void find_best_edge(Row* row, const Sums* sums, Span span, int n, const Heavy* found,
                                      int count) {
    __shared__ Heavy heavy[HEAVY];  // every bucket that is looked at twice goes through all of them
    __shared__ Sums scratch[THREADS / WARP];
    __shared__ Least least_scratch[THREADS / WARP];
    __shared__ int first, last;
    const Row known = *row;
    const Curve curve(known.total, n);
    for (int h = threadIdx.x; h < count; h += blockDim.x) heavy[h] = found[h];
    Sums own = {0, 0}, whole;
    for (int k = 0; k < EACH; ++k) own = own + sums[k];
    const Sums start = known.below + sums_before(own, scratch, &whole);
    Least best = {known.value, known.cut};
    if (threadIdx.x == 0) {
        best = smaller(best, {curve.at(known.below), span.base});
        first = BUCKETS;
        last = -1;
    }
    Sums left = start;
    for (int k = 0; k < EACH; ++k) {
        left = left + sums[k];
        best = smaller(best, {curve.at(left), span.edge(EACH * threadIdx.x + k + 1)});
    }
    best = block_least(best, least_scratch);
    double lower = best.value, value = curve.at(start);
    left = start;
    for (int k = 0; k < EACH; ++k) {
        const int place = EACH * threadIdx.x + k;
        const Sums right = left + sums[k];
        const double next = curve.at(right);
        if (sums[k].q) {
            const int low = span.edge(place), high = span.edge(place + 1);
            double bound = curve.bound(value, next, sums[k], low, high);
            if (bound < best.value && count)
                bound = fmax(bound, curve.bound(left, right, low, high, heavy, count));
            lower = fmin(lower, bound);
            if (bound < best.value) {
                atomicMin(&first, place);
                atomicMax(&last, place);
            }
        }
        left = right;
        value = next;
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
