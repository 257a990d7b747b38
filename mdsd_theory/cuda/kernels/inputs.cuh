// How a token's target and draft probability are read: from probabilities or from logits, of any dtype.
//
// Set by the caller: INPUT_BITS (64, 32, 16), BFLOAT16 (for 16 bits: bfloat16 or float16), LOGITS, and
// ALIGNED (whether every row begins at a multiple of 16 bytes and of four elements, and holds as many).
#pragma once
#include "device.cuh"

#if INPUT_BITS == 64
typedef double Element;
typedef double Real;
#elif INPUT_BITS == 32
typedef float Element;
typedef float Real;
#else
typedef u16 Element;
typedef float Real;
#endif

constexpr int NOWHERE = 0x7fffffff;  // rank of a token with q = 0: never in H

__device__ inline Real widened(Element x) {
#if INPUT_BITS == 16 && BFLOAT16
    return __uint_as_float((u32)x << 16);
#elif INPUT_BITS == 16
    return half_to_float(x);
#elif INPUT_BITS == 64
    return x < 1e-290 && x > 0 ? 0.0 : x;  // its reciprocal would overflow
#else
    return x;
#endif
}

// Four neighbouring tokens, in one load where rows are aligned.
struct alignas(4 * sizeof(Element)) Four {
    Element x[4];
};

// What stands for a token past the end: its probability is zero.
__device__ inline Element absent() {
#if LOGITS && INPUT_BITS == 16
    return BFLOAT16 ? 0xff80 : 0xfc00;
#elif LOGITS
    return -INFINITY;
#else
    return 0;
#endif
}

// As one load from global memory that nobody writes to, whatever the compiler knows of the pointer.
__device__ inline Four load_aligned(const Element* x) {
    Four four;
#if INPUT_BITS == 64
    for (int k = 0; k < 4; ++k) four.x[k] = __ldg(x + k);
#elif INPUT_BITS == 32
    const float4 y = __ldg((const float4*)x);
    four.x[0] = y.x, four.x[1] = y.y, four.x[2] = y.z, four.x[3] = y.w;
#else
    const ushort4 y = __ldg((const ushort4*)x);
    four.x[0] = y.x, four.x[1] = y.y, four.x[2] = y.z, four.x[3] = y.w;
#endif
    return four;
}

__device__ inline Four load_four(const Element* x, int left) {
    if (ALIGNED && left >= 4) return load_aligned(x);
    Four four;
    for (int k = 0; k < 4; ++k) four.x[k] = k < left ? x[k] : absent();
    return four;
}

// What turns logits into probabilities: p = 2^(a * factor - p_offset).
struct Scale {
    float factor, p_offset, q_offset;
};

// Ascends with x from 0 to 2 and is above SUSPICIOUS for whatever is no probability: NaN, negative, large.
#if INPUT_BITS == 64
__device__ inline u32 suspicion(double x) { return (u32)__double2hiint(x); }
#else
__device__ inline u32 suspicion(float x) { return __float_as_uint(x); }
#endif
constexpr u32 SUSPICIOUS = 0x40000000u;

// A token's probabilities and the rank of its ratio: integers that ascend with p/q.
struct Token {
    Real p, q;
    int rank;
};

#if LOGITS
// A rank is the bit pattern of 192 + log2(p/q): for ratios from 2^-64 to 2^64 it counts steps of 2^-16.
constexpr int OCTAVE_SHIFT = 16;

__device__ inline Token token_of(Element a, Element b, Scale scale) {
    const float x = widened(a), y = widened(b);
    const float p = near_exp2(fmaf(x, scale.factor, -scale.p_offset));
    const float q = near_exp2(fmaf(y, scale.factor, -scale.q_offset));
    // Never drafted: plus infinity or NaN.
    const float log_ratio = fmaf(x - y, scale.factor, 192.0f + (scale.q_offset - scale.p_offset));
    return {p, q, max(__float_as_int(log_ratio), 0)};
}

__device__ inline double ratio_at(int rank) {
    return rank <= 0 ? 0.0 : (double)near_exp2(__int_as_float(rank) - 192.0f);
}

__device__ inline int rank_at(double ratio) { return __float_as_int((float)(log2(ratio) + 192)); }

constexpr double RATIO_ERROR = 1.0 / 65536;  // relative, of a rank against the probabilities' own ratio
#else
// A rank is the bit pattern of p/q.
constexpr int OCTAVE_SHIFT = 23;

#if INPUT_BITS == 64
__device__ inline int ratio_rank(double p, double q) {
    return q >= 7.9e-31 ? __float_as_int((float)(fabs(p) / q)) : NOWHERE;
}
#else
// p/q rounded to nearest: a division without its slow path. NaN, which is NOWHERE, for q = 0; -0.0 is zero.
__device__ inline int ratio_rank(float p, float q) {
    const float reciprocal = near_reciprocal(q), ratio = p * reciprocal;
    return __float_as_int(fmaf(fmaf(-q, ratio, p), reciprocal, ratio));
}
#endif

__device__ inline Token token_of(Element a, Element b, Scale) {
    const Real p = widened(a), q = widened(b);
    return {p, q, ratio_rank(p, q)};
}

__device__ inline double ratio_at(int rank) { return rank <= 0 ? 0.0 : (double)__int_as_float(rank); }

__device__ inline int rank_at(double ratio) { return __float_as_int((float)ratio); }

constexpr double RATIO_ERROR = 1.0 / 4194304;
#endif
