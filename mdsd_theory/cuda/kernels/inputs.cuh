// How a token's target and draft probability are read: from probabilities or from logits, of any dtype.
//
// Set by the caller: INPUT_BITS (64, 32, 16), BFLOAT16 (for 16 bits: bfloat16 or float16), LOGITS, and
// ALIGNED (whether every row begins at a multiple of four elements).
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
__device__ inline Token token_of(Element a, Element b, Scale scale) {
    const float x = widened(a), y = widened(b);
    const float p = exp2f(fmaf(x, scale.factor, -scale.p_offset));
    const float q = exp2f(fmaf(y, scale.factor, -scale.q_offset));
    const float log_ratio = fmaf(x - y, scale.factor, scale.q_offset - scale.p_offset);
    // Ranks of ratios from 2^-100 to 2^100 are apart; q = 0 gives +inf or NaN.
    const float bounded = fmaxf(log_ratio, -100.0f) + 127.0f;
    const bool drafted = q > 0 && bounded < 227.0f;
    return {p, q, drafted ? (int)(bounded * 8388608.0f) : NOWHERE};
}

__device__ inline double ratio_at(int rank) {
    return rank <= 0 ? 0.0 : exp2((double)rank / 8388608.0 - 127.0);
}

constexpr double RATIO_ERROR = 1.0 / 65536;  // relative, of a rank against the probabilities' own ratio
#else
#if INPUT_BITS == 64
__device__ inline float ratio_of(double p, double q) { return (float)(fabs(p) / q); }
#else
// p/q rounded to nearest, for p up to one and q down to 2^-100: a division without its slow path.
__device__ inline float ratio_of(float p, float q) {
    const float near = near_reciprocal(q), reciprocal = fmaf(fmaf(-q, near, 1.0f), near, near);
    const float ratio = p * reciprocal;
    return fmaf(fmaf(-q, ratio, p), reciprocal, ratio);
}
#endif

// A token whose q is lost in the sums anyway counts as never drafted. No rank is negative, -0.0 is zero.
__device__ inline Token token_of(Element a, Element b, Scale) {
    const Real p = widened(a), q = widened(b);
    return {p, q, q >= Real(7.9e-31) ? __float_as_int(ratio_of(p, q)) : NOWHERE};
}

__device__ inline double ratio_at(int rank) { return rank <= 0 ? 0.0 : (double)__int_as_float(rank); }

constexpr double RATIO_ERROR = 1.0 / 4194304;
#endif
