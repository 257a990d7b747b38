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

__device__ inline Sums from_lane_below(Sums x, int distance) {
    return {__shfl_up_sync(ALL_LANES, x.p, distance), __shfl_up_sync(ALL_LANES, x.q, distance)};
}

// Sums over the threads before this one, and over the whole block. `scratch` holds one Sums a warp.
__device__ inline Sums sums_before(Sums x, Sums* scratch, Sums* total) {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    Sums upto = x;
    for (int distance = 1; distance < WARP; distance *= 2) {
        const Sums other = from_lane_below(upto, distance);
        if (lane >= distance) upto = upto + other;
    }
    __syncthreads();
    if (lane == WARP - 1) scratch[warp] = upto;
    __syncthreads();
    Sums before = {upto.p - x.p, upto.q - x.q}, whole = {0, 0};
    for (int w = 0; w < warps; ++w) {
        if (w == warp) before = before + whole;
        whole = whole + scratch[w];
    }
    *total = whole;
    return before;
}

// The lexicographically smallest (value, place) over the block; every thread gets it.
struct Least {
    double value;
    int place;
};

__device__ inline Least smaller(Least a, Least b) {
    return b.value < a.value || (b.value == a.value && b.place < a.place) ? b : a;
}

__device__ inline Least block_least(Least x, Least* scratch) {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        const Least other = {__shfl_xor_sync(ALL_LANES, x.value, distance),
                             __shfl_xor_sync(ALL_LANES, x.place, distance)};
        x = smaller(x, other);
    }
    __syncthreads();
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    for (int w = 0; w < warps; ++w) x = smaller(x, scratch[w]);
    return x;
}

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
