// Runs CUDA kernels on the CPU: a block's threads are fibers of one thread, switched at every barrier.
//
// Include before a kernel's source, then name each kernel with RUNS_ON_HOST. Threads run in an order drawn from a
// seed, new after each barrier, so that a missing barrier shows; shared memory begins as rubbish.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)
#define DYNAMIC_SHARED(name) unsigned char* name = on_host::dynamic_shared.data()

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};
inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace on_host {
inline std::vector<unsigned char> dynamic_shared;
inline std::mt19937 order(0);

struct Fiber {
    ucontext_t context;  // to begin with; later switches are jumps, which spare the system calls
    jmp_buf place;
    bool begun;
    std::unique_ptr<char[]> stack;
    bool done, waiting_block, waiting_warp;
    uint64_t slot;
};
inline std::vector<Fiber> fibers;
inline jmp_buf scheduler_place;
inline int current;
inline int vote, last_vote;

inline void wait(bool Fiber::* kind) {
    fibers[current].*kind = true;
    const dim3 own = threadIdx;
    if (!_setjmp(fibers[current].place)) _longjmp(scheduler_place, 1);
    threadIdx = own;
}

inline void release(bool Fiber::* kind, size_t from, size_t to) {
    for (size_t k = from; k < to; ++k) fibers[k].*kind = false;
}

inline bool all_wait(bool Fiber::* kind, size_t from, size_t to) {
    bool any = false;
    for (size_t k = from; k < to; ++k) {
        if (fibers[k].done) continue;
        if (!(fibers[k].*kind)) return false;
        any = true;
    }
    return any;
}

template <class Body>
void run_block(Body& body, unsigned threads) {
    fibers.resize(threads);
    for (unsigned k = 0; k < threads; ++k) {
        Fiber& f = fibers[k];
        if (!f.stack) f.stack.reset(new char[1 << 16]);
        f.begun = f.done = f.waiting_block = f.waiting_warp = false;
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.get();
        f.context.uc_stack.ss_size = 1 << 16;
        f.context.uc_link = nullptr;
        const auto entry = +[](unsigned low, unsigned high, unsigned k) {
            threadIdx.x = k;
            (*(Body*)(((uint64_t)high << 32) | low))();
            fibers[k].done = true;
            _longjmp(scheduler_place, 1);
        };
        makecontext(&f.context, (void (*)())entry, 3, (unsigned)(uint64_t)&body,
                    (unsigned)((uint64_t)&body >> 32), k);
    }
    std::vector<int> turn(threads);
    for (unsigned k = 0; k < threads; ++k) turn[k] = k;
    bool running = true;
    while (running) {
        std::shuffle(turn.begin(), turn.end(), order);
        running = false;
        for (int k : turn) {
            if (fibers[k].done) continue;
            running = true;
            if (fibers[k].waiting_block || fibers[k].waiting_warp) continue;
            current = k;
            if (_setjmp(scheduler_place)) continue;
            if (fibers[k].begun) _longjmp(fibers[k].place, 1);
            fibers[k].begun = true;
            setcontext(&fibers[k].context);
        }
        for (unsigned w = 0; w < threads; w += 32)
            if (all_wait(&Fiber::waiting_warp, w, std::min(w + 32, threads)))
                release(&Fiber::waiting_warp, w, std::min(w + 32, threads));
        if (all_wait(&Fiber::waiting_block, 0, threads)) {
            last_vote = vote;
            vote = 0;
            release(&Fiber::waiting_block, 0, threads);
        }
    }
}

template <class T>
T exchanged(T x, int lane) {
    static_assert(sizeof(T) <= 8);
    fibers[current].slot = 0;
    std::memcpy(&fibers[current].slot, &x, sizeof(T));
    const int self = current;
    wait(&Fiber::waiting_warp);
    const int other = self / 32 * 32 + lane;
    T y = x;
    if (lane >= 0 && lane < 32) std::memcpy(&y, &fibers[other].slot, sizeof(T));
    wait(&Fiber::waiting_warp);
    return y;
}

template <class... A, size_t... I>
void launch(void (*kernel)(A...), unsigned grid, unsigned block, size_t shared, void** args,
            std::index_sequence<I...>) {
    dynamic_shared.assign(shared + 16, 0xA5);
    gridDim.x = grid;
    blockDim.x = block;
    std::vector<unsigned> blocks(grid);
    for (unsigned k = 0; k < grid; ++k) blocks[k] = k;
    std::shuffle(blocks.begin(), blocks.end(), order);
    for (unsigned b : blocks) {
        blockIdx.x = b;
        auto body = [&] { kernel(*(A*)args[I]...); };
        run_block(body, block);
    }
}
}  // namespace on_host

#define RUNS_ON_HOST(kernel)                                                                            \
    template <class... A>                                                                               \
    void host_##kernel##_(void (*f)(A...), unsigned grid, unsigned block, size_t shared, void** args) { \
        on_host::launch(f, grid, block, shared, args, std::index_sequence_for<A...>{});                 \
    }                                                                                                   \
    extern "C" void host_##kernel(unsigned grid, unsigned block, size_t shared, void** args) {          \
        host_##kernel##_(kernel, grid, block, shared, args);                                            \
    }

extern "C" void host_seed(unsigned seed) { on_host::order.seed(seed); }

inline void __syncthreads() { on_host::wait(&on_host::Fiber::waiting_block); }
inline void __syncwarp(unsigned = 0) { on_host::wait(&on_host::Fiber::waiting_warp); }
inline int __syncthreads_or(int x) {
    on_host::vote |= x != 0;
    __syncthreads();
    return on_host::last_vote;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __shfl_up_sync(unsigned, T x, int distance) {
    return on_host::exchanged(x, (int)(threadIdx.x % 32) - distance);
}
template <class T>
T __shfl_down_sync(unsigned, T x, int distance) {
    return on_host::exchanged(x, (int)(threadIdx.x % 32) + distance);
}
template <class T>
T __shfl_xor_sync(unsigned, T x, int mask) {
    return on_host::exchanged(x, (int)(threadIdx.x % 32) ^ mask);
}
template <class T>
T __shfl_sync(unsigned, T x, int lane) {
    return on_host::exchanged(x, lane);
}

template <class T>
T atomicAdd(T* x, T y) {
    T before = *x;
    *x += y;
    return before;
}
template <class T>
T atomicOr(T* x, T y) {
    T before = *x;
    *x |= y;
    return before;
}
template <class T>
T atomicMin(T* x, T y) {
    T before = *x;
    *x = std::min(before, y);
    return before;
}
template <class T>
T atomicMax(T* x, T y) {
    T before = *x;
    *x = std::max(before, y);
    return before;
}
template <class T>
T __ldcg(const T* x) {
    return *x;
}
template <class T>
T __ldg(const T* x) {
    return *x;
}
struct float4 {
    float x, y, z, w;
};
struct uint4 {
    unsigned x, y, z, w;
};
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
struct ushort4 {
    unsigned short x, y, z, w;
};

template <class T>
T* kept(T* x) {
    return x;
}
typedef unsigned char* SharedAddress;
inline SharedAddress shared_address(void* x) { return (SharedAddress)x; }
template <int OFFSET>
unsigned add_shared(SharedAddress at, unsigned x) {
    return atomicAdd((unsigned*)(at + OFFSET), x);
}

inline float near_exp2(float x) { return std::exp2(x); }
template <class T>
void copy_ahead(T* to, const void* from) {
    std::memcpy(to, from, sizeof(T));
}
inline void end_of_copies() {}
template <int COUNT>
void await_copies() {}

inline unsigned saturated_bytes(int a, int b, int c, int d) {
    unsigned x = 0;
    for (int y : {d, c, b, a}) x = x << 8 | std::clamp(y, 0, 255);
    return x;
}

template <class T, class S>
T bits_as(S x) {
    T y;
    std::memcpy(&y, &x, sizeof(T));
    return y;
}
inline float __uint_as_float(unsigned x) { return bits_as<float>(x); }
inline unsigned __float_as_uint(float x) { return bits_as<unsigned>(x); }
inline float __int_as_float(int x) { return bits_as<float>(x); }
inline int __float_as_int(float x) { return std::isnan(x) ? 0x7fffffff : bits_as<int>(x); }  // as a device's NaN
inline long long __double_as_longlong(double x) { return bits_as<long long>(x); }
inline double __longlong_as_double(long long x) { return bits_as<double>(x); }
inline float __double2float_rd(double x) {
    const float y = (float)x;
    return y > x ? std::nextafter(y, -INFINITY) : y;
}
inline double __dmul_rn(double x, double y) { return x * y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(unsigned x) { return __builtin_ffs(x); }
template <class Test>
unsigned bytewise(unsigned a, unsigned b, Test test) {
    unsigned found = 0;
    for (int k = 0; k < 32; k += 8) found |= test(a >> k & 255, b >> k & 255) ? 255u << k : 0;
    return found;
}
inline unsigned __vcmpgeu4(unsigned a, unsigned b) { return bytewise(a, b, std::greater_equal<unsigned>()); }
inline unsigned __vcmpleu4(unsigned a, unsigned b) { return bytewise(a, b, std::less_equal<unsigned>()); }
inline unsigned __vcmpltu4(unsigned a, unsigned b) { return bytewise(a, b, std::less<unsigned>()); }
inline unsigned __vcmpeq4(unsigned a, unsigned b) { return bytewise(a, b, std::equal_to<unsigned>()); }
inline int __double2hiint(double x) { return (int)(bits_as<unsigned long long>(x) >> 32); }
inline float near_reciprocal(float x) { return 1.0f / x * (1 + 1e-7f); }
inline float half_to_float(unsigned short x) { return (float)bits_as<_Float16>(x); }

template <class T>
T to_integer(double x, double largest) {
    return std::isnan(x) || x <= 0 ? 0 : x >= largest ? (T)-1 : (T)std::nearbyint(x);
}
inline unsigned __float2uint_rn(float x) { return to_integer<unsigned>(x, 4294967295.0); }
inline unsigned __double2uint_rn(double x) { return to_integer<unsigned>(x, 4294967295.0); }
inline unsigned long long __float2ull_rn(float x) {
    return to_integer<unsigned long long>(x, 18446744073709551615.0);
}
inline unsigned long long __double2ull_rn(double x) {
    return to_integer<unsigned long long>(x, 18446744073709551615.0);
}

using std::max;
using std::min;
