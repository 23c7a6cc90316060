// The probe: a device is trusted once these kernels have given the right numbers on it.
// variants: real=float,CPU=0

// y = slope * x + 1 / (1 + exp(-x))
__kernel void probe_map(__global const real *x, __global real *y, const real slope, const i64 n) {
    FOR_EACH(i, n) y[i] = slope * x[i] + (real)1 / ((real)1 + exp(-x[i]));
}

// One partial sum of x per work-group, whose size is a power of two of at most 64.
__kernel void probe_sum(__global const real *x, __global real *sums, const i64 n) {
    __local real shared[64];
    int me = (int)get_local_id(0);
    real sum = (real)0;
    for (i64 i = (i64)get_global_id(0); i < n; i += (i64)get_global_size(0)) sum += x[i];
    shared[me] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int step = (int)get_local_size(0) / 2; step > 0; step /= 2) {
        if (me < step) shared[me] += shared[me + step];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (me == 0) sums[get_group_id(0)] = shared[0];
}
