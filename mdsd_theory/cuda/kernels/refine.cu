// The second and third step: the buckets that can hold the minimum are cut in 2,048, and H is written out.
//
// `classes` holds a byte a token from `ratio_sums`; only tokens of classes in question are read again.
#include "rows.cuh"

constexpr int LOADS = 4;  // groups of four classes in flight in each thread

constexpr u32 EACH_BYTE = 0x01010101u;

// The byte that the lowest bit of `mask` lies in.
__device__ inline int byte_of(u32 mask) { return (__ffs(mask) - 1) / 8; }

// Classes of four neighbouring tokens, a byte each.
__device__ inline u32 load_classes(const u8* x, int left) {
    if (ALIGNED && left >= 4) return *(const u32*)x;
    u32 four = 0;
    for (int k = 0; k < 4 && k < left; ++k) four |= (u32)x[k] << (8 * k);
    return four;
}

// Grid, `heavy` and `tickets` as in ratio_sums; `partial` (rows, 2 * BUCKETS) is zero, or null if splits = 1.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    refine(const Element* p, const Element* q, long long p_stride, long long q_stride,
           const Scale* scales, const u8* classes, Row* rows, const Heavy* heavy, u32* tickets,
           u64* partial, int vocabulary, int n, int base, int splits) {
    DYNAMIC_SHARED(memory);
    const int row = blockIdx.x / splits, split = blockIdx.x % splits;
    const int first = rows[row].first, last = rows[row].last;
    if (first == last) return;
    int shift = 0;
    while (((last - first - 1) >> shift) >= BUCKETS) ++shift;
    const Chunk chunk(vocabulary, splits, split);
    const Buckets<BUCKETS> buckets(memory);
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    const u32 all_low = EACH_BYTE * class_of(first, base), all_high = EACH_BYTE * class_of(last - 1, base);
    p += row * p_stride;
    q += row * q_stride;
    classes += (long long)row * vocabulary;
    constexpr int step = 4 * THREADS;
    for (int start = chunk.begin + 4 * threadIdx.x; start < chunk.end; start += LOADS * step) {
        u32 four[LOADS];
#pragma unroll
        for (int m = 0; m < LOADS; ++m)
            four[m] = load_classes(classes + start + m * step, chunk.end - (start + m * step));
#pragma unroll
        for (int m = 0; m < LOADS; ++m) {
            u32 wanted = __vcmpgeu4(four[m], all_low) & __vcmpleu4(four[m], all_high) & EACH_BYTE;
            for (; wanted; wanted &= wanted - 1) {
                const int i = start + m * step + byte_of(wanted);
                if (i >= chunk.end) break;
                const Token token = token_of(p[i], q[i], scale);
                if (token.rank < first || token.rank >= last) continue;
                buckets.add(buckets.at((token.rank - first) >> shift), fixed(token.p), fixed(token.q));
            }
        }
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
        if (!last_of_row(&tickets[COUNTS * row], splits)) return;
        for (int k = 0; k < EACH; ++k) {
            const int place = EACH * threadIdx.x + k;
            sums[k] = {__ldcg(&shared_row[2 * place]), __ldcg(&shared_row[2 * place + 1])};
        }
    } else {
        for (int k = 0; k < EACH; ++k) sums[k] = buckets[EACH * threadIdx.x + k];
    }
    const int count = min((int)tickets[COUNTS * row + 1], HEAVY);
    find_best_edge(&rows[row], sums, {first, last, shift}, n, heavy + row * HEAVY, count);
}

// Writes H; with CLASSES over the classes that stand there, which tell of most tokens whether they are in it.
extern "C" __global__ void __launch_bounds__(THREADS)
    write_subset(const Element* p, const Element* q, long long p_stride, long long q_stride,
                 const Scale* scales, u8* subset, const Row* rows, int vocabulary, int base, int splits) {
    const int row = blockIdx.x / splits, split = blockIdx.x % splits;
    const Chunk chunk(vocabulary, splits, split);
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    const int cut = rows[row].cut;
    const u32 all_cut = EACH_BYTE * class_of(cut, base);
    p += row * p_stride;
    q += row * q_stride;
    subset += (long long)row * vocabulary;
    constexpr int step = 4 * THREADS;
    for (int start = chunk.begin + 4 * threadIdx.x; start < chunk.end; start += LOADS * step) {
        u32 inside[LOADS] = {};
#if CLASSES
        u32 four[LOADS];
#pragma unroll
        for (int m = 0; m < LOADS; ++m)
            four[m] = load_classes(subset + start + m * step, chunk.end - (start + m * step));
#pragma unroll
        for (int m = 0; m < LOADS; ++m) {
            inside[m] = __vcmpltu4(four[m], all_cut) & EACH_BYTE;
            for (u32 open = __vcmpeq4(four[m], all_cut) & EACH_BYTE; open; open &= open - 1) {
                const int i = start + m * step + byte_of(open);
                if (i >= chunk.end) break;
                if (token_of(p[i], q[i], scale).rank < cut) inside[m] |= open & -open;
            }
        }
#else
#pragma unroll
        for (int m = 0; m < LOADS; ++m) {
            const int i = start + m * step;
            const Four a = load_four(p + i, chunk.end - i), b = load_four(q + i, chunk.end - i);
            for (int k = 0; k < 4; ++k)
                inside[m] |= (u32)(token_of(a.x[k], b.x[k], scale).rank < cut) << (8 * k);
        }
#endif
        for (int m = 0; m < LOADS; ++m) {
            const int i = start + m * step;
            if (ALIGNED && i + 4 <= chunk.end)
                *(u32*)(subset + i) = inside[m];
            else
                for (int k = 0; k < 4 && i + k < chunk.end; ++k) subset[i + k] = (u8)(inside[m] >> (8 * k));
        }
    }
}
