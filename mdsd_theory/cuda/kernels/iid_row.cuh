// What the optimal rule for i.i.d. drafts keeps of one row, and the edges of its buckets.
//
// Two neighbouring edges in use are the ends of an interval of p/q. A token in it counts as the upper end
// with a chance that is linear in p/q, for each draft anew, and else as the lower one: rungs of a ladder.
#pragma once
#include "device.cuh"

constexpr int BUCKETS = 2048;
constexpr int COARSE = 512;       // the lowest buckets, 16 to an octave; the others are 256 to an octave
constexpr int COARSE_SHIFT = 19;
constexpr int FINE_SHIFT = 15;
constexpr int BELOW = 0, ABOVE = BUCKETS + 1;  // places of tokens outside all buckets

constexpr int RUNGS = 256;  // at most
constexpr int PIECES = 4 * RUNGS;
constexpr int BITS = 52;    // a chance is a multiple of 2^-BITS

// y stands for (law of the pick) * p_sum, to be compared with p as it was given.
struct IidRow {
    double p_sum, q_sum;
    double acceptance, optimum;  // sum of min(p, y); least P(H) + 1 - q(H)^n of the edges
    double floor, ceiling;       // between which p/q is clipped
    int rungs, atoms, bad, unused;
    double foot[RUNGS], step[RUNGS];   // of intervals: the upper end has chance (p/q - foot) * step
    double base[RUNGS], slope[RUNGS];  // y = q * base + (p - q * foot) * slope
    u64 keys[PIECES];                  // (chance of an atom's pieces so far) * 2^BITS
    u16 level[PIECES];                 // of pieces
    u16 atom[RUNGS];                   // of rungs
    u16 first[RUNGS + 4];              // of atoms: where their pieces begin
    u8 label[BUCKETS + 8];             // of places: the interval
};

static_assert(sizeof(IidRow) == 21584, "as in iid_plan.py");

// Sums of one row in fixed point, over tokens of positive q but for `p_sum` and `q_sum`.
struct IidSums {
    Sums bucket[BUCKETS];
    Sums below, above;
    u64 undrafted;  // p of tokens with q = 0
    u64 rough;      // of p + q in a coarser quantum: the others wrap at 4
    u64 bad;
};

constexpr int IID_WORDS = sizeof(IidSums) / 8;
constexpr double QUANTUM = 1.0 / (1ull << 62), ROUGH = 1 << 20;

// The lowest ratio of bucket k; of k = BUCKETS the end of the last.
__device__ inline float edge(int k, int base) {
    const int shift = k < COARSE ? COARSE_SHIFT : FINE_SHIFT;
    return __int_as_float(base + (k - COARSE) * (1 << shift));
}
