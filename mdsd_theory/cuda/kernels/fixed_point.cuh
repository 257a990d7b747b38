// Sums in fixed point: exact, and so the same in whatever order threads add. That makes every result
// deterministic, and no sum loses more than half a quantum a token.
//
// Shared memory adds 32-bit integers in one instruction, where floats and 64-bit integers take a loop of
// compare-and-swap. A sum is therefore two words: the low one tells by wrapping when to carry.
#pragma once
#include "device.cuh"

#if INPUT_BITS == 64
constexpr int FRACTION = 62;
#else
constexpr int FRACTION = 44;
#endif

// Below this a fixed-point number fits its low word.
#if INPUT_BITS == 64
constexpr double ONE_WORD = 1.0 / (1u << 30);
__device__ inline u64 fixed(double x) { return __double2ull_rn(x * 4611686018427387904.0); }
__device__ inline u32 fixed_word(double x) { return __double2uint_rn(x * 4611686018427387904.0); }
#else
constexpr float ONE_WORD = 1.0f / (1u << 12);
__device__ inline u64 fixed(float x) { return __float2ull_rn(x * 17592186044416.0f); }
__device__ inline u32 fixed_word(float x) { return __float2uint_rn(x * 17592186044416.0f); }
#endif

// Buckets of two sums each, in shared memory.
struct Buckets {
    u32* word[4];  // p low, p high, q low, q high

    __device__ Buckets(u8* memory, int size) {
        for (int k = 0; k < 4; ++k) word[k] = (u32*)memory + k * size;
    }

    __device__ void clear(int size) {
        for (int k = threadIdx.x; k < size; k += blockDim.x)
            for (int w = 0; w < 4; ++w) word[w][k] = 0;
    }

    __device__ void add(int k, u64 p, u64 q) { add(k, (u32)p, (u32)q, (u32)(p >> 32), (u32)(q >> 32)); }

    // Low words, and what is to be added to the high words beside the carry.
    __device__ void add(int k, u32 p, u32 q, u32 high_p = 0, u32 high_q = 0) {
        const u32 carry_p = high_p + (~atomicAdd(&word[0][k], p) < p);
        const u32 carry_q = high_q + (~atomicAdd(&word[2][k], q) < q);
        if (carry_p | carry_q) {
            atomicAdd(&word[1][k], carry_p);
            atomicAdd(&word[3][k], carry_q);
        }
    }

    __device__ Sums at(int k) const {
        return {((u64)word[1][k] << 32) + word[0][k], ((u64)word[3][k] << 32) + word[2][k]};
    }
};
