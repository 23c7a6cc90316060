// y[i] = f(a[i]), f(a[i], b[i]) or f(a[i], b[i], c[i]) over strided, broadcast views.
//
// One program computes one function, OP, for one choice of types:
//   OP         one of the op_ macros below (a name such as exp is itself a macro on some drivers)
//   TA TB TC   element types of the inputs as stored (bool is u8)
//   CT         the type that the function computes in; inputs are converted to it first
//   TO         the element type of the result; a truth value is stored as 0 or 1
//   NDIM       axes left after the host joined what can be joined (at most 8); 1 when all is flat
//   S_A … S_Y  strides of the last axis: the literals 0 and 1 where they are so, else from Layout
//   VECTOR     1 when CPU, all types are one float type, and the last strides are 0 or 1 (y: 1)
// Grid: one dimension. On a CPU each work-item takes one chunk of y's elements in row-major order
// and walks it row by row, in vectors of LANES; elsewhere a grid-stride loop, an element at a time.
// Limits: 8 axes; a result of 2^63 elements.
//
// variants: OP=op_add,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=0,S_C=0,S_Y=1
// variants: OP=op_add,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=0,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_tanh,NIN=1,TA=float,TB=u8,TC=u8,CT=float,TO=float,NDIM=2,S_A=LAST(a),S_B=0,S_C=0,S_Y=1
// variants: OP=op_less,NIN=2,TA=i32,TB=i64,TC=u8,CT=i64,TO=u8,NDIM=3,S_A=1,S_B=LAST(b),S_C=0,S_Y=1
// variants: OP=op_where,NIN=3,TA=u8,TB=float,TC=float,CT=float,TO=float,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1

// -- the functions -------------------------------------------------------------------------------
// W is the type at work, CT or its vector. Ternaries act per lane on vectors; K makes a constant.

#define K(W, c) ((W)(c))
#define op_positive(W, x) (x)
#define op_negative(W, x) (-(x))
#define op_abs(W, x) ((x) < K(W, 0) ? -(x) : (x) + K(W, 0)) // + 0 makes -0 to 0
#define op_sign(W, x) ((x) > K(W, 0) ? K(W, 1) : (x) < K(W, 0) ? K(W, -1) : (x)) // NaN stays
#define op_square(W, x) ((x) * (x))
#define op_sqrt(W, x) sqrt(x)
#define op_exp(W, x) exp(x)
#define op_expm1(W, x) expm1(x)
#define op_log(W, x) log(x)
#define op_log1p(W, x) log1p(x)
#define op_log2(W, x) log2(x)
#define op_log10(W, x) log10(x)
#define op_sin(W, x) sin(x)
#define op_cos(W, x) cos(x)
#define op_tan(W, x) tan(x)
// Some drivers give 0.99999994 for large arguments; from 20 on, 1 is right in double too.
#define op_tanh(W, x) ((x) > K(W, 20) ? K(W, 1) : (x) < K(W, -20) ? K(W, -1) : tanh(x))
#define op_floor(W, x) floor(x)
#define op_ceil(W, x) ceil(x)
#define op_trunc(W, x) trunc(x)
#define op_round(W, x) rint(x)
#define op_isnan(W, x) ((x) != (x))
#define op_isfinite(W, x) ((x) - (x) == K(W, 0))
#define op_isinf(W, x) ((x) == (x) && (x) - (x) != (x) - (x))
#define op_logical_not(W, x) (!(x))
#define op_bitwise_invert(W, x) (~(x))
#define op_truth(W, x) ((x) != 0)

#define op_add(W, x, z) ((x) + (z))
#define op_subtract(W, x, z) ((x) - (z))
#define op_multiply(W, x, z) ((x) * (z))
#define op_divide(W, x, z) ((x) / (z))
#define op_pow(W, x, z) pow(x, z)
#define op_maximum(W, x, z) ((x) != (x) ? (x) : (x) > (z) ? (x) : (z)) // NaN wins on either side
#define op_minimum(W, x, z) ((x) != (x) ? (x) : (x) < (z) ? (x) : (z))
#define op_equal(W, x, z) ((x) == (z))
#define op_not_equal(W, x, z) ((x) != (z))
#define op_less(W, x, z) ((x) < (z))
#define op_less_equal(W, x, z) ((x) <= (z))
#define op_greater(W, x, z) ((x) > (z))
#define op_greater_equal(W, x, z) ((x) >= (z))
#define op_logical_and(W, x, z) ((x) && (z))
#define op_logical_or(W, x, z) ((x) || (z))
#define op_logical_xor(W, x, z) (!(x) != !(z))
#define op_bitwise_and(W, x, z) ((x) & (z))
#define op_bitwise_or(W, x, z) ((x) | (z))
#define op_bitwise_xor(W, x, z) ((x) ^ (z))

#define op_where(W, p, x, z) ((p) != 0 ? (x) : (z))

#define PASTE_(x, z) x##z
#define PASTE(x, z) PASTE_(x, z)

// -- where elements lie ----------------------------------------------------------------------------

typedef struct {
    i64 shape[8], a[8], b[8], c[8], y[8];
} Layout;

#define LAST(x) at.x[NDIM - 1]

// Adds to p* the offset of y's element i in row-major order; leaves its place on the last axis to
// the caller.
#define LOCATE(i)                                                  \
    i64 pa = 0, pb = 0, pc = 0, py = 0, row = (i) / inner;         \
    for (int d = NDIM - 2; d >= 0; --d) {                          \
        const i64 at_d = row % at.shape[d];                        \
        row /= at.shape[d];                                        \
        pa += at_d * at.a[d], pb += at_d * at.b[d];                \
        pc += at_d * at.c[d], py += at_d * at.y[d];                \
    }

#if CPU
#define WALK(VECTORS, SCALAR)                                      \
    const i64 inner = NDIM == 1 ? n : at.shape[NDIM - 1];          \
    const i64 last = CHUNK_END(n);                                 \
    for (i64 i = CHUNK_START(n); i < last;) {                      \
        LOCATE(i)                                                  \
        i64 k = i % inner;                                         \
        const i64 stop = min(inner, k + last - i);                 \
        i += stop - k;                                             \
        VECTORS                                                    \
        for (; k < stop; ++k) { SCALAR }                           \
    }
#else
#define WALK(VECTORS, SCALAR)                                      \
    const i64 inner = NDIM == 1 ? n : at.shape[NDIM - 1];          \
    FOR_EACH(i, n) {                                               \
        LOCATE(i)                                                  \
        const i64 k = i % inner;                                   \
        SCALAR                                                     \
    }
#endif

#define GET(T, x, px, S) ((CT)x[px + k * (S)])

#ifndef VECTOR
#define VECTOR 0
#endif
#if VECTOR
#define LANES 16
#define V PASTE(CT, 16)
// A stride of 0 is one element for all lanes.
#define GETV(x, px, S) ((S) ? vload16(0, x + px + k * (S)) : (V)(x[px]))
#define VECTORS(expression)                                        \
    for (; k + LANES <= stop; k += LANES) vstore16((expression), 0, y + py + k);
#else
#define VECTORS(expression)
#endif

#if NIN == 1
__kernel void map1(__global const TA *a, const i64 a_at, __global TO *y, const i64 y_at,
                   const i64 n, const Layout at) {
    a += a_at, y += y_at;
    WALK(VECTORS(OP(V, GETV(a, pa, S_A))),
         const CT x = GET(TA, a, pa, S_A);
         y[py + k * (S_Y)] = (TO)OP(CT, x);)
}
#elif NIN == 2
__kernel void map2(__global const TA *a, const i64 a_at, __global const TB *b, const i64 b_at,
                   __global TO *y, const i64 y_at, const i64 n, const Layout at) {
    a += a_at, b += b_at, y += y_at;
    WALK(VECTORS(OP(V, GETV(a, pa, S_A), GETV(b, pb, S_B))),
         const CT x = GET(TA, a, pa, S_A); const CT z = GET(TB, b, pb, S_B);
         y[py + k * (S_Y)] = (TO)OP(CT, x, z);)
}
#else
__kernel void map3(__global const TA *a, const i64 a_at, __global const TB *b, const i64 b_at,
                   __global const TC *c, const i64 c_at, __global TO *y, const i64 y_at,
                   const i64 n, const Layout at) {
    a += a_at, b += b_at, c += c_at, y += y_at;
    WALK(VECTORS(OP(V, GETV(a, pa, S_A), GETV(b, pb, S_B), GETV(c, pc, S_C))),
         const TA x = a[pa + k * (S_A)]; const CT z = GET(TB, b, pb, S_B);
         const CT w = GET(TC, c, pc, S_C);
         y[py + k * (S_Y)] = (TO)OP(CT, x, z, w);)
}
#endif
