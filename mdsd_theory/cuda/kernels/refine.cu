// The second and third step: the buckets that can hold the minimum are cut in 2,048, and H is written out.
//
// `ratio_sums` has left a byte a token that tells its bucket roughly. Most tokens' bytes tell whether they
// are in H; the others queue up, so that all threads of a warp then read them side by side.
#include "rows.cuh"

constexpr u32 EACH_BYTE = 0x01010101u;
constexpr int TURN = 16 * WARP;  // tokens that a warp looks at in one turn
constexpr int WAITING = 8 * WARP;  // so many in its queue are worth reading
constexpr int QUEUE = WAITING + TURN;

// Tokens that the cut may still fall before or after; `refine` writes them out to look at them twice.
struct Open {
    int place, rank;
};

struct alignas(16) Bytes {
    u32 x[4];
};

// Bytes of 16 neighbouring tokens; 255, which is above all buckets, past the end.
__device__ inline Bytes load_bytes(const u8* x, int left, bool aligned) {
    Bytes y;
    if (aligned && left >= 16) {
        const uint4 four = *(const uint4*)x;
        y.x[0] = four.x, y.x[1] = four.y, y.x[2] = four.z, y.x[3] = four.w;
        return y;
    }
    for (int w = 0; w < 4; ++w) {
        y.x[w] = 0;
        for (int k = 0; k < 4; ++k) y.x[w] |= (u32)(4 * w + k < left ? x[4 * w + k] : 255) << (8 * k);
    }
    return y;
}

__device__ inline void store_bytes(u8* x, Bytes y, int left, bool aligned) {
    if (aligned && left >= 16)
        *(uint4*)x = make_uint4(y.x[0], y.x[1], y.x[2], y.x[3]);
    else
        for (int k = 0; k < 16 && k < left; ++k) x[k] = (u8)(y.x[k / 4] >> (k % 4 * 8));
}

// Ranks below `low` are in H, those from `high` on are not; between them the cut is still to be found.
struct Between {
    int low, high;
    u32 low_bytes, high_bytes;

    __device__ Between(int low, int high, int base)
        : low(low), high(high), low_bytes(EACH_BYTE * class_of(first_bucket(low, base))),
          high_bytes(EACH_BYTE * class_of(first_bucket(high - 1, base))) {}
};

// Turns bytes into the mask of what is surely in H. Returns a bit for each token that may be: the lowest
// for each word's first token, then for their second ones.
__device__ inline u32 settle(Bytes& bytes, Between between) {
    u32 open = 0;
#pragma unroll
    for (int w = 0; w < 4; ++w) {
        const u32 below = __vcmpltu4(bytes.x[w], between.low_bytes);
        open |= (__vcmpleu4(bytes.x[w], between.high_bytes) & ~below & EACH_BYTE) << w;
        bytes.x[w] = below & EACH_BYTE;
    }
    return open;
}

// Grid, `heavy` and `tickets` as in ratio_sums; `partial` (rows, 2 * BUCKETS) is zero, or null if splits = 1.
// `subset` (rows, V) holds the bytes and gets H; `open` (rows, most) is room for tokens in question.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    refine(const Element* p, const Element* q, long long p_stride, long long q_stride,
           const Scale* scales, u8* subset, Row* rows, const Heavy* heavy, u32* tickets, u64* partial,
           Open* open, int vocabulary, int n, int base, int splits, int most) {
    DYNAMIC_SHARED(memory);
    __shared__ int waiting[THREADS / WARP];
    const int row = blockIdx.x / splits;
    u32* counts = tickets + COUNTS * row;
    const int first = rows[row].first, last = rows[row].last, known = rows[row].cut;
    int shift = 0;
    while (((last - first - 1) >> shift) >= BUCKETS) ++shift;
    const Between between(min(first, known), max(last, known), base);
    const Chunk chunk(vocabulary, splits, blockIdx.x % splits);
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    int* const queue = (int*)(memory + sizeof(u32) * 4 * BUCKETS) + warp * QUEUE;
    if (lane == 0) waiting[warp] = 0;
    const Buckets<BUCKETS> buckets(memory);
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    p += row * p_stride;
    q += row * q_stride;
    subset += (long long)row * vocabulary;
    open += (long long)row * most;
    const bool aligned = vocabulary % 16 == 0;
    constexpr int step = 16 * THREADS;
    int own = chunk.begin + 16 * threadIdx.x;
    Bytes next = load_bytes(subset + own, chunk.end - own, aligned);
    for (int start = chunk.begin + warp * TURN; start < chunk.end; start += step, own += step) {
        Bytes bytes = next;
        next = load_bytes(subset + own + step, chunk.end - own - step, aligned);
        u32 mask = settle(bytes, between);
        store_bytes(subset + own, bytes, chunk.end - own, aligned);
        if (mask)
            for (int k = atomicAdd(&waiting[warp], __popc(mask)); mask; mask &= mask - 1) {
                const int bit = __ffs(mask) - 1;
                queue[k++] = own + 4 * (bit % 8) + bit / 8;
            }
        __syncwarp();
        const int count = waiting[warp];
        __syncwarp();
        if (count < WAITING && start + step < chunk.end) continue;
        if (lane == 0) waiting[warp] = 0;
        for (int k = lane; k < count; k += WARP) {
            const int i = queue[k];
            const Token token = token_of(p[i], q[i], scale);
            if (token.rank < between.low) subset[i] = 1;
            if (token.rank < between.low || token.rank >= between.high) continue;
            const u32 place = atomicAdd(&counts[2], 1u);
            if (place < most) open[place] = {i, token.rank};
            if (token.rank < first || token.rank >= last) continue;
            buckets.add(buckets.at((token.rank - first) >> shift), fixed(token.p), fixed(token.q));
        }
        __syncwarp();
    }
    __syncthreads();
    Sums sums[EACH];
    if (splits > 1) {
        u64* shared_row = partial + (long long)row * 2 * BUCKETS;
        for (int k = threadIdx.x; k < BUCKETS; k += blockDim.x) {
            const Sums x = buckets[k];
            if (x.p) atomicAdd(&shared_row[2 * k], x.p);
            if (x.q) atomicAdd(&shared_row[2 * k + 1], x.q);
        }
        if (!last_of_row(&counts[0], splits)) return;
        for (int k = 0; k < EACH; ++k) {
            const int place = EACH * threadIdx.x + k;
            sums[k] = {__ldcg(&shared_row[2 * place]), __ldcg(&shared_row[2 * place + 1])};
        }
    } else {
        for (int k = 0; k < EACH; ++k) sums[k] = buckets[EACH * threadIdx.x + k];
    }
    if (first < last) {
        __shared__ Sums scratch[THREADS / WARP];
        const int count = min((int)counts[1], HEAVY);
        Sums all_own = {0, 0}, all;
        for (int k = 0; k < EACH; ++k) all_own = all_own + sums[k];
        const Sums before = sums_before(all_own, scratch, &all);
        find_best_edge(&rows[row], sums, before, {first, last, shift}, n, heavy + row * HEAVY, count);
        __syncthreads();
    }
    const int cut = rows[row].cut, found = __ldcg(&counts[2]);
    if (found > most) return write_prefix(p, q, scale, cut, subset, Chunk(vocabulary, 1, 0));
    for (int k = threadIdx.x; k < found; k += blockDim.x)
        if (__ldcg(&open[k].rank) < cut) subset[__ldcg(&open[k].place)] = 1;
}

// Writes H of rows whose cut is known.
extern "C" __global__ void __launch_bounds__(THREADS)
    write_subset(const Element* p, const Element* q, long long p_stride, long long q_stride,
                 const Scale* scales, u8* subset, const Row* rows, int vocabulary, int splits) {
    const int row = blockIdx.x / splits;
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    write_prefix(p + row * p_stride, q + row * q_stride, scale, rows[row].cut,
                 subset + (long long)row * vocabulary, Chunk(vocabulary, splits, blockIdx.x % splits));
}
