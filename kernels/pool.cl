// The largest or the mean element of each window, and their gradients, over images without gaps.
//
//   max   y[o] = max_k x[window o, k], NaN if there is one     d[i] = sum of g[o] where x[i] is the
//                                                              first element of window o that is not
//                                                              below y[o]
//   avg   y[o] = share[o] sum_k x[window o, k]                 d[i] = sum of share[o] g[o] where i is
//                                                              in window o
//
// Element k of window o lies at o * stride + k * dilation - low along each axis; those outside of x
// do not count, but for the share: 1 / divisor, or 1 / the elements of the window, with `counted`
// those in the padding too. Elements of windows and windows of an element are taken in ascending
// order of k. Layout: x and d (planes, height, width), y and g (planes, out_height, out_width).
//
// Grid: FOR_EACH, over y forward and over x backward. On processors *_pairs_* serve windows of 2 x 2
// that lie side by side inside x, by vectors along rows (the last vector of a row reaches back over
// the one before it): any number of work-items, each with its own rows of y.
// Limits: memory; each array is read or written once by the pairs.
//
// variants: real=float

static inline real larger(real a, real b) { return a > b || a != a ? a : b; }

__kernel void max_pool_forward(__global const real *x, const i64 x_at, __global real *y,
                               const i64 planes, const i64 height, const i64 width,
                               const i64 out_height, const i64 out_width, const i64 kernel_height,
                               const i64 kernel_width, const i64 stride_y, const i64 stride_x,
                               const i64 low_y, const i64 low_x, const i64 dilation_y,
                               const i64 dilation_x) {
    x += x_at;
    FOR_EACH(o, planes * out_height * out_width) {
        const i64 top = o / out_width % out_height * stride_y - low_y;
        const i64 left = o % out_width * stride_x - low_x;
        __global const real *from = x + o / (out_height * out_width) * height * width;
        real most = -INFINITY;
        for (i64 v = 0; v < kernel_height; ++v)
            for (i64 w = 0; w < kernel_width; ++w) {
                const i64 h = top + v * dilation_y, c = left + w * dilation_x;
                if (h >= 0 && h < height && c >= 0 && c < width)
                    most = larger(most, from[h * width + c]);
            }
        y[o] = most;
    }
}

__kernel void max_pool_backward(__global const real *x, const i64 x_at, __global const real *y,
                                __global const real *g, const i64 g_at, __global real *d,
                                const i64 planes, const i64 height, const i64 width,
                                const i64 out_height, const i64 out_width,
                                const i64 kernel_height, const i64 kernel_width,
                                const i64 stride_y, const i64 stride_x, const i64 low_y,
                                const i64 low_x, const i64 dilation_y, const i64 dilation_x) {
    x += x_at;
    g += g_at;
    FOR_EACH(i, planes * height * width) {
        const i64 plane = i / (height * width), h = i / width % height, c = i % width;
        __global const real *from = x + plane * height * width;
        real sum = 0;
        for (i64 k = 0; k < kernel_height * kernel_width; ++k) {
            const i64 top = h - k / kernel_width * dilation_y;
            const i64 left = c - k % kernel_width * dilation_x;
            const i64 row = (top + low_y) / stride_y, column = (left + low_x) / stride_x;
            if (top + low_y < 0 || row * stride_y != top + low_y || row >= out_height ||
                left + low_x < 0 || column * stride_x != left + low_x || column >= out_width)
                continue;
            const i64 o = (plane * out_height + row) * out_width + column;
            bool first = !(x[i] < y[o]);
            for (i64 e = 0; e < k && first; ++e) {
                const i64 v = top + e / kernel_width * dilation_y;
                const i64 w = left + e % kernel_width * dilation_x;
                if (v >= 0 && v < height && w >= 0 && w < width)
                    first = from[v * width + w] < y[o];
            }
            if (first) sum += g[o];
        }
        d[i] = sum;
    }
}

// 1 / how many elements count along one axis of a window that begins at `start`.
static inline real part_of(i64 start, i64 span, i64 size, i64 low, i64 high, i64 counted) {
    const i64 end = counted ? size + high : size, first = counted ? -low : 0;
    return (real)1 / (real)(min(start + span, end) - max(start, first));
}

#define SHARE(row, column)                                                                     \
    (divisor ? (real)1 / (real)divisor                                                         \
             : part_of((row) * stride_y - low_y, kernel_height, height, low_y, high_y, counted) * \
                   part_of((column) * stride_x - low_x, kernel_width, width, low_x, high_x, counted))

__kernel void avg_pool_forward(__global const real *x, const i64 x_at, __global real *y,
                               const i64 planes, const i64 height, const i64 width,
                               const i64 out_height, const i64 out_width, const i64 kernel_height,
                               const i64 kernel_width, const i64 stride_y, const i64 stride_x,
                               const i64 low_y, const i64 low_x, const i64 high_y,
                               const i64 high_x, const i64 counted, const i64 divisor) {
    x += x_at;
    FOR_EACH(o, planes * out_height * out_width) {
        const i64 row = o / out_width % out_height, column = o % out_width;
        const i64 top = row * stride_y - low_y, left = column * stride_x - low_x;
        __global const real *from = x + o / (out_height * out_width) * height * width;
        real sum = 0;
        for (i64 h = max(top, (i64)0); h < min(top + kernel_height, height); ++h)
            for (i64 c = max(left, (i64)0); c < min(left + kernel_width, width); ++c)
                sum += from[h * width + c];
        y[o] = sum * SHARE(row, column);
    }
}

__kernel void avg_pool_backward(__global const real *g, const i64 g_at, __global real *d,
                                const i64 planes, const i64 height, const i64 width,
                                const i64 out_height, const i64 out_width,
                                const i64 kernel_height, const i64 kernel_width,
                                const i64 stride_y, const i64 stride_x, const i64 low_y,
                                const i64 low_x, const i64 high_y, const i64 high_x,
                                const i64 counted, const i64 divisor) {
    g += g_at;
    FOR_EACH(i, planes * height * width) {
        const i64 plane = i / (height * width), h = i / width % height, c = i % width;
        real sum = 0;
        for (i64 v = 0; v < kernel_height; ++v)
            for (i64 w = 0; w < kernel_width; ++w) {
                const i64 top = h + low_y - v, left = c + low_x - w;
                const i64 row = top / stride_y, column = left / stride_x;
                if (top >= 0 && row * stride_y == top && row < out_height && left >= 0 &&
                    column * stride_x == left && column < out_width)
                    sum += g[(plane * out_height + row) * out_width + column] * SHARE(row, column);
            }
        d[i] = sum;
    }
}

#if CPU
// Vectors of neighbours, aligned like one element.
typedef JOIN(real, 8) eight __attribute__((aligned(sizeof(real))));
typedef JOIN(real, 4) four __attribute__((aligned(sizeof(real))));
typedef JOIN(real, 2) two __attribute__((aligned(sizeof(real))));

// BODY(H, F, j) makes the results j .. of row r, as many as H has, from twice as many elements, F.
#define ALONG(BODY, H, F, N) \
    for (i64 j = 0; j < out_width; j += N) BODY(H, F, min(j, out_width - N))
#define EACH_ROW(BODY)                                                            \
    const i64 rows = planes * out_height, me = (i64)get_global_id(0);             \
    const i64 end = rows * (me + 1) / (i64)get_global_size(0);                    \
    for (i64 r = rows * me / (i64)get_global_size(0); r < end; ++r) {             \
        const i64 top = (r / out_height * height + r % out_height * 2) * width;   \
        const i64 to = r * out_width;                                             \
        if (out_width >= 8) ALONG(BODY, eight, wide, 8)                           \
        else if (out_width >= 4) ALONG(BODY, four, eight, 4)                      \
        else ALONG(BODY, real, two, 1)                                            \
        AFTER_ROW                                                                 \
    }
#define READ(T, p) (*(__global const T *)(p))
#define WRITE(T, p) (*(__global T *)(p))
#define QUADS(H, F, j)                                                            \
    const F above = READ(F, x + top + 2 * (j)), below = READ(F, x + top + width + 2 * (j)); \
    const H a = above.even, b = above.odd, c = below.even, e = below.odd;
#define LARGER(a, b) (a > b || a != a ? a : b)
#define MAX_FORWARD(H, F, j)                                                      \
    {                                                                             \
        QUADS(H, F, j)                                                            \
        const H ab = LARGER(a, b), abc = LARGER(ab, c);                           \
        WRITE(H, y + to + (j)) = LARGER(abc, e);                                  \
    }
#define AVG_FORWARD(H, F, j)                                                      \
    {                                                                             \
        QUADS(H, F, j)                                                            \
        WRITE(H, y + to + (j)) = (a + b + c + e) * share;                         \
    }
#define PUT_QUADS(H, F, j, A, B, C, E)                                            \
    F upper, lower;                                                               \
    upper.even = A, upper.odd = B, lower.even = C, lower.odd = E;                 \
    WRITE(F, d + top + 2 * (j)) = upper;                                          \
    WRITE(F, d + top + width + 2 * (j)) = lower;
#define MAX_BACKWARD(H, F, j)                                                     \
    {                                                                             \
        QUADS(H, F, j)                                                            \
        const H most = READ(H, y + to + (j)), given = READ(H, g + to + (j)), none = (H)(0); \
        const H from_b = a < most ? given : none;                                 \
        const H from_c = b < most ? from_b : none, from_e = c < most ? from_c : none; \
        PUT_QUADS(H, F, j, a < most ? none : given, b < most ? none : from_b,     \
                  c < most ? none : from_c, e < most ? none : from_e)             \
    }
#define AVG_BACKWARD(H, F, j)                                                     \
    {                                                                             \
        const H given = READ(H, g + to + (j)) * share;                            \
        PUT_QUADS(H, F, j, given, given, given, given)                            \
    }

#define AFTER_ROW
__kernel void max_pairs_forward(__global const real *x, const i64 x_at, __global real *y,
                                const i64 planes, const i64 height, const i64 width,
                                const i64 out_height, const i64 out_width) {
    x += x_at;
    EACH_ROW(MAX_FORWARD)
}

__kernel void avg_pairs_forward(__global const real *x, const i64 x_at, __global real *y,
                                const i64 planes, const i64 height, const i64 width,
                                const i64 out_height, const i64 out_width, const real share) {
    x += x_at;
    EACH_ROW(AVG_FORWARD)
}

// What no window reaches: the last column of both rows, and the last row of a plane.
#undef AFTER_ROW
#define AFTER_ROW                                                                 \
    for (i64 c = 2 * out_width; c < width; ++c) d[top + c] = d[top + width + c] = 0; \
    if (r % out_height == out_height - 1)                                         \
        for (i64 c = 2 * out_height * width; c < height * width; ++c)             \
            d[r / out_height * height * width + c] = 0;

__kernel void max_pairs_backward(__global const real *x, const i64 x_at, __global const real *y,
                                 __global const real *g, const i64 g_at, __global real *d,
                                 const i64 planes, const i64 height, const i64 width,
                                 const i64 out_height, const i64 out_width) {
    x += x_at;
    g += g_at;
    EACH_ROW(MAX_BACKWARD)
}

__kernel void avg_pairs_backward(__global const real *g, const i64 g_at, __global real *d,
                                 const i64 planes, const i64 height, const i64 width,
                                 const i64 out_height, const i64 out_width, const real share) {
    g += g_at;
    EACH_ROW(AVG_BACKWARD)
}
#endif
