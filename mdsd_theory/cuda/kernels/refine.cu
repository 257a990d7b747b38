// The second and third step: the buckets that can hold the minimum are cut in 2,048, and H is written out.
//
// `classes` holds a byte a token from `ratio_sums`; only tokens of classes in question are read again.
#include "rows.cuh"

__device__ inline int class_edge(int base, int k) { return base + (k << CLASS_SHIFT); }

// The classes that ranks from `low` up to, not including, `high` fall in.
struct Classes {
    int low, high;
};

__device__ inline Classes classes_between(int low, int high, int base) {
    const int first = (low - base) >> CLASS_SHIFT, last = (high - 1 - base) >> CLASS_SHIFT;
    return {max(min(first, 255), 0), max(min(last, 255), 0)};
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
    const int chunk = ((vocabulary + splits - 1) / splits + 15) / 16 * 16;
    const int begin = min(split * chunk, vocabulary), end = min(begin + chunk, vocabulary);
    Buckets buckets(memory, BUCKETS);
    buckets.clear(BUCKETS);
    __syncthreads();
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    const Classes wanted = classes_between(first, last, base);
    p += row * p_stride;
    q += row * q_stride;
    classes += (long long)row * vocabulary;
    for (int i = begin + 4 * threadIdx.x; i < end; i += 4 * blockDim.x) {
        u32 bytes = 0;
        if (ALIGNED && i + 4 <= end)
            bytes = *(const u32*)(classes + i);
        else
            for (int k = 0; k < 4 && i + k < end; ++k) bytes |= (u32)classes[i + k] << (8 * k);
        for (int k = 0; k < 4 && i + k < end; ++k) {
            const int own = (bytes >> (8 * k)) & 255;
            if (own < wanted.low || own > wanted.high) continue;
            const Token token = token_of(p[i + k], q[i + k], scale);
            if (token.rank < first || token.rank >= last) continue;
            buckets.add((token.rank - first) >> shift, fixed(token.p), fixed(token.q));
        }
    }
    __syncthreads();
    Sums sums[EACH];
    if (splits > 1) {
        u64* shared_row = partial + (long long)row * 2 * BUCKETS;
        for (int k = threadIdx.x; k < BUCKETS; k += blockDim.x) {
            const Sums x = buckets.at(k);
            if (x.p) atomicAdd(&shared_row[2 * k], x.p);
            if (x.q) atomicAdd(&shared_row[2 * k + 1], x.q);
        }
        if (!last_of_row(&tickets[COUNTS * row], splits)) return;
        for (int k = 0; k < EACH; ++k) {
            const int place = EACH * threadIdx.x + k;
            sums[k] = {__ldcg(&shared_row[2 * place]), __ldcg(&shared_row[2 * place + 1])};
        }
    } else {
        for (int k = 0; k < EACH; ++k) sums[k] = buckets.at(EACH * threadIdx.x + k);
    }
    const int count = min((int)tickets[COUNTS * row + 1], HEAVY);
    find_best_edge(&rows[row], sums, {first, last, shift}, n, heavy + row * HEAVY, count);
}

// Whether each of four tokens is in H: rank below the row's cut. Their classes tell for most of them.
__device__ inline u32 inside_of(const Element* p, const Element* q, Scale scale, const u8* classes, int i,
                                int end, int cut, int base) {
    u32 inside = 0;
#if CLASSES
    const int own = classes_between(cut, cut + 1, base).low;
    u32 bytes = 0;
    if (ALIGNED && i + 4 <= end)
        bytes = *(const u32*)(classes + i);
    else
        for (int k = 0; k < 4 && i + k < end; ++k) bytes |= (u32)classes[i + k] << (8 * k);
    for (int k = 0; k < 4 && i + k < end; ++k) {
        const int c = (bytes >> (8 * k)) & 255;
        bool in = c < own;
        if (c == own) in = token_of(p[i + k], q[i + k], scale).rank < cut;
        inside |= (u32)in << (8 * k);
    }
#else
    const Four a = load_four(p + i, end - i), b = load_four(q + i, end - i);
    for (int k = 0; k < 4 && i + k < end; ++k)
        inside |= (u32)(token_of(a.x[k], b.x[k], scale).rank < cut) << (8 * k);
#endif
    return inside;
}

// Writes H; with CLASSES over the classes that stand there.
extern "C" __global__ void __launch_bounds__(THREADS)
    write_subset(const Element* p, const Element* q, long long p_stride, long long q_stride,
                 const Scale* scales, u8* subset, const Row* rows, int vocabulary, int base, int splits) {
    const int row = blockIdx.x / splits, split = blockIdx.x % splits;
    const int chunk = ((vocabulary + splits - 1) / splits + 15) / 16 * 16;
    const int begin = min(split * chunk, vocabulary), end = min(begin + chunk, vocabulary);
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    p += row * p_stride;
    q += row * q_stride;
    subset += (long long)row * vocabulary;
    for (int i = begin + 4 * threadIdx.x; i < end; i += 4 * blockDim.x) {
        const u32 inside = inside_of(p, q, scale, subset, i, end, rows[row].cut, base);
        if (ALIGNED && i + 4 <= end)
            *(u32*)(subset + i) = inside;
        else
            for (int k = 0; k < 4 && i + k < end; ++k) subset[i + k] = (u8)(inside >> (8 * k));
    }
}
