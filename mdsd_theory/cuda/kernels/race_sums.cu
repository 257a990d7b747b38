// The passes over a row that a race takes: bucket sums of the whole row, of a span of ranks, and H.
#include "race_rows.cuh"

constexpr int THREADS = 512;

__device__ inline u32 rounded(float x) { return __float2uint_rn(x); }
__device__ inline u32 rounded(double x) { return __double2uint_rn(x); }

// What a token adds to sums of p and of x.
struct Part {
    Sums sums;
    double x;  // told unless tiny
    Real units;
    bool tiny, light;

    // Nearly every token is tiny: p and x fit a word each, and x^3 vanishes. A float's rounding of x is
    // allowed for in race_buckets.py.
    __device__ Part(Token token, double scale) {
        units = token.q * (Real)(scale / X_UNIT);
        tiny = units < Real(4294967296.0) && token.p < ONE_WORD;
        if (tiny) {
            sums = {fixed_word(token.p), rounded(units)};
            light = true;
            return;
        }
        x = (double)token.q * scale;
        light = x <= 1;
        sums = {fixed(token.p), light ? __double2ull_rn(x / X_UNIT) : 0};
    }
};

// Sums of p, x, x^2, ... over CELLS buckets, in shared memory, as in fixed_point.cuh.
struct Cells {
    u32 *low, *high;
    int powers;

    __device__ Cells(u8* memory, int powers)
        : low((u32*)memory), high((u32*)memory + (powers + 1) * CELLS), powers(powers) {}

    __device__ void clear() {
        for (int k = threadIdx.x; k < 2 * (powers + 1) * CELLS; k += blockDim.x) low[k] = 0;
    }

    __device__ void add_word(int place, u32 x, u32 carry = 0) {
        carry += ~atomicAdd(&low[place], x) < x;
        if (carry) atomicAdd(&high[place], carry);
    }

    __device__ void add(int sum, int cell, u64 x) {
        if (x) add_word(sum * CELLS + cell, (u32)x, (u32)(x >> 32));
    }

    // x^2, x^3, ..., up to the power that vanishes.
    __device__ void add_powers(int cell, const Part& part) {
        if (part.tiny) {
            const u32 square = rounded(part.units * (part.units * (Real)X_UNIT));
            if (square) add_word(2 * CELLS + cell, square);
            return;
        }
        if (!part.light) return;
        double power = part.x;
        for (int r = 2; r <= powers; ++r) {
            power *= part.x;
            const u64 x = __double2ull_rn(power / X_UNIT);
            if (!x) return;
            add(r, cell, x);
        }
    }

    __device__ void add(int cell, const Part& part) {
        add(0, cell, part.sums.p);
        add(1, cell, part.sums.q);
        add_powers(cell, part);
    }

    __device__ void add_to_row(u64* sums) {
        for (int k = threadIdx.x; k < (powers + 1) * CELLS; k += blockDim.x) {
            const u64 x = ((u64)high[k] << 32) + low[k];
            if (x) atomicAdd(&sums[k], x);
        }
    }
};

struct Running {
    Sums all, below;
    u32 suspicion;
};

__device__ inline void take(Token token, const Row& known, Row* row, Heavy* heavy, int most, Cells cells,
                            Running& running) {
    running.suspicion = max(running.suspicion, max(suspicion(token.p), suspicion(token.q)));
    const Part part(token, known.scale);
    running.all = running.all + part.sums;
    if (!part.light) {
        const u32 place = atomicAdd(&row->heavy, 1u);
        if (place < most) heavy[place] = {part.x, part.sums.p, token.rank};
    }
    if (token.rank >= known.top) return;
    const int cell = (token.rank - (known.top - (CELLS << FIRST_SHIFT))) >> FIRST_SHIFT;
    if (cell >= 0) {
        cells.add(cell, part);
    } else {  // tokens without p, most of a row at times, are kept from one bucket's queue
        running.below = running.below + part.sums;
        cells.add_powers(0, part);
    }
}

// Grid: splits * rows blocks. `heavy` is (rows, most); `sums` (rows, powers + 1, CELLS) is zero.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    race_sums(const Element* p, const Element* q, long long p_stride, long long q_stride,
              const Scale* scales, Row* rows, Heavy* heavy, u64* sums, int vocabulary, int splits, int powers,
              int most) {
    DYNAMIC_SHARED(memory);
    __shared__ Sums scratch[THREADS / WARP];
    const int row = blockIdx.x / splits;
    Row* out = rows + row;
    const Row known = *out;
    if (!known.nodes) return;
    Cells cells(memory, powers);
    cells.clear();
    __syncthreads();
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    const Chunk chunk(vocabulary, splits, blockIdx.x % splits);
    p += row * p_stride;
    q += row * q_stride;
    heavy += (long long)row * most;
    sums += (long long)row * (powers + 1) * CELLS;
    Running running = {{0, 0}, {0, 0}, 0};
    for (int i = chunk.begin + 4 * threadIdx.x; i < chunk.end; i += 4 * blockDim.x) {
        const Four a = load_four(p + i, chunk.end - i), b = load_four(q + i, chunk.end - i);
#pragma unroll
        for (int k = 0; k < 4; ++k)
            if (i + k < chunk.end)
                take(token_of(a.x[k], b.x[k], scale), known, out, heavy, most, cells, running);
    }
    Sums all, below;
    sums_before(running.all, scratch, &all);
    sums_before(running.below, scratch, &below);
    const int bad = __syncthreads_or(running.suspicion > SUSPICIOUS);
    cells.add_to_row(sums);
    if (threadIdx.x > 0) return;
    atomicAdd(&out->p_total, all.p);
    atomicAdd(&out->x_total, all.q);
    if (below.p) atomicAdd(&sums[0], below.p);
    if (below.q) atomicAdd(&sums[CELLS], below.q);
    if (bad) atomicMax(&out->bad, NO_PAIR);
}

// The cell of a rank between the first and the last of ascending edges.
__device__ inline int cell_of(int rank, const int* edges) {
    int low = 0;
    for (int step = CELLS / 2; step > 0; step /= 2)
        if (edges[low + step] <= rank) low += step;
    return low;
}

// The same sums over the tokens of a row's span, by the cells between `edges` (rows, CELLS + 1).
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    race_refine(const Element* p, const Element* q, long long p_stride, long long q_stride,
                const Scale* scales, const Row* rows, const int* edges, u64* sums, int vocabulary, int splits,
                int powers) {
    DYNAMIC_SHARED(memory);
    __shared__ int own_edges[CELLS + 1];
    const int row = blockIdx.x / splits;
    const Row known = rows[row];
    if (known.first == known.last) return;
    Cells cells(memory, powers);
    cells.clear();
    for (int k = threadIdx.x; k <= CELLS; k += blockDim.x) own_edges[k] = edges[row * (CELLS + 1) + k];
    __syncthreads();
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    const Chunk chunk(vocabulary, splits, blockIdx.x % splits);
    p += row * p_stride;
    q += row * q_stride;
    for (int i = chunk.begin + 4 * threadIdx.x; i < chunk.end; i += 4 * blockDim.x) {
        const Four a = load_four(p + i, chunk.end - i), b = load_four(q + i, chunk.end - i);
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            const Token token = token_of(a.x[k], b.x[k], scale);
            if (i + k >= chunk.end || token.rank < known.first || token.rank >= known.last) continue;
            cells.add(cell_of(token.rank, own_edges), Part(token, known.scale));
        }
    }
    __syncthreads();
    cells.add_to_row(sums + (long long)row * (powers + 1) * CELLS);
}

// Tells of each token whether it is in H.
extern "C" __global__ void __launch_bounds__(THREADS)
    race_subset(const Element* p, const Element* q, long long p_stride, long long q_stride,
                const Scale* scales, const Row* rows, u8* subset, int vocabulary, int splits) {
    const int row = blockIdx.x / splits, cut = rows[row].cut;
    const Scale scale = scales ? scales[row] : Scale{1, 0, 0};
    const Chunk chunk(vocabulary, splits, blockIdx.x % splits);
    p += row * p_stride;
    q += row * q_stride;
    subset += (long long)row * vocabulary;
    for (int i = chunk.begin + 4 * threadIdx.x; i < chunk.end; i += 4 * blockDim.x) {
        const Four a = load_four(p + i, chunk.end - i), b = load_four(q + i, chunk.end - i);
        u32 inside = 0;
#pragma unroll
        for (int k = 0; k < 4; ++k)
            inside |= (u32)(token_of(a.x[k], b.x[k], scale).rank < cut) << (8 * k);
        if (ALIGNED && i + 4 <= chunk.end)
            *(u32*)(subset + i) = inside;
        else
            for (int k = 0; k < 4 && i + k < chunk.end; ++k) subset[i + k] = (u8)(inside >> (8 * k));
    }
}
