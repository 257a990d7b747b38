// 1 - Q(H) of many H at once: one warp a run of edges, one lane a node of the quadrature.
//
//     1 - Q(H) = b * sum over nodes of h t e^(-bt) P(fewer than n of H have arrived by t)
//
// Heavy tokens of H arrive as independent events, one after the other along the ranks. Of the light ones m
// have arrived with probability e_m e^(-mass t), e_m the elementary symmetric polynomials of the odds
// e^(xt) - 1, by Newton's identities from the sums of powers of the odds, and those from the sums of x^r.
#pragma once
#include "race_rows.cuh"

#ifndef DRAFTS
#define DRAFTS 3
#define POWERS 10
#endif

constexpr int SUMS = POWERS + 1;  // of p and x^r

// The rule's constants, the same for all rows: see cuda/race_rule.py.
struct Rule {
    double step, lightest;     // h; y = xt of a light token at the last node is at most this
    const double* power;       // (e^y - 1)^(k+1) = sum of power[k][r] (y / lightest)^(r+1), r < POWERS
    const double* left;        // series of what lies before the first node
    int left_terms;
};

// One prefix: sums over its light tokens, heavy tokens in it, mass outside in units of x.
struct Prefix {
    const u64* sums;
    int heavy;
    double outside;
};

// A node and the heavy tokens that have arrived by then: arrived[m] is the chance of m, up to n - 1.
struct Node {
    double time, relative, weight;
    double arrived[DRAFTS];

    __device__ void start() {
        for (int m = 0; m < DRAFTS; ++m) arrived[m] = m == 0;
    }

    __device__ void pass(double x) {
        const double arrives = -expm1(-x * time);
#pragma unroll
        for (int m = DRAFTS - 1; m > 0; --m) arrived[m] += (arrived[m - 1] - arrived[m]) * arrives;
        arrived[0] -= arrived[0] * arrives;
    }

    // This node's term, without the factor b.
    __device__ double term(Prefix prefix, const double* power) const {
        double x[POWERS], odds[DRAFTS], e[DRAFTS];
        double scale = X_UNIT;
#pragma unroll
        for (int r = 0; r < POWERS; ++r) {
            scale *= relative;
            x[r] = (double)prefix.sums[r + 1] * scale;
        }
#pragma unroll
        for (int k = 1; k < DRAFTS; ++k) {
            odds[k] = 0;
#pragma unroll
            for (int r = POWERS - 1; r >= k - 1; --r) odds[k] += power[(k - 1) * POWERS + r] * x[r];
        }
        const double mass = prefix.outside + (double)prefix.sums[1] * X_UNIT;
        e[0] = weight * exp(-mass * time);
        double at_most = 0, total = 0;
#pragma unroll
        for (int m = 1; m < DRAFTS; ++m) {
            double newton = 0;
#pragma unroll
            for (int k = 1; k <= m; ++k) newton += (k % 2 ? odds[k] : -odds[k]) * e[m - k];
            e[m] = newton / m;
        }
#pragma unroll
        for (int m = DRAFTS - 1; m >= 0; --m) {
            at_most += arrived[DRAFTS - 1 - m];
            total += e[m] * at_most;
        }
        return total;
    }
};

__device__ inline double left_of(double scaled, Rule rule) {
    double total = 0;
    for (int r = rule.left_terms - 1; r >= 0; --r) total = rule.left[r] - scaled * total;
    return scaled * total;
}
