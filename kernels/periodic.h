// Sine, cosine and tangent for bodies.h, once for each W.
//
// Vectors of float are reduced to |r| < pi / 4 by x = n pi/2 + r, with pi / 2 in three parts: fma has
// x - n 1.57079637 exactly, because its bits are few enough for |x| < 30000. Then sin r = r + r t S(t)
// and cos r = 1 - t / 2 + t^2 C(t) of t = r^2, S and C minimax, and the last bits of n say which of
// the two it is, and its sign: 1.5 ulp for sine and cosine, 3 for tangent. Adding 1.5 2^23 rounds to
// the nearest integer and leaves it in the last bits. Drivers' own take up to ten times as long.
//
// A lane beyond 30000 is computed by itself, in double where there is such a type: some drivers'
// tangent of a float is wrong by 4 ulp there. Doubles, and all numbers where there are no vectors, go
// to the driver's functions.

#if VECTORIAL && FLOATING == 1
#define REDUCE                                                                            \
    const W shifted = x * 0.636619772f + 12582912.0f, n = shifted - 12582912.0f;          \
    const W r = fma(n, 1.71512451e-15f, fma(n, 4.37113883e-8f, fma(n, -1.57079637f, x))); \
    const W t = r * r;                                                                    \
    const W s = ((-0.000195172353f * t + 0.008332178f) * t - 0.166666552f) * t * r + r;   \
    const W c = ((2.44330822e-5f * t - 0.00138873153f) * t + 0.0416666456f) * t * t       \
                - 0.5f * t + 1.0f;                                                        \
    const int16 turns = as_int16(shifted);

static inline W NAME(quick_sine)(W x) {
    REDUCE
    const W y = (turns & 1) != 0 ? c : s;
    return x == 0 ? x : as_float16(as_int16(y) ^ (turns & 2) << 30);
}

static inline W NAME(quick_cosine)(W x) {
    REDUCE
    const W y = (turns & 1) != 0 ? s : c;
    return as_float16(as_int16(y) ^ (turns + 1 & 2) << 30);
}

static inline W NAME(quick_tangent)(W x) {
    REDUCE
    const W y = (turns & 1) != 0 ? -c / s : s / c;
    return x == 0 ? x : y;
}
#undef REDUCE

#ifdef cl_khr_fp64
#define FAR double
#else
#define FAR float
#endif
#define IS_QUICK(x) (fabs(x) < 30000)
#define PERIODIC(name, f)                                                          \
    static inline W NAME(name)(W x) {                                              \
        W y = NAME(quick_##name)(IS_QUICK(x) ? x : K(W, 1));                       \
        if (!every(IS_QUICK(x)))                                                   \
            for (int i = 0; i < LANES; ++i)                                        \
                if (!IS_QUICK(LANE(x, i))) LANE(y, i) = (float)f((FAR)LANE(x, i)); \
        return y;                                                                  \
    }
#else
#define PERIODIC(name, f) \
    static inline W NAME(name)(W x) { return f(x); }
#endif
PERIODIC(sine, sin)
PERIODIC(cosine, cos)
PERIODIC(tangent, tan)
#undef PERIODIC
#undef IS_QUICK
#undef FAR
