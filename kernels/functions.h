// The functions of elementwise.cl, one macro each: op_name(W, x), (W, x, z) or (W, x, z, w).
//
// W is the type at work: the scalar CT or, on CPUs, its vector of 16. One text serves both:
// comparisons give 0 or 1 for scalars and a mask of 0 or -1 for vectors, `?:` goes by lanes, and
// TRUTH makes both 0 or 1. BODY(f, W) is the function f of bodies.h for W.
//
// What C leaves open for integers is closed here as NumPy has it: a division by zero gives 0, a
// shift by the width or more gives 0 (or the sign). Sums, products and the like come with an
// unsigned CT, so that they wrap.

#define K(W, c) ((W)(c))
#define BODY(f, W) PASTE(PASTE(f, _), W)
#if VECTOR
#define TRUTH(c) abs(c)
#else
#define TRUTH(c) (c)
#endif

// -- numbers ---------------------------------------------------------------------------------------
#define op_positive(W, x) (x)
#define op_negative(W, x) (-(x))
#define op_abs(W, x) ((x) < K(W, 0) ? -(x) : (x) + K(W, 0)) // + 0 makes -0 to 0
#define op_sign(W, x) \
    ((x) > K(W, 0) ? K(W, 1) : (x) < K(W, 0) ? K(W, -1) : (x) + K(W, 0)) // NaN stays
#define op_square(W, x) ((x) * (x))
#define op_add(W, x, z) ((x) + (z))
#define op_subtract(W, x, z) ((x) - (z))
#define op_multiply(W, x, z) ((x) * (z))
#define op_divide(W, x, z) ((x) / (z))
#define op_reciprocal(W, x) (K(W, 1) / (x))
#define op_floor_divide(W, x, z) BODY(floor_divide, W)(x, z)
#define op_remainder(W, x, z) BODY(remainder, W)(x, z)
#define op_maximum(W, x, z) ((x) != (x) ? (x) : (x) > (z) ? (x) : (z)) // NaN wins on either side
#define op_minimum(W, x, z) ((x) != (x) ? (x) : (x) < (z) ? (x) : (z))
#define op_clip(W, x, z, w) BODY(clip, W)(x, z, w)
#define op_where(W, p, x, z) BODY(choose, W)(p, x, z)

// -- rounding --------------------------------------------------------------------------------------
#define op_floor(W, x) floor(x)
#define op_ceil(W, x) ceil(x)
#define op_trunc(W, x) trunc(x)
#define op_round(W, x) rint(x) // OpenCL's round goes away from zero at one half
#define op_copysign(W, x, z) copysign(x, z)
#define op_nextafter(W, x, z) ((x) == (z) ? (z) : nextafter(x, z)) // from 0 to -0 too

// -- powers, logarithms, angles --------------------------------------------------------------------
#define op_sqrt(W, x) sqrt(x)
#define op_exp(W, x) exp(x)
#define op_expm1(W, x) expm1(x)
#define op_log(W, x) log(x)
#define op_log1p(W, x) log1p(x)
#define op_log2(W, x) log2(x)
#define op_log10(W, x) log10(x)
#define op_logaddexp(W, x, z) BODY(logaddexp, W)(x, z)
#define op_pow(W, x, z) BODY(power, W)(x, z)
#define op_erf(W, x) BODY(error_function, W)(x)
#define op_hypot(W, x, z) hypot(x, z)
#define op_sin(W, x) BODY(sine, W)(x)
#define op_cos(W, x) BODY(cosine, W)(x)
#define op_tan(W, x) BODY(tangent, W)(x)
#define op_asin(W, x) asin(x)
#define op_acos(W, x) acos(x)
#define op_atan(W, x) atan(x)
#define op_atan2(W, x, z) atan2(x, z)
#define op_sinh(W, x) sinh(x)
#define op_cosh(W, x) cosh(x)
#define op_tanh(W, x) BODY(tangent_hyperbolic, W)(x)
#define op_asinh(W, x) asinh(x)
#define op_acosh(W, x) acosh(x)
#define op_atanh(W, x) atanh(x)

// -- truth -----------------------------------------------------------------------------------------
#define op_truth(W, x) TRUTH((x) != K(W, 0))
#define op_isnan(W, x) TRUTH((x) != (x))
#define op_isfinite(W, x) TRUTH((x) - (x) == K(W, 0))
#define op_isinf(W, x) TRUTH((x) == (x) && (x) - (x) != (x) - (x))
#define op_signbit(W, x) TRUTH(copysign(K(W, 1), x) < K(W, 0))
#define op_equal(W, x, z) TRUTH((x) == (z))
#define op_not_equal(W, x, z) TRUTH((x) != (z))
#define op_less(W, x, z) TRUTH((x) < (z))
#define op_less_equal(W, x, z) TRUTH((x) <= (z))
#define op_greater(W, x, z) TRUTH((x) > (z))
#define op_greater_equal(W, x, z) TRUTH((x) >= (z))
#define op_logical_not(W, x) TRUTH((x) == K(W, 0))
#define op_logical_and(W, x, z) TRUTH((x) != K(W, 0) && (z) != K(W, 0))
#define op_logical_or(W, x, z) TRUTH((x) != K(W, 0) || (z) != K(W, 0))
#define op_logical_xor(W, x, z) TRUTH(((x) != K(W, 0)) != ((z) != K(W, 0)))

// -- bits ------------------------------------------------------------------------------------------
#define op_bitwise_invert(W, x) (~(x))
#define op_bitwise_and(W, x, z) ((x) & (z))
#define op_bitwise_or(W, x, z) ((x) | (z))
#define op_bitwise_xor(W, x, z) ((x) ^ (z))
#define op_bitwise_left_shift(W, x, z) BODY(shift_left, W)(x, z)
#define op_bitwise_right_shift(W, x, z) BODY(shift_right, W)(x, z)
