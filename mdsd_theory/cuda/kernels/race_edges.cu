// After each pass: the value of every prefix that ends with a bucket, what may lie between, and new edges.
#include "race_value.cuh"

constexpr int THREADS = CELLS;  // one a bucket
constexpr int WARPS = THREADS / WARP;
constexpr int RUN = CELLS / WARPS;        // edges a warp
constexpr int OWN_EDGES = CELLS / 4;      // heavy tokens that get a bucket of their own

// Heavy tokens by rank; ties in an order that does not depend on how threads ran.
struct HeavyTokens {
    double x[MOST_HEAVY];
    int rank[MOST_HEAVY];
    int count;
};

__device__ inline bool precedes(const Heavy& a, const Heavy& b, bool first) {
    if (a.rank != b.rank) return a.rank < b.rank;
    if (a.x != b.x) return a.x < b.x;
    return a.p != b.p ? a.p < b.p : first;
}

__device__ inline void sort_heavy(const Heavy* heavy, int count, HeavyTokens& tokens) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        const Heavy own = heavy[i];
        int place = 0;
        for (int k = 0; k < count; ++k) place += k != i && precedes(heavy[k], own, k < i);
        tokens.x[place] = own.x;
        tokens.rank[place] = (int)own.rank;
    }
    if (threadIdx.x == 0) tokens.count = count;
}

// What the prefixes at the edges hold; index 0 is the first edge.
struct Edges {
    int rank[CELLS + 1];
    int heavy[CELLS + 1];
    double outside[CELLS + 1];
    double avoid[CELLS + 1];
    double value[CELLS + 1];
};

// Turns `sums` (SUMS, CELLS) of buckets into `prefix` (CELLS + 1, SUMS) of edges, and leaves zeros.
__device__ inline void add_up(u64* sums, const u64* below, u64* prefix, Sums* scratch) {
    const int k = threadIdx.x;
    for (int r = 0; r < SUMS; r += 2) {
        const int other = min(r + 1, SUMS - 1);
        const Sums own = {sums[r * CELLS + k], sums[other * CELLS + k]};
        Sums whole;
        const Sums start = sums_before(own, scratch, &whole) + Sums{below[r], below[other]};
        if (k == 0) {
            prefix[r] = start.p;
            prefix[other] = start.q;
        }
        prefix[(k + 1) * SUMS + r] = start.p + own.p;
        prefix[(k + 1) * SUMS + other] = start.q + own.q;
    }
    for (int r = 0; r < SUMS; ++r) sums[r * CELLS + k] = 0;
}

__device__ inline void count_heavy(const Row& row, const HeavyTokens& tokens, const u64* prefix,
                                   Edges& edges) {
    for (int k = threadIdx.x; k <= CELLS; k += blockDim.x) {
        double outside = 0;
        int passed = tokens.count;
        while (passed > 0 && tokens.rank[passed - 1] >= edges.rank[k]) outside += tokens.x[--passed];
        edges.heavy[k] = passed;
        edges.outside[k] = outside + (double)(row.x_total - prefix[k * SUMS + 1]) * X_UNIT;
        edges.avoid[k] = 0;
    }
}

// Sums the terms of all nodes at every edge but the first.
__device__ inline void integrate(const Row& row, const HeavyTokens& tokens, const u64* prefix, Rule rule,
                                 const double* power, Edges& edges) {
    const int lane = threadIdx.x % WARP, first = threadIdx.x / WARP * RUN + 1;
    for (int start = 0; start < row.nodes; start += WARP) {
        const int place = row.nodes - 1 - (start + lane);
        Node node;
        node.relative = place >= 0 ? exp(-place * rule.step) : 0;
        node.time = rule.lightest * node.relative;
        node.weight = rule.step * node.time;
        node.start();
        int passed = 0;
        for (int k = first; k < first + RUN; ++k) {
            while (passed < edges.heavy[k]) node.pass(tokens.x[passed++]);
            double term = node.term({prefix + k * SUMS, passed, edges.outside[k]}, power);
            for (int distance = WARP / 2; distance > 0; distance /= 2)
                term += __shfl_xor_sync(ALL_LANES, term, distance);
            if (lane == 0) edges.avoid[k] += term;
        }
    }
}

// Both lines of theorem 6.e: no prefix that ends inside a bucket is below where they cross.
__device__ inline double bound_of(const Edges& edges, int k, double target, double width, double scale) {
    const double a = edges.value[k], b = edges.value[k + 1], chord = target - (b - a);
    const double falls = chord - ratio_at(edges.rank[k]) * scale * (1 - RATIO_ERROR) * width;
    const double rises = ratio_at(edges.rank[k + 1]) * scale * (1 + RATIO_ERROR) * width - chord;
    const double whole = falls + rises;
    const double share = whole > 0 ? fmin(fmax((a - b + rises) / whole, 0.0), 1.0) : 1.0;
    return fmin(a - fmax(falls, 0.0) * share, fmin(a, b));
}

// Cuts a span in CELLS: heavy tokens get buckets of one rank, the rest is cut evenly.
__device__ inline void cut_span(int first, int last, const HeavyTokens& tokens, int* candidate, int* edges) {
    int from = 0, to = tokens.count;
    while (from < to && tokens.rank[from] < first) ++from;
    while (from < to && tokens.rank[to - 1] >= last) --to;
    const int own = min(to - from, OWN_EDGES), even = CELLS - 2 * own;
    for (int k = threadIdx.x; k <= CELLS; k += blockDim.x) {
        const int heavy = k - even - 1;
        candidate[k] = heavy < 0 ? first + (int)((long long)(last - first) * k / even)
                                 : min(tokens.rank[from + heavy / 2] + heavy % 2, last);
    }
    __syncthreads();
    for (int k = threadIdx.x; k <= CELLS; k += blockDim.x) {
        int place = 0;
        for (int i = 0; i <= CELLS; ++i)
            place += candidate[i] < candidate[k] || (candidate[i] == candidate[k] && i < k);
        edges[place] = candidate[k];
    }
}

// Grid: one block a row. `heavy` (rows, most), `sums` (rows, SUMS, CELLS), `prefix` (rows, CELLS + 1, SUMS),
// `below` (rows, SUMS), `all_edges` (rows, CELLS + 1). `opening` after the pass over the whole row. A bucket
// is open, for the next pass, while its bound is below the best value by more than `width`.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    race_edges(Row* rows, const Heavy* heavy, u64* sums, u64* prefix, u64* below, int* all_edges, int most,
               int opening, double tolerance, double width, double step, double lightest,
               const double* constants, int left_terms) {
    __shared__ HeavyTokens tokens;
    __shared__ Edges edges;
    __shared__ double power[(DRAFTS - 1) * POWERS];
    __shared__ Sums scratch[WARPS];
    __shared__ Least least_scratch[WARPS];
    __shared__ int candidate[CELLS + 1];
    __shared__ int first, last;
    const int k = threadIdx.x, index = blockIdx.x;
    Row row = rows[index];
    if (!row.nodes || (!opening && row.first == row.last)) return;
    all_edges += (long long)index * (CELLS + 1);
    below += (long long)index * SUMS;
    prefix += (long long)index * (CELLS + 1) * SUMS;
    const Rule rule = {step, lightest, power, constants + (DRAFTS - 1) * POWERS, left_terms};
    for (int i = k; i < (DRAFTS - 1) * POWERS; i += blockDim.x) power[i] = constants[i];
    for (int i = k; i <= CELLS; i += blockDim.x)
        edges.rank[i] = !opening ? all_edges[i] : i ? row.top - ((CELLS - i) << FIRST_SHIFT) : 0;
    sort_heavy(heavy + (long long)index * most, min((int)row.heavy, most), tokens);
    add_up(sums + (long long)index * SUMS * CELLS, below, prefix, scratch);
    __syncthreads();
    if (opening) {
        row.value = row.left = 1;
        row.closed = 2;
        row.cut = 0;
    }
    count_heavy(row, tokens, prefix, edges);
    __syncthreads();
    integrate(row, tokens, prefix, rule, power, edges);
    double heavy_mass = 0;
    for (int i = 0; i < tokens.count; ++i) heavy_mass += tokens.x[i];
    const double mass = heavy_mass + (double)row.x_total * X_UNIT;
    const double earliest = lightest * exp(-(row.nodes - 1) * step);
    __syncthreads();
    const double outside = edges.outside[k + 1];
    edges.value[k + 1] = (double)prefix[(k + 1) * SUMS] / (double)row.p_total + outside * edges.avoid[k + 1] +
                         left_of(outside * earliest, rule);
    if (k == 0) {
        edges.value[0] = row.left;
        first = CELLS;
        last = -1;
    }
    __syncthreads();
    const Least best = block_least(smaller({row.value, row.cut}, {edges.value[k + 1], edges.rank[k + 1]}),
                                   least_scratch);
    const double target = (double)(prefix[(k + 1) * SUMS] - prefix[k * SUMS]) / (double)row.p_total;
    const double share = (edges.outside[k] - outside) / mass;
    const double ratio_scale = mass / row.scale / ((double)row.p_total * P_UNIT);
    const int heavy_inside = edges.heavy[k + 1] - edges.heavy[k];
    const bool one = prefix[(k + 1) * SUMS + 1] == prefix[k * SUMS + 1] && heavy_inside <= 1;
    const double bound = one ? fmin(edges.value[k], edges.value[k + 1])
                             : bound_of(edges, k, target, share, ratio_scale);
    if (bound < best.value - width && edges.rank[k] + 1 < edges.rank[k + 1]) {
        atomicMin(&first, k);
        atomicMax(&last, k);
    }
    __syncthreads();
    const bool settled = last < 0;
    const bool inside = k >= first && k <= last;
    const double lower = block_least({fmin(fmin(bound, best.value), row.closed), 0}, least_scratch).value;
    const double kept = inside ? row.closed : fmin(bound, row.closed);
    const double closed = block_least({kept, 0}, least_scratch).value;
    if (k == 0) {
        row.value = best.value;
        row.cut = best.place;
        row.lower = lower;
        row.closed = closed;
        row.left = settled ? 0 : edges.value[first];
        row.first = settled ? 0 : edges.rank[first];
        row.last = settled ? 0 : edges.rank[last + 1];
        if (opening) {
            const double p_off = fabs((double)row.p_total * P_UNIT - 1);
            const double q_off = fabs(mass / row.scale - 1);
            if (!(p_off <= tolerance && q_off <= tolerance)) row.bad = NO_PAIR;
            if (row.heavy > most && !row.bad) row.bad = NOT_SERVED;
        }
        rows[index] = row;
    }
    if (settled) return;
    for (int r = k; r < SUMS; r += blockDim.x) below[r] = prefix[first * SUMS + r];
    cut_span(edges.rank[first], edges.rank[last + 1], tokens, candidate, all_edges);
}
