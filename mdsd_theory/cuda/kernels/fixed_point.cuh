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

#if INPUT_BITS == 64
__device__ inline u64 fixed(double x) { return __double2ull_rn(x * 4611686018427387904.0); }
#else
// Most tokens are below 2^-12 and fit one word.
__device__ inline u64 fixed(float x) {
    const float scaled = x * 17592186044416.0f;
    return scaled < 4294967296.0f ? (u64)__float2uint_rn(scaled) : __float2ull_rn(scaled);
}
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

    __device__ void add(int k, u64 p, u64 q) {
        add_word(word[0], word[1], k, p);
        add_word(word[2], word[3], k, q);
    }

    __device__ Sums at(int k) const {
        return {((u64)word[1][k] << 32) + word[0][k], ((u64)word[3][k] << 32) + word[2][k]};
    }

    __device__ static void add_word(u32* low, u32* high, int k, u64 x) {
        const u32 part = (u32)x, before = atomicAdd(&low[k], part);
        const u32 carry = (u32)(x >> 32) + (before + part < part);
        if (carry) atomicAdd(&high[k], carry);
    }
};
