// Sums in fixed point: exact, and so the same in whatever order threads add. That makes every result
// deterministic, and no sum loses more than half a quantum a token.
//
// Shared memory adds 32-bit integers in one instruction, where floats and 64-bit integers take a loop of
// compare-and-swap. A sum is therefore two words: the low one tells by wrapping when to carry.
#pragma once
#include "inputs.cuh"

// Bits after the binary point; the fewer, the seldomer a low word wraps around.
#if INPUT_BITS == 64
constexpr int FRACTION = 62;
#elif defined(FRACTION_BITS)
constexpr int FRACTION = FRACTION_BITS;
#else
constexpr int FRACTION = 44;
#endif

constexpr Real ONE = Real(1ull << FRACTION);
constexpr Real ONE_WORD = Real(1ull << 32) / ONE;  // what is less fits the low word

#if INPUT_BITS == 64
__device__ inline u64 fixed(double x) { return __double2ull_rn(x * ONE); }
__device__ inline u32 fixed_word(double x) { return __double2uint_rn(x * ONE); }
#else
__device__ inline u64 fixed(float x) { return __float2ull_rn(x * ONE); }
__device__ inline u32 fixed_word(float x) { return __float2uint_rn(x * ONE); }
#endif

// Buckets of two sums each, in shared memory.
template <int SIZE>
struct Buckets {
    static constexpr int P_LOW = 0, P_HIGH = 4 * SIZE, Q_LOW = 8 * SIZE, Q_HIGH = 12 * SIZE;
    const u32* words;
    SharedAddress first;

    __device__ explicit Buckets(u8* memory) : words((const u32*)memory), first(shared_address(memory)) {
        for (int k = threadIdx.x; k < 4 * SIZE; k += blockDim.x) ((u32*)memory)[k] = 0;
        __syncthreads();
    }

    __device__ SharedAddress at(int k) const { return first + 4 * k; }

    // Several tokens of one word each, in steps that need not wait for each other.
    template <int COUNT>
    __device__ static void add(const SharedAddress* at, const u32* p, const u32* q) {
        u32 after_p[COUNT], after_q[COUNT];
#pragma unroll
        for (int k = 0; k < COUNT; ++k) {
            after_p[k] = add_shared<P_LOW>(at[k], p[k]) + p[k];
            after_q[k] = add_shared<Q_LOW>(at[k], q[k]) + q[k];
        }
        bool any = false;  // one branch for all: it is seldom taken
#pragma unroll
        for (int k = 0; k < COUNT; ++k) any |= after_p[k] < p[k] | after_q[k] < q[k];
        if (!any) return;
#pragma unroll
        for (int k = 0; k < COUNT; ++k) {
            if (after_p[k] < p[k]) add_shared<P_HIGH>(at[k], 1);
            if (after_q[k] < q[k]) add_shared<Q_HIGH>(at[k], 1);
        }
    }

    __device__ static void add(SharedAddress at, u64 p, u64 q) {
        const u32 low_p = (u32)p, low_q = (u32)q;
        const u32 before_p = add_shared<P_LOW>(at, low_p), before_q = add_shared<Q_LOW>(at, low_q);
        const u32 high_p = (u32)(p >> 32) + (~before_p < low_p);
        const u32 high_q = (u32)(q >> 32) + (~before_q < low_q);
        if (high_p) add_shared<P_HIGH>(at, high_p);
        if (high_q) add_shared<Q_HIGH>(at, high_q);
    }

    __device__ Sums operator[](int k) const {
        const u32 *p = words + k, *q = words + 2 * SIZE + k;
        return {((u64)p[SIZE] << 32) + p[0], ((u64)q[SIZE] << 32) + q[0]};
    }
};
