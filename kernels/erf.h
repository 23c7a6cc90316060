// erf(x) = 2 / sqrt(pi) * the integral of exp(-t * t) from 0 to x; for bodies.h, once for each W.
//
// For |x| < 1 it is x P(x * x), beyond it is 1 - exp(Q(|x| - 1)) with the sign of x, where P and Q
// were fitted to erf(x) / x and log(1 - erf(x)). backends/numpy/erf.py holds the same numbers, for
// float and for double; DOUBLE_CT says which. Highest power first; FOLLOW is one step of Horner's rule.

#define DOUBLE_CT (sizeof(CT) == 8)
#define FOLLOW(c) y = y * t + K(W, c);

static inline W NAME(erf_near)(W x) {
    const W t = x * x;
    W y;
    if (DOUBLE_CT) {
        y = K(W, 5.960680357450059e-11);
        FOLLOW(-1.1374952022108581e-09) FOLLOW(1.4660327539113019e-08)
        FOLLOW(-1.6350396009715163e-07) FOLLOW(1.6461008453750814e-06)
        FOLLOW(-1.4925595770403931e-05) FOLLOW(0.00012055331132868792)
        FOLLOW(-0.0008548326981422748) FOLLOW(0.005223977624828374) FOLLOW(-0.026866170645077868)
        FOLLOW(0.11283791670954885) FOLLOW(-0.3761263890318375) FOLLOW(1.1283791670955126)
    } else {
        y = K(W, 7.889832469e-05);
        FOLLOW(-0.0008021005998) FOLLOW(0.005189546663) FOLLOW(-0.0268544454)
        FOLLOW(0.1128360003) FOLLOW(-0.376126271) FOLLOW(1.128379166)
    }
    return x * y;
}

static inline W NAME(erf_far)(W away) {
    const W end = K(W, DOUBLE_CT ? 6 : 4); // there the result is 1
    const W t = (away < end ? away : end) - K(W, 1);
    W y;
    if (DOUBLE_CT) {
        y = K(W, -1.7709373346728228e-13);
        FOLLOW(5.505709553696137e-12) FOLLOW(-7.991244311303885e-11)
        FOLLOW(7.196369611650316e-10) FOLLOW(-4.4872609493317145e-09)
        FOLLOW(2.024309219668012e-08) FOLLOW(-6.489530032996194e-08)
        FOLLOW(1.2072588589212273e-07) FOLLOW(1.1136416671006643e-07)
        FOLLOW(-2.0274091800497608e-06) FOLLOW(9.583901487653086e-06)
        FOLLOW(-2.7144740124659384e-05) FOLLOW(2.6271831442655955e-05)
        FOLLOW(0.00023732429269798086) FOLLOW(-0.001977902940411509) FOLLOW(0.010033825424128196)
        FOLLOW(-0.0415610980457605) FOLLOW(-0.8431072563585149) FOLLOW(-2.638967514234791)
        FOLLOW(-1.8496055099332482)
    } else {
        y = K(W, -2.167641516e-05);
        FOLLOW(0.0002894743828) FOLLOW(-0.002011863868) FOLLOW(0.0100463624)
        FOLLOW(-0.04156344449) FOLLOW(-0.8431070877) FOLLOW(-2.638967514) FOLLOW(-1.84960551)
    }
    return K(W, 1) - exp(y);
}

static inline W NAME(error_function)(W x) {
    const W away = fabs(x);
    const W y = away < K(W, 1) ? NAME(erf_near)(x) : copysign(NAME(erf_far)(away), x);
    return x != x ? x : y;
}
#undef FOLLOW
#undef DOUBLE_CT
