// The second step of the optimal rule for i.i.d. drafts: from sums in buckets to what a row is drawn from.
#include "iid_curtain.cuh"

struct Clip {
    double floor, ceiling;
};

// A rung's share of q and what q and p the rungs up to it, and those after it, have; ratios and sums are
// those of normalised rows.
struct Rung {
    double ratio, mass, upto_p, upto_q, after_p, after_q;
};

__device__ inline Rung rung_of(const Ladder& ladder, const u16* start, int count, int t, IidRow& row) {
    const double q_unit = 1 / ladder.q_sum, p_unit = 1 / ladder.p_sum;
    const double ratio_unit = ladder.q_sum / ladder.p_sum;
    const Sums all = ladder.total;
    if (t == count + 2) {  // the tokens above all buckets
        row.foot[t] = row.step[t] = 0;
        const double mass = (double)(all.q - ladder.before[BUCKETS].q) * QUANTUM * q_unit;
        return {ENDLESS, mass, (double)all.p * QUANTUM * p_unit, (double)all.q * QUANTUM * q_unit, 0, 0};
    }
    const Sums none = {0, 0}, lowest = ladder.before[0];
    const Sums from_sums = t > 0 ? ladder.before[start[t]] : none;
    const Sums to_sums = t > count ? from_sums : t > 0 ? ladder.before[start[t + 1]] : lowest;
    const double from = t > 0 ? (double)edge(start[t], ladder.base) : 0.0;
    Ends own = {0, 0}, last = {0, 0};
    row.foot[t] = row.step[t] = 0;
    if (t <= count) {
        const double to = edge(t > 0 ? start[t + 1] : 0, ladder.base);
        own = spread({to_sums.p - from_sums.p, to_sums.q - from_sums.q}, from, to);
        row.foot[t] = from;
        row.step[t] = 1 / (to - from);
    }
    if (t > 0) {
        const Sums before = t > 1 ? ladder.before[start[t - 1]] : none;
        const double low = t > 1 ? (double)edge(start[t - 1], ladder.base) : 0.0;
        last = spread({from_sums.p - before.p, from_sums.q - before.q}, low, from);
    }
    const double to = t <= count ? (double)edge(t > 0 ? start[t + 1] : 0, ladder.base) : from;
    return {from * ratio_unit,
            (last.high + own.low) * q_unit,
            ((double)from_sums.p * QUANTUM + from * own.low) * p_unit,
            ((double)from_sums.q * QUANTUM + own.low) * q_unit,
            ((double)(all.p - to_sums.p) * QUANTUM + to * own.high) * p_unit,
            ((double)(all.q - to_sums.q) * QUANTUM + own.high) * q_unit};
}

// The plateaus c' and c of the best prefix of the rungs (theorem 11.b), each thread holding a rung.
__device__ inline Clip plateaus(Rung rung, int t, int rungs, int n, Least* scratch, double total_p) {
    __shared__ double of_best[4];
    const bool here = t < rungs;
    const Least own = {here ? rung.upto_p - power(rung.upto_q, n) : 0.0, here ? t : -1};
    const Least best = block_least(own.value < 0 ? own : Least{0, -1}, scratch);
    if (t == best.place) {
        of_best[0] = rung.upto_p;
        of_best[1] = rung.upto_q;
        of_best[2] = rung.after_p;
        of_best[3] = rung.after_q;
    } else if (t == 0 && best.place < 0) {
        of_best[0] = of_best[1] = 0;
        of_best[2] = total_p;
        of_best[3] = 1;
    }
    __syncthreads();
    const double inside = of_best[1], outside = of_best[3] * mean_height(inside, 1.0, n);
    const double surplus = fmax(power(inside, n) - of_best[0], 0.0);
    const double deficit = fmax(of_best[2] - outside, 0.0), covered = fmin(of_best[2], outside);
    double low = ENDLESS, high = -ENDLESS;
    if (here && t <= best.place && rung.upto_q > 0) low = (rung.upto_p + surplus) / rung.upto_q;
    if (here && t >= best.place && rung.after_q > 0) high = (rung.after_p - deficit) / rung.after_q;
    // after_p - deficit there, where the difference would lose all that is drafted outside, tiny as it is
    if (t == best.place && of_best[3] > 0) high = fmax(high, covered / of_best[3]);
    if (t == 0 && best.place < 0) high = fmax(high, covered);
    low = block_least({low, 0}, scratch).value;
    high = -block_least({-high, 0}, scratch).value;
    return {low == ENDLESS ? 0 : low, high == -ENDLESS ? (double)n : fmin(high, (double)n)};
}

// Rungs of one density are one atom; one without mass joins its neighbour. One thread's work.
__device__ inline void join_atoms(Curtain& curtain, IidRow& row, const double* mass, const double* ratio,
                                  int rungs, Clip clip) {
    int last = -1;
    for (int t = 0; t < rungs; ++t) {
        const double density = fmin(fmax(ratio[t], clip.floor), clip.ceiling);
        if (mass[t] > 0 && (last < 0 || density > curtain.density[last])) {
            ++last;
            curtain.mass[last] = mass[t];
            curtain.density[last] = density;
        } else if (mass[t] > 0) {
            curtain.mass[last] += mass[t];
        }
        row.atom[t] = (u16)max(last, 0);
    }
    curtain.atoms = last + 1;
}

__device__ inline bool is_bad(const IidSums& x, double p_sum, double q_sum, double tolerance) {
    const double off = fmax(fabs(p_sum - 1), fabs(q_sum - 1)), rough = (double)x.rough / ROUGH;
    return x.bad || !(off <= tolerance) || rough > 3;
}

// Grid: one block a row. Shared memory: BUCKETS + 1 Sums.
extern "C" __global__ void __launch_bounds__(THREADS)
    iid_plan(const IidSums* sums, IidRow* rows, int n, int base, double tolerance) {
    DYNAMIC_SHARED(memory);
    __shared__ Sums scratch[THREADS / WARP];
    __shared__ Least least_scratch[THREADS / WARP];
    __shared__ u8 whole[BUCKETS];
    __shared__ u16 start[RUNGS];
    __shared__ double mass[RUNGS], ratio[RUNGS];
    const IidSums& own = sums[blockIdx.x];
    IidRow& row = rows[blockIdx.x];
    const int t = threadIdx.x;
    Sums* before = (Sums*)memory;
    Sums part = {0, 0}, in_buckets;
    for (int k = 0; k < EACH; ++k) part = part + own.bucket[EACH * t + k];
    Sums upto = own.below + sums_before(part, scratch, &in_buckets);
    for (int k = 0; k < EACH; ++k) {
        before[EACH * t + k] = upto;
        upto = upto + own.bucket[EACH * t + k];
    }
    if (t == THREADS - 1) before[BUCKETS] = upto;
    __syncthreads();
    const Sums total = own.below + in_buckets + own.above;
    const double p_sum = (double)(total.p + own.undrafted) * QUANTUM, q_sum = (double)total.q * QUANTUM;
    const bool bad = is_bad(own, p_sum, q_sum, tolerance);
    if (t == 0) {
        row.p_sum = p_sum;
        row.q_sum = q_sum;
        row.bad = bad;
        row.unused = 0;
        if (bad) row.rungs = row.atoms = 0;
    }
    if (bad) return;
    const Ladder ladder = {before, total, p_sum, q_sum, n, base};
    const double total_p = (double)total.p * QUANTUM / p_sum;
    double at_edge = 0, at_corner = 0;
    for (int k = t; k <= BUCKETS; k += THREADS) at_edge = fmin(at_edge, ladder.at_edge(k));
    for (int k = t; k < BUCKETS; k += THREADS) at_corner = fmin(at_corner, ladder.corner(k, k + 1));
    at_corner = fmin(fmin(at_corner, ladder.lowest_corner()), at_edge);
    // All of the support may be the best; it is the last edge but for tokens above.
    at_edge = fmin(at_edge, total_p - 1);
    const double upper = block_least({at_edge, 0}, least_scratch).value;
    const double lower = block_least({at_corner, 0}, least_scratch).value;
    const int count = choose_intervals(ladder, lower, whole, start, row.label), rungs = count + 3;
    Rung rung = {0, 0, 0, 0, 0, 0};
    if (t < rungs) rung = rung_of(ladder, start, count, t, row);
    const Clip clip = plateaus(rung, t, rungs, n, least_scratch, total_p);
    mass[t] = rung.mass;
    ratio[t] = rung.ratio;
    __syncthreads();  // `before` is not needed any more
    Curtain& curtain = *(Curtain*)memory;
    if (t == 0) {
        curtain.n = n;
        join_atoms(curtain, row, mass, ratio, rungs, clip);
        curtain.find_levels();
        curtain.fill();
    }
    __syncthreads();
    if (t < curtain.atoms) curtain.find_keys(t);
    __syncthreads();
    if (t == 0) curtain.find_heights_drawn();
    __syncthreads();
    if (t < curtain.atoms) curtain.density[t] = curtain.density_drawn(t);
    if (t <= curtain.atoms) row.first[t] = curtain.first[t];
    for (int e = t; e < curtain.pieces; e += THREADS) {
        row.level[e] = curtain.level[e];
        row.keys[e] = curtain.key(e);
    }
    __syncthreads();
    if (t < rungs) {
        const double unit = p_sum / q_sum, low = curtain.density[row.atom[t]];
        const double high = t + 1 < rungs ? curtain.density[row.atom[t + 1]] : low;
        row.base[t] = unit * low;
        row.slope[t] = unit * (high - low) * row.step[t];
    }
    if (t > 0) return;
    Carried accepted = {0, 0}, picked = {0, 0};
    for (int k = 0; k < rungs; ++k) {
        const double density = curtain.density[row.atom[k]];
        accepted.add(mass[k] * fmin(ratio[k], density));
        picked.add(mass[k] * density);
    }
    // Somebody is picked. ptxas 13.0 once made this false, and the law wrong: see find_keys.
    row.bad = !(fabs(picked.rounded() - 1) < 1e-9);
    row.acceptance = accepted.rounded();
    row.optimum = 1 + upper;
    row.floor = clip.floor;
    row.ceiling = clip.ceiling;
    row.rungs = rungs;
    row.atoms = curtain.atoms;
}
