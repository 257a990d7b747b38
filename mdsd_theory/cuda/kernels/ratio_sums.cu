// With replacement, in one pass: sums of p and q in 2,048 buckets of p/q, and from them an enclosure of
// the smallest P(H) + 1 - q(H)^n over prefixes H of the ratio order.
//
// Several blocks share a row when there are few rows; the last of them to finish adds up.
#include "exponentials.cuh"
#include "rows.cuh"

constexpr int LOADS = 2;  // groups of four tokens in flight in each thread

struct Running {
    Sums all, below;
    Sums rough;  // of large tokens, in units of 2^20 quanta: it tells where the others have wrapped around
    u32 suspicion;
};

constexpr int ROUGH = 20;

// Where the blocks of a row put its heavy tokens.
struct HeavyList {
    Heavy* heavy;
    u32* count;

    __device__ void add(Sums x, int rank) {
        const u32 place = atomicAdd(count, 1u);
        if (place < HEAVY) heavy[place] = {x, rank};
    }
};

__device__ inline void take(Token token, int base, Buckets buckets, HeavyList list, Running& running) {
    running.suspicion = max(running.suspicion, max(suspicion(token.p), suspicion(token.q)));
    const int place = (token.rank - base) >> FIRST_SHIFT;
    if (token.p < ONE_WORD && token.q < ONE_WORD) {  // nearly every token
        const u32 p = fixed_word(token.p), q = fixed_word(token.q);
        running.all = running.all + Sums{p, q};
        if (place < 0)
            running.below = running.below + Sums{p, q};
        else if (place < BUCKETS)
            buckets.add(place, p, q);
        return;
    }
    const Sums x = {fixed(token.p), fixed(token.q)};
    if (token.p >= HEAVY_MASS || token.q >= HEAVY_MASS) list.add(x, token.rank);
    running.all = running.all + x;
    running.rough = running.rough + Sums{x.p >> ROUGH, x.q >> ROUGH};
    if (place < 0)
        running.below = running.below + x;
    else if (place < BUCKETS)
        buckets.add(place, x.p, x.q);
}

__device__ inline u8 class_of(int rank, int base) {
    const int place = (rank - base) >> CLASS_SHIFT;
    return (u8)(place < 0 ? 0 : place < 255 ? place : 255);
}

// A chunk [begin, end) of one row.
__device__ inline Running read_chunk(const Element* p, const Element* q, Scale scale, u8* classes,
                                     int begin, int end, int base, Buckets buckets,
                                     HeavyList list) {
    Running running = {{0, 0}, {0, 0}, {0, 0}, 0};
    const int step = 4 * blockDim.x;
    for (int start = begin + 4 * threadIdx.x; start < end; start += LOADS * step) {
        Four a[LOADS], b[LOADS];
#pragma unroll
        for (int m = 0; m < LOADS; ++m) {
            const int i = start + m * step;
            a[m] = load_four(p + i, end - i);
            b[m] = load_four(q + i, end - i);
        }
#pragma unroll
        for (int m = 0; m < LOADS; ++m) {
            const int i = start + m * step;
            u32 bytes = 0;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                if (i + k >= end) continue;
                const Token token = token_of(a[m].x[k], b[m].x[k], scale);
                take(token, base, buckets, list, running);
                if (CLASSES) bytes |= (u32)class_of(token.rank, base) << (8 * k);
            }
            if (CLASSES && ALIGNED && i + 4 <= end)
                *(u32*)(classes + i) = bytes;
            else if (CLASSES)
                for (int k = 0; k < 4 && i + k < end; ++k) classes[i + k] = (u8)(bytes >> (8 * k));
        }
    }
    return running;
}

// Per row, what blocks that share it add up: the buckets, then all, below, rough and bad.
constexpr int PARTIAL = 2 * BUCKETS + 7;

__device__ inline void add_to_row(u64* partial, Buckets buckets, Sums all, Sums below, Sums rough,
                                  int bad) {
    for (int k = threadIdx.x; k < BUCKETS; k += blockDim.x) {
        const Sums x = buckets.at(k);
        if (x.p) atomicAdd(&partial[2 * k], x.p);
        if (x.q) atomicAdd(&partial[2 * k + 1], x.q);
    }
    if (threadIdx.x == 0) {
        u64* rest = partial + 2 * BUCKETS;
        atomicAdd(&rest[0], all.p);
        atomicAdd(&rest[1], all.q);
        atomicAdd(&rest[2], below.p);
        atomicAdd(&rest[3], below.q);
        atomicAdd(&rest[4], rough.p);
        atomicAdd(&rest[5], rough.q);
        atomicAdd(&rest[6], (u64)bad);
    }
}

#if LOGITS
// The scale of a row from all of its blocks, each of which has read its chunk once: the second reading
// finds it in the cache. A block waits for the others of its row only, and they have all been started
// before any of a later row; so this ends as long as the blocks of one row fit the device together.
__device__ inline Scale agreed_scale(const Element* p, const Element* q, int begin, int end, float factor,
                                     Exponentials* of_row, u32* arrived, int split, int splits) {
    __shared__ Exponentials scratch[THREADS / WARP];
    const Exponentials own_p = block_merged(of_chunk(p, begin, end, factor), scratch);
    const Exponentials own_q = block_merged(of_chunk(q, begin, end, factor), scratch);
    if (threadIdx.x == 0) {
        of_row[2 * split] = own_p;
        of_row[2 * split + 1] = own_q;
        __threadfence();
        atomicAdd(arrived, 1u);
        while (atomicAdd(arrived, 0u) < (u32)splits) {
        }
        __threadfence();
    }
    __syncthreads();
    Exponentials total[2] = {{-INFINITY, 0}, {-INFINITY, 0}};
    for (int k = 0; k < 2 * splits; ++k)
        total[k % 2] = merged(total[k % 2], {__ldcg(&of_row[k].largest), __ldcg(&of_row[k].rest)});
    return scale_of(total[0], total[1], factor);
}
#endif

// Blocks in the order in which they really start.
__device__ inline int block_in_turn(u32* turn) {
    __shared__ int block;
    if (threadIdx.x == 0) block = (int)atomicAdd(turn, 1u);
    __syncthreads();
    return block;
}

// Grid: splits * rows blocks. `tickets` (rows, COUNTS, and one for all blocks) is zero, and so is `partial`
// (rows, PARTIAL), which may be null if splits = 1. `heavy` is (rows, HEAVY). If `normalisers` (rows,
// splits, 2) is given, `scales` is written and not read.
// With CLASSES, `classes` (rows, V) gets a byte a token for `refine`.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    ratio_sums(const Element* p, const Element* q, long long p_stride, long long q_stride, Scale* scales,
               u8* classes, Row* rows, Heavy* heavy, u32* tickets, u64* partial,
               Exponentials* normalisers,
               int vocabulary, int n, int base, int splits, float factor, double tolerance) {
    DYNAMIC_SHARED(memory);
    __shared__ Sums scratch[THREADS / WARP];
    const int rows_in_all = gridDim.x / splits;
    const int block = block_in_turn(&tickets[COUNTS * rows_in_all]);
    const int row = block / splits, split = block % splits;
    u32* counts = tickets + COUNTS * row;
    const int chunk = ((vocabulary + splits - 1) / splits + 15) / 16 * 16;
    const int begin = min(split * chunk, vocabulary), end = min(begin + chunk, vocabulary);
    Buckets buckets(memory, BUCKETS);
    buckets.clear(BUCKETS);
    __syncthreads();
    p += row * p_stride;
    q += row * q_stride;
    Scale scale = {1, 0, 0};
#if LOGITS
    if (normalisers) {
        Exponentials* of_row = normalisers + (long long)row * 2 * splits;
        scale = agreed_scale(p, q, begin, end, factor, of_row, &counts[2], split, splits);
        if (threadIdx.x == 0 && split == 0) scales[row] = scale;
    } else {
        scale = scales[row];
    }
#endif
    u8* own_classes = CLASSES ? classes + (long long)row * vocabulary : nullptr;
    const HeavyList list = {heavy + row * HEAVY, &counts[1]};
    const Running running = read_chunk(p, q, scale, own_classes, begin, end, base, buckets, list);
    Sums all, below, rough;
    sums_before(running.all, scratch, &all);
    sums_before(running.below, scratch, &below);
    sums_before(running.rough, scratch, &rough);
    int bad = __syncthreads_or(running.suspicion > SUSPICIOUS);
    Sums sums[EACH];
    if (splits > 1) {
        u64* shared_row = partial + (long long)row * PARTIAL;
        add_to_row(shared_row, buckets, all, below, rough, bad);
        if (!last_of_row(&counts[0], splits)) return;
        const u64* rest = shared_row + 2 * BUCKETS;
        all = {__ldcg(&rest[0]), __ldcg(&rest[1])};
        below = {__ldcg(&rest[2]), __ldcg(&rest[3])};
        rough = {__ldcg(&rest[4]), __ldcg(&rest[5])};
        bad = __ldcg(&rest[6]) != 0;
        for (int k = 0; k < EACH; ++k) {
            const int place = EACH * threadIdx.x + k;
            sums[k] = {__ldcg(&shared_row[2 * place]), __ldcg(&shared_row[2 * place + 1])};
        }
    } else {
        for (int k = 0; k < EACH; ++k) sums[k] = buckets.at(EACH * threadIdx.x + k);
    }
    const double unit = 1.0 / (double)(1ull << FRACTION);
    bad |= (rough.p | rough.q) >> (FRACTION - ROUGH + 1) != 0;  // a sum of two or more
    const double off = fmax(fabs((double)all.p * unit - 1), fabs((double)all.q * unit - 1));
    if (threadIdx.x == 0) rows[row] = {all, below, 1.0, 1.0, 0, 0, 0, bad || !(off <= tolerance)};
    __syncthreads();
    const int count = min((int)__ldcg(list.count), HEAVY);
    find_best_edge(&rows[row], sums, {base, base + (BUCKETS << FIRST_SHIFT), FIRST_SHIFT}, n, list.heavy,
                   count);
    __syncthreads();
    // From the empty set to the first edge, where n s^(n-1) is below n 2^-32: no prefix has much less than 1.
    if (threadIdx.x == 0 && below.q)
        rows[row].lower = fmin(rows[row].lower, Curve{all, n}.bound({0, 0}, below, 0, base));
}
