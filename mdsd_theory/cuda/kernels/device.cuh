// What a kernel needs of the device: integer names, shared memory, and sums and scans over a block.
//
// Compiled by NVRTC for a GPU, and by a C++ compiler for the tests, which emulate a block's threads.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifdef __CUDACC__
#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) u8 name[]

__device__ inline float half_to_float(u16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
    return y;
}

__device__ inline float near_reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// The same, kept in registers: a compiler would work it out anew in each turn of a loop.
template <class T>
__device__ inline T* kept(T* x) {
    asm volatile("" : "+l"(x));
    return x;
}

// An address in shared memory, kept likewise.
typedef u32 SharedAddress;

__device__ inline SharedAddress shared_address(const void* x) {
    SharedAddress y;
    asm volatile("mov.u32 %0, %1;" : "=r"(y) : "r"((u32)__cvta_generic_to_shared(x)));
    return y;
}

__device__ inline float near_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// From global to shared memory, 16 bytes at a time, while the thread goes on.
template <class T>
__device__ inline void copy_ahead(T* to, const void* from) {
    const u32 at = (u32)__cvta_generic_to_shared(to);
#pragma unroll
    for (int k = 0; k < (int)sizeof(T); k += 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(at + k), "l"((const u8*)from + k)
                     : "memory");
}

__device__ inline void end_of_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Until all have come but those since the last COUNT ends.
template <int COUNT>
__device__ inline void await_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(COUNT) : "memory");
}

// Four integers as bytes, cut off at 0 and 255.
__device__ inline u32 saturated_bytes(int a, int b, int c, int d) {
    u32 upper, x;
    asm("cvt.pack.sat.u8.s32.b32 %0, %1, %2, 0;" : "=r"(upper) : "r"(d), "r"(c));
    asm("cvt.pack.sat.u8.s32.b32 %0, %1, %2, %3;" : "=r"(x) : "r"(b), "r"(a), "r"(upper));
    return x;
}

template <int OFFSET>
__device__ inline u32 add_shared(SharedAddress at, u32 x) {
    u32 before;
    asm volatile("atom.shared.add.u32 %0, [%1+%2], %3;"
                 : "=r"(before)
                 : "r"(at), "n"(OFFSET), "r"(x)
                 : "memory");
    return before;
}
#endif

#ifndef INFINITY  // NVRTC has no headers
#define INFINITY __int_as_float(0x7f800000)
#endif

#ifndef BLOCK_THREADS
#define BLOCK_THREADS 512  // the tests take fewer
#endif

constexpr int WARP = 32;
constexpr u32 ALL_LANES = 0xffffffffu;

// A pair of sums, of p and of q.
struct Sums {
    u64 p, q;
};

__device__ inline Sums operator+(Sums a, Sums b) { return {a.p + b.p, a.q + b.q}; }

// What the lane holds whose number differs from this one's in the bits of `mask`.
template <class T>
__device__ inline T across(T x, int mask) {
    u32 words[sizeof(T) / 4];
    memcpy(words, &x, sizeof(T));
#pragma unroll
    for (u32& word : words) word = __shfl_xor_sync(ALL_LANES, word, mask);
    memcpy(&x, words, sizeof(T));
    return x;
}

template <class T, class Join>
__device__ inline T over_warp(T x, Join join, int lanes = WARP) {
    for (int mask = lanes / 2; mask > 0; mask /= 2) x = join(x, across(x, mask));
    return x;
}

// All threads' values joined; every thread gets it. `scratch` holds one value a warp, of which there are a
// power of two.
template <class T, class Join>
__device__ inline T over_block(T x, T* scratch, Join join) {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    x = over_warp(x, join);
    __syncthreads();
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    return over_warp(scratch[lane % warps], join, warps);
}

__device__ inline Sums from_lane_below(Sums x, int distance) {
    return {__shfl_up_sync(ALL_LANES, x.p, distance), __shfl_up_sync(ALL_LANES, x.q, distance)};
}

// Sums over the lanes up to this one.
__device__ inline Sums sums_upto(Sums x, int lanes = WARP) {
    for (int distance = 1; distance < lanes; distance *= 2) {
        const Sums other = from_lane_below(x, distance);
        if ((int)threadIdx.x % WARP >= distance) x = x + other;
    }
    return x;
}

// Sums over the threads before this one, and over the whole block. `scratch` holds one Sums a warp.
__device__ inline Sums sums_before(Sums x, Sums* scratch, Sums* total) {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    const Sums upto = sums_upto(x);
    __syncthreads();
    if (lane == WARP - 1) scratch[warp] = upto;
    __syncthreads();
    const Sums own = scratch[lane % warps], warps_upto = sums_upto(own, warps);
    const auto of_lane = [](Sums y, int k) {
        return Sums{__shfl_sync(ALL_LANES, y.p, k), __shfl_sync(ALL_LANES, y.q, k)};
    };
    *total = of_lane(warps_upto, warps - 1);
    const Sums before = of_lane({warps_upto.p - own.p, warps_upto.q - own.q}, warp);
    return before + Sums{upto.p - x.p, upto.q - x.q};
}

// The lexicographically smallest (value, place) over the block; every thread gets it.
struct Least {
    double value;
    int place, none;
};

__device__ inline Least smaller(Least a, Least b) {
    return b.value < a.value || (b.value == a.value && b.place < a.place) ? b : a;
}

__device__ inline Least block_least(Least x, Least* scratch) { return over_block(x, scratch, smaller); }

// Tells every thread of the last block of a row to get here that it is the last.
// `ticket` counts the blocks of the row and must be zero at first; it is zero again afterwards.
__device__ inline bool last_of_row(u32* ticket, u32 blocks) {
    __shared__ u32 last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(ticket, 1u) == blocks - 1;
        if (last) *ticket = 0;
    }
    __syncthreads();
    __threadfence();
    return last;
}

// First token and end of a block's share of a row.
struct Chunk {
    int begin, end;

    __device__ Chunk(int vocabulary, int splits, int split) {
        const int size = ((vocabulary + splits - 1) / splits + 15) / 16 * 16;
        begin = min(split * size, vocabulary);
        end = min(begin + size, vocabulary);
    }
};
