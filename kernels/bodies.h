// Functions that need more than an expression, for one type at work W; included once for the scalar
// CT and, on CPUs, once more for its vector (VECTORIAL is 1). FLOATING says which kind CT is.

#define NAME(f) BODY(f, W)

static inline W NAME(clip)(W x, W low, W high) {
    W raised = op_maximum(W, x, low);
    return op_minimum(W, raised, high);
}

#if VECTORIAL
static inline W NAME(choose)(VECTOR_OF(TA) p, W x, W z) {
    return TO_VECTOR(MASK_OF(CT), p) != (MASK_OF(CT))0 ? x : z;
}
#else
static inline W NAME(choose)(TA p, W x, W z) { return p != 0 ? x : z; }
#endif

#if FLOATING
#if VECTORIAL
// fmod, which some drivers compute for vectors without end. For small quotients, fma has it exactly,
// also where the quotient was rounded up to the next integer.
static inline W NAME(modulo)(W x, W z) {
    W of = fabs(x), by = fabs(z), q = trunc(of / by);
    W r = q == K(W, 0) ? of : fma(-q, by, of);  // by may be infinite
    r = copysign(r < K(W, 0) ? r + by : r, x);
    if (!every(q < K(W, 1 << 22)))
        for (int i = 0; i < LANES; ++i) LANE(r, i) = fmod(LANE(x, i), LANE(z, i));
    return r;
}
#else
static inline W NAME(modulo)(W x, W z) { return fmod(x, z); }
#endif

// The remainder has the sign of the divisor; an exact one too.
static inline W NAME(remainder)(W x, W z) {
    W r = NAME(modulo)(x, z);
    return r == K(W, 0) ? copysign(r, z) : (r < K(W, 0)) != (z < K(W, 0)) ? r + z : r;
}

// floor(x / z) without the error of rounding x / z up to an integer. Where an operand is infinite or
// z is 0, it is floor(x / z) itself, as the standard prefers.
static inline W NAME(floor_divide)(W x, W z) {
    W quotient = x / z;
    W r = NAME(modulo)(x, z);
    W whole = (x - r) / z;
    whole = r != K(W, 0) && (r < K(W, 0)) != (z < K(W, 0)) ? whole - K(W, 1) : whole;
    W low = floor(whole);
    low = whole - low > K(W, 0.5) ? low + K(W, 1) : low;
    low = whole == K(W, 0) ? copysign(K(W, 0), quotient) : low;
    return isfinite(x) && isfinite(z) && z != K(W, 0) ? low : floor(quotient);
}

// log(exp x + exp z) = max + log1p(exp -|x - z|); equal infinities have no difference. Where the sum
// is near 1 the two terms cancel, so floats are computed in double where there is such a type.
#if FLOATING == 1 && defined(cl_khr_fp64)
#define WIDE double
#else
#define WIDE CT
#endif
#if VECTORIAL
#define D VECTOR_OF(WIDE)
#define TO_D(x) TO_VECTOR(WIDE, x)
#define FROM_D(x) TO_VECTOR(CT, x)
#else
#define D WIDE
#define TO_D(x) ((D)(x))
#define FROM_D(x) ((CT)(x))
#endif
static inline W NAME(logaddexp)(W x, W z) {
    const D a = TO_D(x), b = TO_D(z);
    D y = (a > b ? a : b) + log1p(exp(-fabs(a - b)));
    y = a == b ? a + K(D, 0.693147180559945309417) : y;
    return FROM_D(a != a || b != b ? a + b : y);
}
#undef WIDE
#undef D
#undef TO_D
#undef FROM_D

// Vectors in which a lane is special disturb other lanes on some drivers; their scalar functions are
// right. Such a lane is 1 in the vector, and computed by itself afterwards.
#if VECTORIAL && FLOATING == 2
#define IS_QUICK(x) (fabs(x) > 1e-300 && isfinite(x))
static inline W NAME(power)(W x, W z) {
    W y = pow(IS_QUICK(x) ? x : K(W, 1), z);
    if (!every(IS_QUICK(x)))
        for (int i = 0; i < LANES; ++i)
            if (!IS_QUICK(LANE(x, i))) LANE(y, i) = pow(LANE(x, i), LANE(z, i));
    return y;
}
#undef IS_QUICK
#else
static inline W NAME(power)(W x, W z) { return pow(x, z); }
#endif

#include "erf.h"
#include "periodic.h"
#include "tanh.h"

#else
// x < 0, in a way that compilers do not call pointless for unsigned x.
#define NEGATIVE(x) ((x) < K(W, 1) && (x) != K(W, 0))

// Divisions that trap on some processors are not done: by 0, and of the least number by -1.
#define NEGATES(z) ((z) == K(W, -1) && NEGATIVE(K(W, -1)))
#define DIVISOR(z) ((z) == K(W, 0) || NEGATES(z) ? K(W, 1) : (z))

static inline W NAME(floor_divide)(W x, W z) {
    W d = DIVISOR(z);
    W q = x / d;
    W r = x - q * d;
    q = r != K(W, 0) && NEGATIVE(r) != NEGATIVE(d) ? q - K(W, 1) : q;
    q = NEGATES(z) ? -x : q;
    return z == K(W, 0) ? K(W, 0) : q;
}

static inline W NAME(remainder)(W x, W z) {
    W d = DIVISOR(z);
    W r = x % d;
    return r != K(W, 0) && NEGATIVE(r) != NEGATIVE(d) ? r + d : r;
}

#define OUTSIDE(z) (NEGATIVE(z) || (z) >= K(W, 8 * sizeof(CT)))
static inline W NAME(shift_left)(W x, W z) { return OUTSIDE(z) ? K(W, 0) : x << z; }
static inline W NAME(shift_right)(W x, W z) {
    W sign = NEGATIVE(x) ? K(W, -1) : K(W, 0);
    return OUTSIDE(z) ? sign : x >> z;
}
#undef OUTSIDE
#undef DIVISOR
#undef NEGATES

#if VECTORIAL
static inline W NAME(power)(W x, W z) {
    W y;
    for (int i = 0; i < LANES; ++i) LANE(y, i) = BODY(power, CT)(LANE(x, i), LANE(z, i));
    return y;
}
#else
// By squaring, modulo 2^64; a negative exponent gives 1 / x^-n without the fraction, and 0 for 0.
static inline W NAME(power)(W x, W n) {
    if (NEGATIVE(n)) return x == 1 ? 1 : x != (CT)-1 ? 0 : (n & 1) ? (CT)-1 : 1;
    u64 y = 1, square = (u64)x;
    for (u64 left = (u64)n; left; left >>= 1, square *= square)
        if (left & 1) y *= square;
    return (W)y;
}
#endif
#undef NEGATIVE
#endif
#undef NAME
