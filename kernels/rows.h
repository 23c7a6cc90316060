// Rows of `cols` numbers without gaps, folded over their columns: for kernels that include this.
//
// On a CPU any number of work-items, each with its own rows, 16 columns at a time; elsewhere GROUP
// (a power of two; 1 where it is not defined) work-items share a row, any number of groups. `part`
// is what a work-item holds of a row at once. Sums are taken in an order that depends on cols and
// GROUP alone. A kernel that folds begins with SCRATCH; what is written once per row stands under
// `if (LEADER)`.
#ifndef GROUP
#define GROUP 1
#endif

#if CPU
#define FOR_ROWS(r)                                                                            \
    for (i64 r = rows * (i64)get_global_id(0) / (i64)get_global_size(0),                       \
             r##_end = rows * ((i64)get_global_id(0) + 1) / (i64)get_global_size(0);           \
         r < r##_end; ++r)
#define FOR_COLUMNS(c) for (i64 c = 0; c < cols; c += 16)
#define LEADER 1
#define SCRATCH
#define SHARED 0
typedef wide part;

// Columns past the end of the row read as `rest` and are not written.
static inline part get(__global const real *x, i64 c, i64 cols, real rest) {
    real lanes[16];
    if (c + 16 <= cols) {
        return *(__global const wide *)(x + c);
    }
    for (i32 k = 0; k < 16; ++k) {
        lanes[k] = c + k < cols ? x[c + k] : rest;
    }
    return vload16(0, lanes);
}

static inline void put(__global real *y, i64 c, i64 cols, part v) {
    real lanes[16];
    if (c + 16 <= cols) {
        *(__global wide *)(y + c) = v;
        return;
    }
    vstore16(v, 0, lanes);
    for (i32 k = 0; c + k < cols; ++k) {
        y[c + k] = lanes[k];
    }
}

static inline part hot(i64 c, i64 target) {
    real lanes[16];
    for (i32 k = 0; k < 16; ++k) {
        lanes[k] = c + k == target;
    }
    return vload16(0, lanes);
}

static inline real fold_max(part v, i32 unused) {
    real lanes[16];
    vstore16(v, 0, lanes);
    for (i32 near = 8; near > 0; near /= 2) {
        for (i32 k = 0; k < near; ++k) {
            lanes[k] = lanes[k + near] > lanes[k] ? lanes[k + near] : lanes[k];
        }
    }
    return lanes[0];
}

static inline real fold_sum(part v, i32 unused) {
    real lanes[16];
    vstore16(v, 0, lanes);
    for (i32 near = 8; near > 0; near /= 2) {
        for (i32 k = 0; k < near; ++k) {
            lanes[k] += lanes[k + near];
        }
    }
    return lanes[0];
}
#else
#define FOR_ROWS(r) for (i64 r = (i64)get_group_id(0); r < rows; r += (i64)get_num_groups(0))
#define FOR_COLUMNS(c) for (i64 c = (i64)get_local_id(0); c < cols; c += GROUP)
#define LEADER (get_local_id(0) == 0)
#define SCRATCH __local real shared_by_group[GROUP];
#define SHARED shared_by_group
typedef real part;

static inline part get(__global const real *x, i64 c, i64 cols, real rest) { return x[c]; }
static inline void put(__global real *y, i64 c, i64 cols, part v) { y[c] = v; }
static inline part hot(i64 c, i64 target) { return c == target; }

static inline real fold_max(part v, LOCAL_PTR real *shared) {
    const i32 me = (i32)get_local_id(0);
    shared[me] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i32 near = GROUP / 2; near > 0; near /= 2) {
        if (me < near) {
            shared[me] = shared[me + near] > shared[me] ? shared[me + near] : shared[me];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    v = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return v;
}

static inline real fold_sum(part v, LOCAL_PTR real *shared) {
    const i32 me = (i32)get_local_id(0);
    shared[me] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i32 near = GROUP / 2; near > 0; near /= 2) {
        if (me < near) {
            shared[me] += shared[me + near];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    v = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return v;
}
#endif

// NaN may be passed over in the maximum: it comes back through the sum, into the whole row.
#define ROW_MAX(m, x)                          \
    part m##_part = (part)(-INFINITY);         \
    FOR_COLUMNS(c) {                           \
        part v = get(x, c, cols, -INFINITY);   \
        m##_part = v > m##_part ? v : m##_part; \
    }                                          \
    const real m = fold_max(m##_part, SHARED);

#define ROW_SUM(s, expression)                 \
    part s##_part = (part)(0);                 \
    FOR_COLUMNS(c) { s##_part += expression; } \
    const real s = fold_sum(s##_part, SHARED);
