// The third step of the optimal rule for i.i.d. drafts: drafts in, tokens out.
//
// A rejected pick needs a draw from (p - y)_+, whose sums over strips of tokens are made only for rows
// with such a pick, and once for all of them.
#include "iid_token.cuh"

constexpr int THREADS = 512;
constexpr int WARPS = THREADS / WARP;
constexpr int STRIP = 1024;  // tokens
constexpr long long REJECTED = -2, REFUSED = -1;

// Uniform numbers (rows, 3n + 2, count): levels, ties, rungs, then one to accept by and one for the residual.
struct Uniforms {
    const double* u;
    long long count;
    int n;

    __device__ const double* of_tuple(long long row, long long tuple) const {
        return u + row * (3 * n + 2) * count + tuple;
    }
    __device__ double level(const double* own, int k) const { return own[k * count]; }
    __device__ double tie(const double* own, int k) const { return own[(n + k) * count]; }
    __device__ double rung(const double* own, int k) const { return own[(2 * n + k) * count]; }
    __device__ double accept(const double* own) const { return own[3 * n * count]; }
    __device__ double residual(const double* own) const { return own[(3 * n + 1) * count]; }
};

// The level that a token draws.
__device__ inline int level_of(const IidRow& row, Chances x, int base, double way, double u) {
    const int k = row.label[place_of(x.p, x.q, base)];
    const double chance = ((double)x.p / (double)x.q - row.foot[k]) * row.step[k];
    const int atom = row.atom[way < chance ? k + 1 : k];
    const u64 aim = (u64)(u * (double)(1ull << BITS));
    int low = row.first[atom], high = row.first[atom + 1] - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (row.keys[middle] > aim)
            high = middle;
        else
            low = middle + 1;
    }
    return row.level[low];
}

__device__ inline long long first_match(const long long* drafts, int n, long long token) {
    for (int k = 0; k < n; ++k)
        if (drafts[k] == token) return k;
    return -1;
}

// One thread a tuple. `drafts` (rows, count, n); `rejected` (rows) is zero, and so is `refused`: whether a
// draft was outside the vocabulary, and whether one had q = 0.
extern "C" __global__ void __launch_bounds__(THREADS)
    iid_pick(const Element* p, const Element* q, long long p_stride, long long q_stride, const Scale* scales,
             const IidRow* rows, const long long* drafts, const double* uniforms, long long* tokens,
             long long* index, int* rejected, int* refused, int vocabulary, int base, int n, long long count,
             long long tuples) {
    const long long tuple = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (tuple >= tuples) return;
    const long long r = tuple / count;
    const IidRow& row = rows[r];
    const Scale scale = scales ? scales[r] : Scale{1, 0, 0};
    const Uniforms uniform = {uniforms, count, n};
    const double* own = uniform.of_tuple(r, tuple % count);
    p += r * p_stride;
    q += r * q_stride;
    drafts += tuple * n;
    int best_level = -1, fault = row.bad;
    double best_tie = 0, y = 0;
    Real target = 0;
    long long token = REFUSED;
    for (int k = 0; k < n && !row.bad; ++k) {
        const long long draft = drafts[k];
        if (draft < 0 || draft >= vocabulary) {
            refused[0] = fault = 1;
            continue;
        }
        const Chances x = chances_of(p[draft], q[draft], scale);
        if (!(x.q > 0)) {
            refused[1] = fault = 1;
            continue;
        }
        const int level = level_of(row, x, base, uniform.rung(own, k), uniform.level(own, k));
        const double tie = uniform.tie(own, k);
        if (level < best_level || (level == best_level && tie <= best_tie)) continue;
        best_level = level;
        best_tie = tie;
        token = draft;
        target = x.p;
        y = y_of(row, x.p, x.q, base);
    }
    if (fault) {
        token = REFUSED;
    } else if (!(uniform.accept(own) * y < (double)target)) {
        token = REJECTED;
        rejected[r] = 1;
    }
    tokens[tuple] = token;
    index[tuple] = token < 0 ? -1 : first_match(drafts, n, token);
}

// Sums of what is left of p when the pick is rejected, (p - y)_+, and of p itself.
struct Share {
    double spare, target;
};

__device__ inline double sum_of_warp(double x) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(ALL_LANES, x, distance);
    return x;
}

// Replaces the sums of strips by running sums, which carry what they lose. Where nothing is spare p and y are
// equal but for rounding: of p then, so that a rejected pick is drawn anew. Called by one block.
__device__ inline void run_up(Share* strips, int count, double* kept) {
    __shared__ double tile[2][THREADS];
    const int t = threadIdx.x;
    double sum = 0, lost = 0;
    for (int start = 0; start < count; start += THREADS) {
        const int own = start + t, size = min(THREADS, count - start);
        if (own < count) {
            tile[0][t] = __ldcg(&strips[own].spare);
            tile[1][t] = __ldcg(&strips[own].target);
        }
        __syncthreads();
        for (int k = 0; t < 2 && k < size; ++k) {
            const double x = tile[t][k], next = sum + x, part = next - sum;
            lost += (sum - (next - part)) + (x - part);
            sum = next;
            tile[t][k] = sum + lost;
        }
        __syncthreads();
        if (own < count) strips[own] = {tile[0][t], tile[1][t]};
        __syncthreads();
    }
    if (t == 0) *kept = sum + lost > 0;
}

// Grid: rows * ceil(strips / WARPS) blocks, a strip a warp. `strips` is (rows, strips); `tickets` (rows) are
// zero.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    iid_residual(const Element* p, const Element* q, long long p_stride, long long q_stride,
                 const Scale* scales, const IidRow* rows, const int* rejected, u32* tickets, Share* strips,
                 double* kept, int vocabulary, int base) {
    __shared__ double foot[RUNGS], base_y[RUNGS], slope[RUNGS];
    __shared__ u8 label[BUCKETS + 8];
    const int count = (vocabulary + STRIP - 1) / STRIP, parts = (count + WARPS - 1) / WARPS;
    const int r = blockIdx.x / parts, strip = blockIdx.x % parts * WARPS + threadIdx.x / WARP;
    if (!rejected[r]) return;
    const IidRow& row = rows[r];
    for (int k = threadIdx.x; k < row.rungs; k += THREADS) {
        foot[k] = row.foot[k];
        base_y[k] = row.base[k];
        slope[k] = row.slope[k];
    }
    for (int k = threadIdx.x; k < BUCKETS + 2; k += THREADS) label[k] = row.label[k];
    __syncthreads();
    const Scale scale = scales ? scales[r] : Scale{1, 0, 0};
    p += r * p_stride;
    q += r * q_stride;
    strips += (long long)r * count;
    const int end = min((strip + 1) * STRIP, vocabulary);
    double spare = 0, target = 0;
#pragma unroll 2
    for (int i = strip * STRIP + 4 * (threadIdx.x % WARP); i < end; i += 4 * WARP) {
        const Four a = load_four(p + i, end - i), b = load_four(q + i, end - i);
        for (int m = 0; m < 4 && i + m < end; ++m) {
            const Chances x = chances_of(a.x[m], b.x[m], scale);
            double y = 0;
            if (x.q > 0) {
                const int k = label[place_of(x.p, x.q, base)];
                y = y_of(x.p, x.q, foot[k], base_y[k], slope[k]);
            }
            spare += fmax((double)x.p - y, 0.0);
            target += (double)x.p;
        }
    }
    spare = sum_of_warp(spare);
    target = sum_of_warp(target);
    if (threadIdx.x % WARP == 0 && strip < count) strips[strip] = {spare, target};
    if (last_of_row(&tickets[r], parts)) run_up(strips, count, &kept[r]);
}

// Finds the token of a strip at which what came before, of this strip, passes `aim`; a warp's work. Where by
// rounding none does it is the last that has a share.
__device__ inline int token_at(const Element* p, const Element* q, Scale scale, const IidRow& row, bool keep,
                               int begin, int end, int base, double aim) {
    const int lane = threadIdx.x % WARP;
    double before = 0;
    int last = -1;
    for (int start = begin; start < end; start += 4 * WARP) {
        const int i = start + 4 * lane;
        double share[4], own = 0;
        for (int m = 0; m < 4; ++m) {
            share[m] = 0;
            if (i + m >= end) continue;
            const Chances x = chances_of(p[i + m], q[i + m], scale);
            share[m] = fmax((double)x.p - (keep ? y_of(row, x.p, x.q, base) : 0.0), 0.0);
            own += share[m];
        }
        double upto = own;
        for (int distance = 1; distance < WARP; distance *= 2) {
            const double other = __shfl_up_sync(ALL_LANES, upto, distance);
            if (lane >= distance) upto += other;
        }
        double at = before + (upto - own);
        int found = end;
        for (int m = 0; m < 4; ++m) {
            at += share[m];
            if (share[m] > 0) last = i + m;
            if (share[m] > 0 && at > aim && found == end) found = i + m;
        }
        for (int distance = WARP / 2; distance > 0; distance /= 2)
            found = min(found, __shfl_xor_sync(ALL_LANES, found, distance));
        if (found < end) return found;
        before += __shfl_sync(ALL_LANES, upto, WARP - 1);
    }
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        last = max(last, __shfl_xor_sync(ALL_LANES, last, distance));
    return last;
}

// A warp a tuple; those not rejected stay as they are.
extern "C" __global__ void __launch_bounds__(THREADS)
    iid_redraw(const Element* p, const Element* q, long long p_stride, long long q_stride,
               const Scale* scales, const IidRow* rows, const long long* drafts, const double* uniforms,
               long long* tokens, long long* index, const Share* strips, const double* kept, int vocabulary,
               int base, int n, long long count, long long tuples) {
    const long long tuple = (long long)blockIdx.x * WARPS + threadIdx.x / WARP;
    if (tuple >= tuples || tokens[tuple] != REJECTED) return;
    const long long r = tuple / count;
    const int strip_count = (vocabulary + STRIP - 1) / STRIP;
    const Uniforms uniform = {uniforms, count, n};
    const bool keep = kept[r] > 0;
    strips += r * strip_count;
    const Share whole = strips[strip_count - 1];
    const double u = uniform.residual(uniform.of_tuple(r, tuple % count));
    const double aim = u * (keep ? whole.spare : whole.target);
    int low = 0, high = strip_count - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if ((keep ? strips[middle].spare : strips[middle].target) > aim)
            high = middle;
        else
            low = middle + 1;
    }
    double before = 0;
    if (low > 0) before = keep ? strips[low - 1].spare : strips[low - 1].target;
    const Scale scale = scales ? scales[r] : Scale{1, 0, 0};
    const int token = token_at(p + r * p_stride, q + r * q_stride, scale, rows[r], keep, low * STRIP,
                               min((low + 1) * STRIP, vocabulary), base, aim - before);
    if (threadIdx.x % WARP > 0) return;
    tokens[tuple] = token;
    index[tuple] = first_match(drafts + tuple * n, n, token);
}
