// The left curtain of atoms: which levels each of them draws, as iid_loop and curtain_loop have it for the
// CPU. One thread's work: a few dozen atoms.
#pragma once
#include "iid_rungs.cuh"

// A sum and what it has lost to rounding. A product that is added is rounded first (__dmul_rn): fused into one
// of the sums alone it would spoil them.
struct Carried {
    double sum, lost;

    __device__ void add(double x) {
        const double next = sum + x, part = next - sum;
        lost += (sum - (next - part)) + (x - part);
        sum = next;
    }

    // Takes x off, to twice the precision of a double.
    __device__ void subtract(double x) {
        const double next = sum - x, part = next - sum;
        lost += (sum - (next - part)) - (x + part);
        sum = next + lost;
        lost -= sum - next;
    }

    __device__ double rounded() const { return sum + lost; }
};

// The mean of n t^(n-1) on [low, high]: nothing cancels.
__device__ inline double mean_height(double low, double high, int n) {
    double total = 1, power = 1;
    for (int k = 1; k < n; ++k) {
        power *= high;
        total = total * low + power;
    }
    return total;
}

struct Curtain {
    double mass[RUNGS], density[RUNGS];  // of atoms, densities ascending
    double cuts[RUNGS + 1], heights[RUNGS];
    double free_width[RUNGS];  // a stack of what is free left of the frontier; later used for sums
    double width[PIECES];
    int free_level[RUNGS];
    u16 level[PIECES], first[RUNGS + 4];
    int atoms, pieces, n;

    __device__ void find_levels() {
        Carried at = {0, 0};
        cuts[0] = 0;
        for (int k = 0; k < atoms; ++k) {
            at.add(mass[k]);
            cuts[k + 1] = at.rounded();
            heights[k] = mean_height(cuts[k], cuts[k + 1], n);
        }
    }

    // Mass of a width right of the frontier, of which level k has `room` left; infinite if [0, 1] ends.
    __device__ double mass_right(int k, double room, double width) const {
        if (k >= atoms) return width > 0 ? ENDLESS : 0;
        if (width <= room) return width * heights[k];
        const double rest = width - room, from = cuts[k + 1];
        if (cuts[atoms] - from <= rest) return ENDLESS;
        int low = k + 1, high = atoms;
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            if (cuts[middle] - from <= rest)
                low = middle;
            else
                high = middle;
        }
        const double whole = cuts[low] - from;
        return room * heights[k] + (rest - whole) * heights[low] + whole * mean_height(from, cuts[low], n);
    }

    __device__ void put(int at_level, double wide) {
        if (!(wide > 0) || pieces >= PIECES) return;
        level[pieces] = (u16)at_level;
        width[pieces] = wide;
        ++pieces;
    }

    __device__ void fill() {
        int k = 0, top = -1;
        double room = mass[0];
        pieces = 0;
        for (int i = 0; i < atoms; ++i) {
            first[i] = (u16)pieces;
            Carried w = {mass[i], 0}, goal = {mass[i] * density[i], 0};
            // Passes levels while the stretch right of them is too low.
            while (k < atoms && mass_right(k, room, w.sum) <= goal.sum) {
                ++top;
                free_level[top] = k;
                free_width[top] = room;
                ++k;
                room = k < atoms ? mass[k] : 0;
            }
            // Takes from the stack while the stretch left of it is not too low.
            double low = 0, lift = 0, least = w.sum;
            while (top >= 0 && w.sum > 0) {
                const double part = fmin(free_width[top], w.sum);
                low = heights[free_level[top]];
                lift = goal.sum - low * w.sum;
                least = w.sum - part;
                if (part * low + mass_right(k, room, least) < goal.sum) break;
                free_width[top] -= part;
                put(free_level[top], part);
                if (part < w.sum)
                    w.subtract(part);
                else
                    w = {0, 0};
                goal.subtract(__dmul_rn(part, low));
                if (free_width[top] <= 0) --top;
                low = lift = 0;
                least = w.sum;
            }
            // Takes right of the frontier what the mean asks for, and the rest from the stack.
            Carried raise = {lift, 0};
            for (bool more = true; more && w.sum > 0 && k < atoms;) {
                const double slope = heights[k] - low;
                more = room < least || slope * room < raise.sum;
                double part = more ? room : fmax(least, raise.sum > 0 ? raise.sum / slope : 0.0);
                part = fmin(fmin(part, room), w.sum);
                put(k, part);
                if (part < w.sum)
                    w.subtract(part);
                else
                    w = {0, 0};
                raise.subtract(__dmul_rn(part, slope));
                least -= part;
                room -= part;
                if (room <= 0) {
                    ++k;
                    room = k < atoms ? mass[k] : 0;
                }
            }
            while (top >= 0 && w.sum > 0) {
                const double part = fmin(free_width[top], w.sum);
                free_width[top] -= part;
                put(free_level[top], part);
                w.sum -= part;
                if (free_width[top] <= 0) --top;
            }
            put(atoms - 1, w.sum);  // no room left, by rounding
            if (pieces == first[i]) put(atoms - 1, mass[i]);
        }
        first[atoms] = (u16)pieces;
    }

    // Turns an atom's widths into keys: running chances, multiples of 2^-BITS that end at one.
    // Threads leave its loops one by one: unrolled, these nest so deep that ptxas 13.0 saves the mask by which
    // a warp comes together again, and restores another. Some then pass the next barrier before others come.
    __device__ void find_keys(int i) {
        const double one = (double)(1ull << BITS);
        Carried whole = {0, 0}, upto = {0, 0};
#pragma unroll 1
        for (int e = first[i]; e < first[i + 1]; ++e) whole.add(width[e]);
        const double scale = one / whole.rounded();
        for (int e = first[i]; e < first[i + 1]; ++e) {
            upto.add(width[e]);
            const double key = e + 1 < first[i + 1] ? fmin(upto.rounded() * scale, one) : one;
            width[e] = __longlong_as_double((long long)__double2ull_rn(key));
        }
    }

    __device__ u64 key(int e) const { return (u64)__double_as_longlong(width[e]); }

    __device__ double chance(int i, int e) const {
        return (double)(key(e) - (e > first[i] ? key(e - 1) : 0)) / (double)(1ull << BITS);
    }

    // Replaces heights by (S_k^n - S_{k-1}^n) / (S_k - S_{k-1}) of the masses that levels really get: this is
    // what makes the law of the pick known but for rounding, whatever the widths. `cuts` is lost.
    __device__ void find_heights_drawn() {
        double *sum = cuts, *lost = free_width;
        for (int k = 0; k < atoms; ++k) sum[k] = lost[k] = 0;
        for (int i = 0; i < atoms; ++i)
            for (int e = first[i]; e < first[i + 1]; ++e) {
                Carried of_level = {sum[level[e]], lost[level[e]]};
                of_level.add(__dmul_rn(mass[i], chance(i, e)));
                sum[level[e]] = of_level.sum;
                lost[level[e]] = of_level.lost;
            }
        Carried at = {0, 0};
        for (int k = 0; k < atoms; ++k) {
            const double low = at.rounded();
            at.add(sum[k]);
            at.add(lost[k]);
            heights[k] = mean_height(low, at.rounded(), n);
        }
        const double whole = power(at.rounded(), n);
        for (int k = 0; k < atoms; ++k) heights[k] /= whole;
    }

    // Its loop is not unrolled either.
    __device__ double density_drawn(int i) const {
        Carried mean = {0, 0};
#pragma unroll 1
        for (int e = first[i]; e < first[i + 1]; ++e) mean.add(__dmul_rn(chance(i, e), heights[level[e]]));
        return mean.rounded();
    }
};
