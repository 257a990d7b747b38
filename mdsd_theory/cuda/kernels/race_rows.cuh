// What is known of one row of a race without replacement.
//
// Rates are in units of the heaviest light token: x = q * scale, light if x <= 1. Heavy tokens are listed;
// light ones enter through sums of x, x^2, ..., x^powers over buckets of the ranks.
#pragma once
#include "fixed_point.cuh"
#include "inputs.cuh"

constexpr int CELLS = 256;         // buckets
constexpr int FIRST_SHIFT = OCTAVE_SHIFT - 3;  // a bucket of the first pass is an eighth of an octave wide
constexpr int MOST_HEAVY = 320;    // listed tokens a row
constexpr double X_UNIT = 1.0 / 1125899906842624.0;  // sums of powers of x count units of 2^-50
constexpr double P_UNIT = 1.0 / (double)(1ull << FRACTION);
constexpr int NO_PAIR = 1, NOT_SERVED = 2;  // why a row is bad

// Ranks below `cut` are H; a smaller value may only be found for a cut between `first` and `last`.
struct Row {
    u64 p_total, x_total;  // of the whole row, x of light tokens only
    double scale;          // x / q
    double value;          // P(H) + 1 - Q(H)
    double lower;          // no prefix has less
    double closed;         // no prefix cut outside of [first, last] has less
    double left;           // value of the prefix cut at `first`
    double rest;           // at most the mass of q outside the n - 1 largest tokens
    int first, last, cut, bad;
    int top, nodes;        // no H needs ranks from `top` on; nodes of the quadrature
    u32 heavy, ticket;     // heavy tokens found; blocks done
};

struct Heavy {
    double x;
    u64 p;
    long long rank;
};

