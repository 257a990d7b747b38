// Rows of tokens on their way through shared memory: a thread asks for the tokens of its next turns long
// before it takes them, so that memory is never idle, and gives no registers for it.
#pragma once
#include "inputs.cuh"

constexpr int GROUP = sizeof(Element) == 2 ? 8 : 4;  // neighbouring tokens that a thread takes in a turn

struct alignas(16) Group {
    Element x[GROUP];

    __device__ Four four(int k) const {
        Four y;
        for (int j = 0; j < 4; ++j) y.x[j] = x[4 * k + j];
        return y;
    }
};

constexpr int TURNS = 64 / sizeof(Group);  // that are on their way

__device__ inline Group load_group(const Element* x, int left) {
    Group group;
    for (int k = 0; k < GROUP; ++k) group.x[k] = k < left ? x[k] : absent();
    return group;
}

// Calls take(i, groups) for all groups of a chunk: groups[k] holds tokens i to i + GROUP of arrays[k].
// `memory` has room for 64 * ARRAYS bytes a thread.
template <int THREADS, int ARRAYS, class Take>
__device__ inline void stream(const Element* const (&arrays)[ARRAYS], Chunk chunk, u8* memory, Take take) {
    constexpr int step = GROUP * THREADS;
    int i = chunk.begin + GROUP * threadIdx.x;
    const Element* from[ARRAYS];
    for (int k = 0; k < ARRAYS; ++k) from[k] = kept(arrays[k] + i);
    Group groups[ARRAYS];
    if (!ALIGNED) {
        for (; i < chunk.end; i += step) {
            for (int k = 0; k < ARRAYS; ++k) {
                groups[k] = load_group(from[k], chunk.end - i);
                from[k] += step;
            }
            take(i, groups);
        }
        return;
    }
    Group* const room = (Group*)memory + threadIdx.x;
    const auto ask = [&](int place, bool any) {
#pragma unroll
        for (int k = 0; k < ARRAYS; ++k) {
            if (any) copy_ahead(room + place + k * THREADS, from[k]);
            from[k] += step;
        }
        end_of_copies();
    };
    constexpr int places = TURNS * ARRAYS * THREADS;
    for (int turn = 0; turn < TURNS; ++turn) ask(turn * ARRAYS * THREADS, i + turn * step < chunk.end);
    for (int place = 0; i < chunk.end; i += step) {
        await_copies<TURNS - 1>();
#pragma unroll
        for (int k = 0; k < ARRAYS; ++k) groups[k] = room[place + k * THREADS];
        take(i, groups);
        ask(place, i + TURNS * step < chunk.end);
        place = place + ARRAYS * THREADS == places ? 0 : place + ARRAYS * THREADS;
    }
}
