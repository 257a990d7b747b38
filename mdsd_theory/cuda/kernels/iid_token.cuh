// A token's interval and y, from its probabilities and its row.
#pragma once
#include "iid_row.cuh"
#include "inputs.cuh"

// A float at or below p/q, and at or above the last edge that is: all that places a token exactly.
#if INPUT_BITS == 64
__device__ inline int rank_of(double p, double q) { return __float_as_int(__double2float_rd(fabs(p / q))); }
#else
__device__ inline int rank_of(float p, float q) {
    int rank = __float_as_int(fabsf(p * near_reciprocal(q)));
    const u32 to_edge = ((u32)rank + 4) & ((1 << FINE_SHIFT) - 1);
    // Edges have 9 bits: no quotient of floats rounds up to one. NaN gets here too.
    if (to_edge < 8) rank = __float_as_int(__double2float_rd(fabs((double)p / (double)q)));
    return rank;
}
#endif

// Place among BELOW, the buckets and ABOVE, for q > 0.
__device__ inline int place_of(Real p, Real q, int base) {
    const int above = rank_of(p, q) - base;
    const int place = (above >> (above < 0 ? COARSE_SHIFT : FINE_SHIFT)) + COARSE + 1;
    return min(max(place, BELOW), ABOVE);
}

__device__ inline double y_of(Real p, Real q, double foot, double base, double slope) {
    return (double)q * base + fma(-(double)q, foot, (double)p) * slope;
}

__device__ inline double y_of(const IidRow& row, Real p, Real q, int base) {
    if (!(q > 0)) return 0;
    const int k = row.label[place_of(p, q, base)];
    return y_of(p, q, row.foot[k], row.base[k], row.slope[k]);
}

// A pair of probabilities, without a rank.
struct Chances {
    Real p, q;
};

__device__ inline Chances chances_of(Element a, Element b, Scale scale) {
    const Token token = token_of(a, b, scale);
    return {token.p, token.q};
}
