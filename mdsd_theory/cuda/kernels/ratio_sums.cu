// With replacement, in one pass: sums of p and q in 2,048 buckets of p/q, and from them an enclosure of
// the smallest P(H) + 1 - q(H)^n over prefixes H of the ratio order.
//
// Several blocks share a row when there are few rows; the last of them to finish adds up.
#include "rows.cuh"
#include "stream.cuh"

// Before and after the buckets: those of tokens below and above all buckets, one for each lane of a warp.
constexpr int BELOW = -WARP, ABOVE = BUCKETS, PLACES = WARP + BUCKETS + WARP;
typedef Buckets<PLACES> Table;

struct Running {
    Sums rough;  // of large tokens, in units of 2^20 quanta: it tells where the others have wrapped around
    u32 suspicion;
};

constexpr int ROUGH = 20;

// What a block has found beside its buckets.
struct Outside {
    Sums above, below, rough;
};

// Where the blocks of a row put its heavy tokens.
struct HeavyList {
    Heavy* heavy;
    u32* count;

    __device__ void add(Sums x, int rank) const {
        const u32 place = atomicAdd(count, 1u);
        if (place < HEAVY) heavy[place] = {x, rank};
    }
};

// Where a rank is added up: `shifted` of a rank, cut off at what lies below and above all buckets.
struct Places {
    int lowest, highest;
    SharedAddress zero;  // of a shifted rank of zero

    __device__ Places(Table table, int base)
        : lowest((base >> FIRST_SHIFT) + BELOW + (int)threadIdx.x % WARP),
          highest((base >> FIRST_SHIFT) + ABOVE + (int)threadIdx.x % WARP),
          zero(table.at(WARP - (base >> FIRST_SHIFT))) {}

    __device__ int shifted(int rank) const { return min(max(rank >> FIRST_SHIFT, lowest), highest); }

    __device__ SharedAddress at(int shifted) const { return zero + 4 * shifted; }
};

__device__ inline Element one_of(Four four, int k) {
    return k < 2 ? (k < 1 ? four.x[0] : four.x[1]) : (k < 3 ? four.x[2] : four.x[3]);
}

// Adds what tokens have beyond a word each, which is what `take` has added of them.
__device__ inline void take_rest(Four a, Four b, Scale scale, Places places, HeavyList list,
                                 Running& running) {
#pragma unroll 1
    for (int k = 0; k < 4; ++k) {
        const Token token = token_of(one_of(a, k), one_of(b, k), scale);
        if (token.p < ONE_WORD && token.q < ONE_WORD) continue;
        const Sums x = {fixed(token.p), fixed(token.q)};
        if (token.p >= HEAVY_MASS || token.q >= HEAVY_MASS) list.add(x, token.rank);
        running.rough = running.rough + Sums{x.p >> ROUGH, x.q >> ROUGH};
        const Sums rest = {x.p - fixed_word(token.p), x.q - fixed_word(token.q)};
        Table::add(places.at(places.shifted(token.rank)), rest.p, rest.q);
    }
}

// Adds four tokens and returns their classes, a byte each.
__device__ inline u32 take(Four a, Four b, Scale scale, int base, Places places, HeavyList list,
                           Running& running) {
    u32 p[4], q[4], largest = 0;
    int shifted[4];
    SharedAddress at[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const Token token = token_of(a.x[k], b.x[k], scale);
        largest = max(max(largest, suspicion(token.p)), suspicion(token.q));
        p[k] = fixed_word(token.p);
        q[k] = fixed_word(token.q);
        shifted[k] = places.shifted(token.rank);
        at[k] = places.at(shifted[k]);
    }
    Table::add<4>(at, p, q);
    running.suspicion = max(running.suspicion, largest);
    if (largest >= suspicion(ONE_WORD)) take_rest(a, b, scale, places, list, running);
    const int first = base >> FIRST_SHIFT;
    return saturated_bytes(unbounded_class(shifted[0] - first), unbounded_class(shifted[1] - first),
                           unbounded_class(shifted[2] - first), unbounded_class(shifted[3] - first));
}

// A byte for each token of a group.
struct alignas(GROUP) Classes {
    u32 x[GROUP / 4];
};

// Adds a chunk of one row.
__device__ inline Running read_chunk(const Element* p, const Element* q, Scale scale, u8* classes,
                                     Chunk chunk, int base, Table table, HeavyList list, u8* memory) {
    Running running = {{0, 0}, 0};
    const Places places(table, base);
    const Element* const pair[] = {p, q};
    stream<THREADS>(pair, chunk, memory, [&](int i, const Group* groups) {
        Classes found;
#pragma unroll
        for (int k = 0; k < GROUP / 4; ++k)
            found.x[k] = take(groups[0].four(k), groups[1].four(k), scale, base, places, list, running);
        if (CLASSES && ALIGNED)
            *(Classes*)(classes + i) = found;
        else if (CLASSES)
            for (int k = 0; k < GROUP && i + k < chunk.end; ++k)
                classes[i + k] = (u8)(found.x[k / 4] >> (k % 4 * 8));
    });
    return running;
}

// Per row, what blocks that share it add up: the buckets, then above, below, rough and bad.
constexpr int PARTIAL = 2 * BUCKETS + 7;

__device__ inline void add_to_row(u64* partial, Table table, Sums above, Sums below, Sums rough, int bad) {
    for (int k = threadIdx.x; k < BUCKETS; k += blockDim.x) {
        const Sums x = table[WARP + k];
        if (x.p) atomicAdd(&partial[2 * k], x.p);
        if (x.q) atomicAdd(&partial[2 * k + 1], x.q);
    }
    if (threadIdx.x == 0) {
        u64* rest = partial + 2 * BUCKETS;
        atomicAdd(&rest[0], above.p);
        atomicAdd(&rest[1], above.q);
        atomicAdd(&rest[2], below.p);
        atomicAdd(&rest[3], below.q);
        atomicAdd(&rest[4], rough.p);
        atomicAdd(&rest[5], rough.q);
        atomicAdd(&rest[6], (u64)bad);
    }
}

// Grid: splits * rows blocks. `tickets` (rows, COUNTS) is zero, and so is `partial` (rows, PARTIAL), which
// may be null if splits = 1. `heavy` is (rows, HEAVY).
// With CLASSES, `classes` (rows, V) gets a byte a token for `refine`.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    ratio_sums(const Element* p, const Element* q, long long p_stride, long long q_stride,
               const Scale* scales, u8* classes, Row* rows, Heavy* heavy, u32* tickets, u64* partial,
               int vocabulary, int n, int base, int splits, double tolerance) {
    DYNAMIC_SHARED(memory);
    __shared__ Sums scratch[THREADS / WARP];
    __shared__ Outside outside;
    const int row = blockIdx.x / splits, warp = threadIdx.x / WARP;
    if (threadIdx.x == 0) outside.rough = {0, 0};
    u32* counts = tickets + COUNTS * row;
    const Chunk chunk(vocabulary, splits, blockIdx.x % splits);
    const Table table(memory);
    p += row * p_stride;
    q += row * q_stride;
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    u8* own_classes = CLASSES ? classes + (long long)row * vocabulary : nullptr;
    const HeavyList list = {heavy + row * HEAVY, &counts[1]};
    const Running running = read_chunk(p, q, scale, own_classes, chunk, base, table, list,
                                       memory + 16 * PLACES);
    __syncthreads();
    const auto sum = [](Sums a, Sums b) { return a + b; };
    if (warp < 2) {
        const int places = WARP + (warp ? ABOVE : BELOW);
        (warp ? outside.above : outside.below) = over_warp(table[places + threadIdx.x % WARP], sum);
    }
    if (running.rough.p) atomicAdd(&outside.rough.p, running.rough.p);
    if (running.rough.q) atomicAdd(&outside.rough.q, running.rough.q);
    int bad = __syncthreads_or(running.suspicion > SUSPICIOUS);
    Sums above = outside.above, below = outside.below, rough = outside.rough, sums[EACH], own = {0, 0}, all;
    if (splits > 1) {
        u64* shared_row = partial + (long long)row * PARTIAL;
        add_to_row(shared_row, table, above, below, rough, bad);
        if (!last_of_row(&counts[0], splits)) return;
        const u64* rest = shared_row + 2 * BUCKETS;
        above = {__ldcg(&rest[0]), __ldcg(&rest[1])};
        below = {__ldcg(&rest[2]), __ldcg(&rest[3])};
        rough = {__ldcg(&rest[4]), __ldcg(&rest[5])};
        bad = __ldcg(&rest[6]) != 0;
        for (int k = 0; k < EACH; ++k) {
            const int place = EACH * threadIdx.x + k;
            sums[k] = {__ldcg(&shared_row[2 * place]), __ldcg(&shared_row[2 * place + 1])};
        }
    } else {
        for (int k = 0; k < EACH; ++k) sums[k] = table[WARP + EACH * threadIdx.x + k];
    }
    for (int k = 0; k < EACH; ++k) own = own + sums[k];
    const Sums before = sums_before(own, scratch, &all);
    all = all + below + above;
    const double unit = 1.0 / (double)(1ull << FRACTION);
    bad |= (rough.p | rough.q) >> (FRACTION - ROUGH + 1) != 0;  // a sum of two or more
    const double off = fmax(fabs((double)all.p * unit - 1), fabs((double)all.q * unit - 1));
    if (threadIdx.x == 0) rows[row] = {all, below, 1.0, 1.0, 0, 0, 0, bad || !(off <= tolerance)};
    __syncthreads();
    const int count = min((int)__ldcg(list.count), HEAVY);
    find_best_edge(&rows[row], sums, before, {base, base + (BUCKETS << FIRST_SHIFT), FIRST_SHIFT}, n, list.heavy,
                   count);
    __syncthreads();
    // From the empty set to the first edge, where n s^(n-1) is below n 2^-32: no prefix has much less than 1.
    const Curve curve(all, n);
    if (threadIdx.x == 0 && below.q)
        rows[row].lower = fmin(rows[row].lower, curve.bound(1, curve.at(below), below, 0, base, 1));
}
