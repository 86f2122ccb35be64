// Dual activations in complement form and as differences from a reference, in one precision; the host includes this text
// twice, with T = real, SUFFIX = r and T = wide, SUFFIX = w, and T_DOUBLE. The forms and their names are those of
// packages/engine-native/native/activations.h and cnn-difference.h, whose comments state them; docs/performance.md derives them.
//
// Of a pair of images a, b, parameter p of either at a[p * sa], b[p * sb]:
//   pair          scale delta_T, scale T', scale D'; swapping the images changes no bit
//   image         of one image: its parameters, and scale T, scale T' of the reference and what the image exceeds them by
//   differencePair, differenceImage, differenceReference    the same for D = K_ref - K of two different pixels
#define F(name) JOIN(name, SUFFIX)
#define K(x) ((T)(x))

typedef struct {
  T value, slope, valueDeviation, slopeDeviation;
} F(ImageDual);

static T F(notNegative)(T x) { return x < K(0) ? K(0) : x; }
static T F(whole)(T reference, T deviation) { return F(notNegative)(reference + deviation); }

#define H(c) sum = fma(sum, z, K(c));
/** (atan(sqrt z) / sqrt z - 1) / z for z in [0, tan^2(pi/6)]. */
static T F(atanPolynomial)(T z) {
#if T_DOUBLE
  T sum = K(-0.005349670390467730254);
  H(0.01824670393694355045) H(-0.03280956694056070614) H(0.04388706317484473979) H(-0.05169481651519874489) H(0.05865452589025456103)
  H(-0.06664489686562603775) H(0.0769211090269945636) H(-0.09090896992068471525) H(0.1111111063080208605) H(-0.1428571427442746843)
  H(0.1999999999986605723) H(-0.3333333333333277652)
#else
  T sum = K(0.0315373675955);
  H(-0.0742178965249) H(0.107775941298) H(-0.142506051387) H(0.199982659623) H(-0.333333044981)
#endif
  return sum;
}

/** atan t for |t| <= tan(pi/6), relatively accurate down to 0. */
static T F(atanCore)(T t) {
  T z = t * t;
  return fma(t * z, F(atanPolynomial)(z), t);
}

/** atan(y / x) for x > 0 and any sign of y; above pi/6 the angle is turned by pi/3. */
static T F(atanOf)(T signedY, T x) {
  T y = fabs(signedY);
  bool far = K(TAN_30) * x < y;
  T above = far ? fma(K(-ROOT_3), x, y) : y, below = far ? fma(K(ROOT_3), y, x) : x;
  return copysign((far ? K(THIRD_PI) : K(0)) + F(atanCore)(above / below), signedY);
}

/** exp t and expm1 t, from one polynomial: 2^n (1 + p) with p = expm1(t - n ln 2). exp flushes to 0 below -708 (-87). */
static void F(expAndExpm1)(T t, T *exponential, T *minusOne) {
#if T_DOUBLE
  const T lowest = -708, highest = 709;
  T n = rint(t * K(1.4426950408889634));
  T z = fma(n, K(-1.90821492927058770002e-10), fma(n, K(-6.93147180369123816490e-01), t));
  T sum = K(2.08777786638337387e-9);
  H(2.51087797135013691e-8) H(2.75573919893611417e-7) H(2.75572450013716829e-6) H(0.0000248015871900738956) H(0.000198412698852674776)
  H(0.0013888888888948912) H(0.00833333333332201138) H(0.0416666666666665559) H(0.16666666666666676) H(0.5)
#else
  const T lowest = -87, highest = 88;
  T n = rint(t * K(1.4426950408889634));
  T z = fma(n, K(-1.42860677e-06), fma(n, K(-6.93145752e-01), t));
  T sum = K(0.00019826226907668244);
  H(0.00139339229444802756) H(0.00833341674134978195) H(0.0416664718605975516) H(0.166666663058511436) H(0.50000000037224048)
#endif
  T p = fma(z * z, sum, z);
  bool low = t < lowest, high = t > highest, inside = !low && !high;
#if T_DOUBLE
  // Of no number at all n is none either: 0 stands for it here, and t decides below.
  T scale = as_double((convert_long_sat(inside && t == t ? n : K(0)) + 1023) << 52);
#else
  T scale = as_float((convert_int_sat(inside && t == t ? n : K(0)) + 127) << 23);
#endif
  T e = fma(scale, p, scale), m = fma(scale, p, scale - K(1));
  *exponential = low ? K(0) : high ? (T)INFINITY : e;
  *minusOne = low ? K(-1) : high ? (T)INFINITY : m;
}

#if ACTIVATION == IDENTITY
#define PARAMETERS 0
#define LEVEL_SLOPES 1
static void F(pair)(__constant wide *net, T delta, const __global T *a, size_t sa, const __global T *b, size_t sb, T *complement, T *slope,
                    T *slopeComplement) {
  T scale = (T)net[NUMBERS];
  *complement = scale * delta;
  *slope = scale;
  *slopeComplement = 0;
}
static F(ImageDual) F(image)(__constant wide *net, T reference, T deviation, T *p) {
  T scale = (T)net[NUMBERS];
  F(ImageDual) dual = {scale * reference, scale, scale * deviation, 0};
  return dual;
}
#define DIFFERENCES 0
#define REFERENCES 0
static void F(differencePair)(__constant wide *net, T d, const __global T *a, size_t sa, const __global T *b, size_t sb, const __global T *r, size_t sr,
                              T *difference, T *slope, T *slopeDifference) {
  T scale = (T)net[NUMBERS];
  *difference = scale * d;
  *slope = scale;
  *slopeDifference = 0;
}
static void F(differenceImage)(__constant wide *net, T reference, T deviation, T *p) {}
static void F(differenceReference)(__constant wide *net, T delta, T qa, T qb, T *p) {}
#endif

#if ACTIVATION == ABRELU
#define PARAMETERS 2
#define LEVEL_SLOPES 1
/** theta and J / z for z = sin^2(theta/2) <= 1/2, y = sqrt z. */
static void F(segment)(T z, T y, T *theta, T *ratio) {
  T twice = y + y, sum;
#if T_DOUBLE
  sum = K(0.6682883940022917761);
  H(-2.296957697489988967) H(3.760888798000014134) H(-3.766694854751897359) H(2.58586547213633143) H(-1.261330750907729228)
  H(0.4650972225054138739) H(-0.1166984016873474656) H(0.03351559472616459353) H(0.005966695994428476994) H(0.01197343262491415209)
  H(0.01393116213372109878) H(0.01735463197037889849) H(0.02237209096790747805) H(0.0303819459473581186) H(0.04464285712547456533)
  H(0.07500000000007919677) H(0.1666666666666666071)
  *theta = fma(twice * z, sum, twice);
  sum = K(0.05920703951970939);
  H(-0.20251799624295788) H(0.3329566402699465) H(-0.33497731307537976) H(0.23235305805681106) H(-0.11391305407947942)
  H(0.04326829083552259) H(-0.010090464183000318) H(0.004239189809804135) H(0.0020654787899876625) H(0.003327472812659867)
  H(0.004623993965981372) H(0.006883935778237328) H(0.01104797247090985) H(0.019841270008876484) H(0.04285714285512374)
  H(0.13333333333334296) H(1.3333333333333333)
#else
  sum = K(0.126116999896);
  H(-0.139972076236) H(0.110332642966) H(-0.00805860805652) H(0.0359913409051) H(0.0440817761676) H(0.0750268275405) H(0.16666623127)
  *theta = fma(twice * z, sum, twice);
  sum = K(0.0209067068147);
  H(-0.0150407809043) H(0.0166986722487) H(0.00848737802777) H(0.0201938807361) H(0.0428336629272) H(0.133333923978) H(1.33333333091)
#endif
  *ratio = twice * sum;
}
static void F(pair)(__constant wide *net, T delta, const __global T *a, size_t sa, const __global T *b, size_t sb, T *complement, T *slope,
                    T *slopeComplement) {
  T mean = (T)net[NUMBERS], kappa = (T)net[NUMBERS + 1];
  T apart = a[0] - b[0], gamma = F(notNegative)(fma(apart * apart, K(-0.5), delta));
  T scaled = a[sa] * b[sb], z = gamma * scaled, theta, ratio;
  // Beyond a right angle: theta' = pi - theta, J = J(theta') - pi cos theta.
  bool beyond = z > K(0.5);
  T turned = beyond ? F(notNegative)(K(1) - z) : z;
  F(segment)(turned, sqrt(turned), &theta, &ratio);
  T lost = (gamma * K(0.5)) * ratio;
  if (beyond) {
    lost = K(0.5) / scaled * fma(ratio, turned, K(PI_) * (z + z - K(1)));
    theta = K(PI_) - theta;
  }
  *slopeComplement = kappa * theta;
  *slope = mean - *slopeComplement;
  *complement = fma(mean, delta, -(kappa * lost));
}
static F(ImageDual) F(image)(__constant wide *net, T reference, T deviation, T *p) {
  T mean = (T)net[NUMBERS], q = F(whole)(reference, deviation), root = sqrt(q);
  p[0] = deviation / (root + sqrt(reference));
  p[1] = K(0) < q ? K(0.70710678118654752) / root : q * K(0);
  F(ImageDual) dual = {mean * reference, mean, mean * deviation, 0};
  return dual;
}
#define DIFFERENCES 3
#define REFERENCES 4
/** theta and J for z = sin^2(theta/2) in [0, 1]. */
static void F(angleOf)(T z, T *theta, T *j) {
  bool beyond = z > K(0.5);
  T turned = beyond ? F(notNegative)(K(1) - z) : z, ratio;
  F(segment)(turned, sqrt(turned), theta, &ratio);
  *j = turned * ratio;
  if (beyond) {
    *j = fma(K(PI_), z + z - K(1), *j);
    *theta = K(PI_) - *theta;
  }
}
static void F(differencePair)(__constant wide *net, T d, const __global T *a, size_t sa, const __global T *b, size_t sb, const __global T *r, size_t sr,
                              T *difference, T *slope, T *slopeDifference) {
#if T_DOUBLE
  const T small = 1e-14, least = 1e-290;
#else
  const T small = K(4e-6), least = K(1e-36);
#endif
  T mean = (T)net[NUMBERS], kappa = (T)net[NUMBERS + 1];
  T ua = a[0], ub = b[0], riseA = a[sa], riseB = b[sb], vRef = r[0], thetaRef = r[sr];
  T g = ua * ub, rise = fma(riseA, ub, riseB * (ua - riseA)), n = fma(K(1) - vRef, rise, d);
  // Where the references of p and p' are the same and so are the pixels, the angle is 0: rounding alone would make it the root of
  // its own size.
  T noise = K(0) < vRef ? K(0) : small * (g + fabs(rise));
  n = fabs(n) < noise ? K(0) : n;
  T step = n * (a[2 * sa] * b[2 * sb]), v = F(notNegative)(vRef + step), rest = F(notNegative)(K(2) - v);
  T t = step / (sqrt(v * rest) + (r[2 * sr] + least));
  bool narrow = fabs(t) < K(TAN_30);
  T clipped = narrow ? t : K(0), square = clipped * clipped, bend = clipped * square * F(atanPolynomial)(square);
  T x = clipped + bend, turn = x + x, grown = fma(n, thetaRef + x, -(g * (rest - vRef)) * bend);
  if (fabs(t) > K(TAN_30)) {
    T theta, j;
    F(angleOf)(K(1) < v * K(0.5) ? K(1) : v * K(0.5), &theta, &j);
    turn = theta - thetaRef;
    grown = g * (j - r[3 * sr]);
  }
  *difference = fma(mean, d, -(kappa * fma(r[3 * sr], rise, grown)));
  *slope = mean - kappa * (thetaRef + turn);
  *slopeDifference = kappa * turn;
}
static void F(differenceImage)(__constant wide *net, T reference, T deviation, T *p) {
  T q = F(whole)(reference, deviation), root = sqrt(q);
  p[0] = root;
  p[1] = K(0) < q ? deviation / (root + sqrt(reference)) : -sqrt(reference);
  p[2] = K(0) < q ? K(1) / root : K(0);
}
static void F(differenceReference)(__constant wide *net, T delta, T qa, T qb, T *p) {
  T ua = sqrt(qa), ub = sqrt(qb), apart = (qa - qb) / (ua + ub);
  T gamma = F(notNegative)(fma(apart * apart, K(-0.5), delta)), v = gamma / (ua * ub);
  p[0] = v;
  F(angleOf)(v * K(0.5), p + 1, p + 3);
  p[2] = sqrt(v * F(notNegative)(K(2) - v));
}
#endif

#if ACTIVATION == ERF || ACTIVATION == GELU
typedef struct {
  T kap, sig, mu, root, rise, angle;
} F(Arc);
static F(Arc) F(arcOf)(T sa, T sb, T mu) {
  F(Arc) arc;
  T sum = sa + sb;
  arc.mu = mu;
  arc.kap = sum + K(1);
  arc.sig = fma(sa + sa, sb, sum);
  T rest = fma(arc.sig, K(2), -mu);
  arc.root = sqrt(fma(arc.kap, arc.kap, mu * rest));
  T base = arc.root + arc.kap;
  bool far = base * K(TAN_30) < mu;
  T above = far ? fma(K(-ROOT_3), base, mu) : mu, below = far ? fma(K(ROOT_3), mu, base) : base, tangent = above / below;
  arc.angle = (far ? K(THIRD_PI) : K(0)) + F(atanCore)(tangent);
  arc.rise = far ? arc.root - arc.kap : tangent * rest;
  return arc;
}
/** s with s (1 + s) = q, given sqrt(1 + 4q). */
static T F(sideOf)(T q, T root) { return (q + q) / (root + K(1)); }

/** M, C of the difference's arc: 2, 2 for erf; 1, 1 for gelu. */
#if ACTIVATION == ERF
#define ARC_SCALE 2
#else
#define ARC_SCALE 1
#endif
typedef struct {
  T k, root, lift, angle;
} F(ArcDifference);
static F(ArcDifference) F(arcDifference)(T d, const __global T *a, size_t sa, const __global T *b, size_t sb, const __global T *r, size_t sr) {
  F(ArcDifference) arc;
  const T m = ARC_SCALE, c2 = ARC_SCALE * ARC_SCALE;
  T kRef = r[0], rootRef = r[sr], aa = a[0], ab = b[0], ra = a[sa], rb = b[sb];
  T rise = m * fma(ra, ab, rb * (aa - m * ra)), k = arc.k = kRef - d, fall = d * (k + kRef);
  arc.lift = fma(c2, fall, rise);
  arc.root = sqrt(fma(rootRef, rootRef, arc.lift));
  T sides = r[2 * sr], pRef = sides * sides, same = kRef * arc.root, other = k * rootRef, sum = same + other;
  T positive = K(0) < k ? fma(kRef * kRef, rise, pRef * fall) : same - other, divisor = K(0) < k ? sum : K(1);
  T base = fma(a[2 * sa] * b[2 * sb], sides, fma(c2 * k, kRef, arc.root * rootRef));
  arc.angle = F(atanOf)(m * positive, divisor * base);
  return arc;
}
static void F(arcImage)(T reference, T deviation, T *p) {
  T a = fma(F(whole)(reference, deviation), K(ARC_SCALE), K(1));
  p[0] = a;
  p[1] = deviation;
  p[2] = sqrt(a);
}
static void F(arcReference)(T delta, T qa, T qb, T *p) {
  T mean = (qa + qb) * K(0.5), k = mean - delta, apart = qa - qb;
  T gap = fma(delta, mean + k, apart * apart * K(-0.25));
  p[0] = k;
  p[1] = sqrt(fma(gap, K(ARC_SCALE * ARC_SCALE), fma(mean, K(2 * ARC_SCALE), K(1))));
  p[2] = sqrt(fma(qa, K(ARC_SCALE), K(1)) * fma(qb, K(ARC_SCALE), K(1)));
}
#endif

#if ACTIVATION == ERF
#define PARAMETERS 3
#define LEVEL_SLOPES 0
static void F(pair)(__constant wide *net, T delta, const __global T *a, size_t sa, const __global T *b, size_t sb, T *complement, T *slope,
                    T *slopeComplement) {
  T factor = (T)net[NUMBERS], apart = a[sa] - b[sb], square = apart * apart;
  F(Arc) arc = F(arcOf)(a[0], b[0], fma(delta, K(2), -square));
  *complement = factor * arc.angle;
  *slope = factor / arc.root;
  *slopeComplement = *slope * ((a[2 * sa] * b[2 * sb]) * fma(arc.kap, arc.rise, square));
}
static F(ImageDual) F(image)(__constant wide *net, T reference, T deviation, T *p) {
  T factor = (T)net[NUMBERS], q = F(whole)(reference, deviation);
  T root = sqrt(fma(q, K(4), K(1))), rootRef = sqrt(fma(reference, K(4), K(1)));
  T s = F(sideOf)(q, root), sRef = F(sideOf)(reference, rootRef), sum = s + sRef + K(1), apart = deviation / sum;
  T inverse = K(1) / root, inverseRef = K(1) / rootRef;
  p[0] = s;
  p[1] = apart;
  p[2] = inverse;
  F(ImageDual) dual = {factor * F(atanOf)(sRef, sRef + K(1)), factor * inverseRef, factor * F(atanOf)(apart, fma(s + s, sRef, sum)),
                       K(-2) * factor * apart * (inverse * inverseRef)};
  return dual;
}
#define DIFFERENCES 3
#define REFERENCES 3
static void F(differencePair)(__constant wide *net, T d, const __global T *a, size_t sa, const __global T *b, size_t sb, const __global T *r, size_t sr,
                              T *difference, T *slope, T *slopeDifference) {
  T factor = (T)net[NUMBERS];
  F(ArcDifference) arc = F(arcDifference)(d, a, sa, b, sb, r, sr);
  T rootRef = r[sr], sum = arc.root + rootRef, inverse = factor / ((arc.root * rootRef) * sum);
  *difference = factor * arc.angle;
  *slope = inverse * (rootRef * sum);
  *slopeDifference = inverse * arc.lift;
}
static void F(differenceImage)(__constant wide *net, T reference, T deviation, T *p) { F(arcImage)(reference, deviation, p); }
static void F(differenceReference)(__constant wide *net, T delta, T qa, T qb, T *p) { F(arcReference)(delta, qa, qb, p); }
#endif

#if ACTIVATION == GELU
#define PARAMETERS 6
#define LEVEL_SLOPES 0
static void F(pair)(__constant wide *net, T delta, const __global T *a, size_t sa, const __global T *b, size_t sb, T *complement, T *slope,
                    T *slopeComplement) {
  T quarter = (T)net[NUMBERS], factor = (T)net[NUMBERS + 1], apart = a[sa] - b[sb], square = apart * apart;
  F(Arc) arc = F(arcOf)(a[0], b[0], delta - square);
  T kap = arc.kap, kap2 = kap * kap, psi = arc.angle + arc.angle, k = arc.sig - arc.mu;
  T inverse = K(1) / arc.root, inverseKap = K(1) / kap, gamma = a[2 * sa] * b[2 * sb], upA = a[3 * sa], upB = b[3 * sb];
  T c = upA + upB, alpha = a[4 * sa] + b[4 * sb], both = inverse * inverseKap;
  T body = fma(k, psi, delta * alpha);
  body = fma(arc.rise, both + c - K(1), body);
  body = fma(kap * apart, a[5 * sa] - b[5 * sb], body);
  body = fma(square, fma(kap + kap, upA * upB, gamma * inverseKap), body);
  *complement = fma(factor, body, quarter * delta);
  T inverse2 = inverse * inverse, inverseKap2 = inverseKap * inverseKap;
  *slope = fma(factor, fma(k * inverse, inverse2 + c, alpha - psi), quarter);
  // sig / kap - k / V and sig / kap^3 - k / V^3, by V = kap + rise.
  T lift = arc.sig * arc.rise, outer = fma(c * both, fma(arc.mu, kap, lift), psi);
  outer += fma(arc.mu * inverse, inverse2, lift * (both * (inverse2 + both + inverseKap2)));
  // (2 kap^2 + d^2 + (4 kap^4 + kap^2 g + g^2) / g^2) / (2 kap^3 g) with g = g_a g_b.
  T ratio = kap2 * gamma, bracket = fma(K(4) * ratio, ratio, ratio + K(1)) + fma(kap2, K(2), square);
  outer = fma(-square * K(0.5), (inverseKap * inverseKap2) * gamma * bracket, outer);
  *slopeComplement = factor * outer;
}
static F(ImageDual) F(image)(__constant wide *net, T reference, T deviation, T *p) {
  T quarter = (T)net[NUMBERS], factor = (T)net[NUMBERS + 1], q = F(whole)(reference, deviation);
  T g = sqrt(fma(q, K(2), K(1))), gRef = sqrt(fma(reference, K(2), K(1)));
  T s = F(sideOf)(q * K(0.5), g), sRef = F(sideOf)(reference * K(0.5), gRef), sum = s + sRef + K(1);
  T apart = K(0.5) * deviation / sum, sig = fma(s + s, sRef, s + sRef);
  T inverse = K(1) / g, inverseRef = K(1) / gRef, up = K(1) / (q + K(1)), upRef = K(1) / (reference + K(1));
  T alpha = K(2) * F(atanOf)(s, s + K(1)), alphaRef = K(2) * F(atanOf)(sRef, sRef + K(1));
  T turn = K(2) * F(atanOf)(apart, sig + K(1)), gamma = inverse * inverseRef;
  p[0] = s;
  p[1] = apart;
  p[2] = inverse;
  p[3] = up;
  p[4] = alpha * K(0.5);
  p[5] = turn * K(0.5);
  F(ImageDual) dual;
  dual.value = fma(factor, reference * (alphaRef + K(2) * reference * upRef * inverseRef), quarter * reference);
  dual.slope = fma(factor, fma(reference * inverseRef, fma(inverseRef, inverseRef, K(2) * upRef), alphaRef), quarter);
  T risen = fma(deviation, alpha, reference * turn);
  dual.valueDeviation = fma(factor, fma(K(4) * apart * sig, fma(up, upRef, gamma), risen), quarter * deviation);
  T cubes = (gamma * K(0.5)) * fma(inverse, inverse, fma(inverseRef, inverseRef, gamma));
  T steep = fma(gamma, K(1.5), cubes) - K(2) * sig * (up * upRef);
  dual.slopeDeviation = factor * fma(apart + apart, steep, turn);
  return dual;
}
#define DIFFERENCES 5
#define REFERENCES 4
static void F(differencePair)(__constant wide *net, T d, const __global T *a, size_t sa, const __global T *b, size_t sb, const __global T *r, size_t sr,
                              T *difference, T *slope, T *slopeDifference) {
  T quarter = (T)net[NUMBERS], factor = (T)net[NUMBERS + 1];
  F(ArcDifference) arc = F(arcDifference)(d, a, sa, b, sb, r, sr);
  T rootRef = r[sr], alphaRef = r[3 * sr], sum = arc.root + rootRef, both = arc.root * rootRef;
  T common = K(1) / (both * sum), inverse = common * (rootRef * sum), inverseRef = common * (arc.root * sum);
  T psi = arc.angle + arc.angle, y = a[3 * sa] + b[3 * sb], yFall = a[4 * sa] + b[4 * sb];
  T inverseFall = arc.lift * common, rootFall = -(inverseFall * both);
  T body = fma(d, alphaRef, arc.k * psi) + inverseFall - fma(yFall, rootRef, y * rootFall);
  *difference = fma(factor, body, quarter * d);
  T ratio = arc.k * inverse, ratioFall = fma(d, inverseRef, arc.k * inverseFall);
  T inner = fma(inverse, inverse, y + K(1)), innerRef = fma(inverseRef, inverseRef, y + yFall + K(1));
  T innerFall = fma(inverseFall, inverse + inverseRef, yFall);
  *slope = fma(factor, fma(ratio, inner, alphaRef - psi), quarter);
  *slopeDifference = factor * fma(ratioFall, innerRef, fma(ratio, innerFall, psi));
}
static void F(differenceImage)(__constant wide *net, T reference, T deviation, T *p) {
  F(arcImage)(reference, deviation, p);
  T up = K(1) / (F(whole)(reference, deviation) + K(1)), upRef = K(1) / (reference + K(1));
  p[3] = up - K(0.5);
  p[4] = deviation * up * upRef;
}
static void F(differenceReference)(__constant wide *net, T delta, T qa, T qb, T *p) {
  F(arcReference)(delta, qa, qb, p);
  p[3] = F(atanOf)(p[0], p[1]);
}
#endif

#if ACTIVATION == SIN
// Numbers: b^2, s a^2/2, s a^2 b^2/2, 2 sin^2 c, 2 cos^2 c, cos 2c.
#define PARAMETERS 2
#define LEVEL_SLOPES 0
static void F(pair)(__constant wide *net, T delta, const __global T *a, size_t sa, const __global T *b, size_t sb, T *complement, T *slope,
                    T *slopeComplement) {
  T square = (T)net[NUMBERS], valueScale = (T)net[NUMBERS + 1], slopeScale = (T)net[NUMBERS + 2];
  T twiceSine = (T)net[NUMBERS + 3], twiceCosine = (T)net[NUMBERS + 4], cosine = (T)net[NUMBERS + 5];
  T x = square * delta, near, far, minusM, minusN, apart = a[sa] - b[sb];
  F(expAndExpm1)(-x, &near, &minusM);
  F(expAndExpm1)(x - (a[0] + b[0]), &far, &minusN);
  apart = (cosine + cosine) * (apart * apart);
  *complement = valueScale * fma(-minusM, fma(twiceCosine, far, -minusN), -apart);
  *slope = slopeScale * fma(cosine, far, near);
  *slopeComplement = slopeScale * fma(-minusM, fma(twiceSine, far, -minusN), apart);
}
static F(ImageDual) F(image)(__constant wide *net, T reference, T deviation, T *p) {
  T square = (T)net[NUMBERS], valueScale = (T)net[NUMBERS + 1], slopeScale = (T)net[NUMBERS + 2];
  T twiceSine = (T)net[NUMBERS + 3], twiceCosine = (T)net[NUMBERS + 4], cosine = (T)net[NUMBERS + 5];
  T far, minusN, minusM, ignored, half_, once;
  F(expAndExpm1)(K(-2) * square * reference, &far, &minusN);
  F(expAndExpm1)(K(-2) * square * deviation, &ignored, &minusM);
  F(expAndExpm1)(-square * deviation, &ignored, &half_);
  F(expAndExpm1)(-square * reference, &once, &ignored);
  p[0] = square * F(whole)(reference, deviation);
  p[1] = K(-0.5) * once * half_;
  T step = -cosine * far * minusM;
  F(ImageDual) dual = {valueScale * fma(twiceSine, far, -minusN), slopeScale * fma(twiceCosine, far, -minusN), valueScale * step, -slopeScale * step};
  return dual;
}
#define DIFFERENCES 1
#define REFERENCES 2
static void F(differencePair)(__constant wide *net, T d, const __global T *a, size_t sa, const __global T *b, size_t sb, const __global T *r, size_t sr,
                              T *difference, T *slope, T *slopeDifference) {
  T square = (T)net[NUMBERS], x = square * d, y = a[0] + b[0], near, far, minusNear, minusFar;
  F(expAndExpm1)(-(x + y), &near, &minusNear);
  F(expAndExpm1)(x - y, &far, &minusFar);
  T nearFall = -(r[0] * minusNear), farFall = -(r[sr] * minusFar);
  *difference = nearFall - farFall;
  *slope = square * fma(r[0], near, r[sr] * far);
  *slopeDifference = square * (nearFall + farFall);
}
static void F(differenceImage)(__constant wide *net, T reference, T deviation, T *p) { p[0] = deviation * ((T)net[NUMBERS] * K(0.5)); }
static void F(differenceReference)(__constant wide *net, T delta, T qa, T qb, T *p) {
  T square = (T)net[NUMBERS], x = delta * square, near, far, ignored;
  F(expAndExpm1)(-x, &near, &ignored);
  F(expAndExpm1)(x - (qa + qb) * square, &far, &ignored);
  p[0] = (T)net[NUMBERS + 1] * near;
  p[1] = ((T)net[NUMBERS + 1] * (T)net[NUMBERS + 5]) * far;
}
#endif

#if ACTIVATION == RBF
// Numbers: s, 2 gamma, 2 gamma s.
#define PARAMETERS 0
#define LEVEL_SLOPES 1
static void F(pair)(__constant wide *net, T delta, const __global T *a, size_t sa, const __global T *b, size_t sb, T *complement, T *slope,
                    T *slopeComplement) {
  T scale = (T)net[NUMBERS], twice = (T)net[NUMBERS + 1], slopeScale = (T)net[NUMBERS + 2], exponential, minusOne;
  F(expAndExpm1)(-(twice * delta), &exponential, &minusOne);
  *complement = -(scale * minusOne);
  *slope = slopeScale * exponential;
  *slopeComplement = -(slopeScale * minusOne);
}
static F(ImageDual) F(image)(__constant wide *net, T reference, T deviation, T *p) {
  // The factors of 0 keep what is no number in sight.
  F(ImageDual) dual = {fma(reference, K(0), (T)net[NUMBERS]), (T)net[NUMBERS + 2], deviation * K(0), 0};
  return dual;
}
#define DIFFERENCES 1
#define REFERENCES 1
static void F(differencePair)(__constant wide *net, T d, const __global T *a, size_t sa, const __global T *b, size_t sb, const __global T *r, size_t sr,
                              T *difference, T *slope, T *slopeDifference) {
  T twice = (T)net[NUMBERS + 1], exponential, minusOne;
  F(expAndExpm1)(-fma(twice, d, a[0] + b[0]), &exponential, &minusOne);
  *difference = -(r[0] * minusOne);
  *slope = twice * (r[0] * exponential);
  *slopeDifference = twice * *difference;
}
static void F(differenceImage)(__constant wide *net, T reference, T deviation, T *p) { p[0] = deviation * ((T)net[NUMBERS + 1] * K(0.5)); }
static void F(differenceReference)(__constant wide *net, T delta, T qa, T qb, T *p) {
  T exponential, minusOne;
  F(expAndExpm1)(delta * -(T)net[NUMBERS + 1], &exponential, &minusOne);
  p[0] = exponential * (T)net[NUMBERS];
}
#endif

#if ACTIVATION == TANH
// Mehler's expansion (packages/engine-native/native/tanh.h). Parameters: the deviation of u, u, 1 / u, half of what the sums
// miss of T and T'; then alpha, its deviation and u alpha's for each term. Images: fcn-tanh.cl.
#define TERMS 128
#define PARAMETERS (5 + 3 * TERMS)
#define LEVEL_SLOPES 0
static void F(pair)(__constant wide *net, T delta, const __global T *a, size_t sa, const __global T *b, size_t sb, T *complement, T *slope,
                    T *slopeComplement) {
  T scale = (T)net[NUMBERS], difference = a[0] - b[0];
  T gamma = F(notNegative)(fma(difference * difference, K(-0.5), delta));
  T lost = gamma * (a[2 * sa] * b[2 * sb]), rho = K(1) - lost, square = rho * rho, grown = lost * (rho + K(1));
  // Of n = 2m: rho^n, 1 - rho^n; of n + 1: 1 - rho^(n+1).
  T power = 1, lostEven = 0, lostOdd = lost, product = 0, apart = 0, slopeSum = 0, slopeLost = 0;
  for (int m = 0; m < TERMS; m++) {
    T odd = 2 * m + 1, both = a[(5 + m) * sa] * b[(5 + m) * sb], weighted = odd * both;
    product = fma(both, lostOdd, product);
    slopeSum = fma(weighted, power, slopeSum);
    slopeLost = fma(weighted, lostEven, slopeLost);
    T alpha = a[(5 + TERMS + m) * sa] - b[(5 + TERMS + m) * sb], whole = a[(5 + 2 * TERMS + m) * sa] - b[(5 + 2 * TERMS + m) * sb];
    apart = fma(whole, whole, apart);
    slopeLost = fma(alpha * alpha, odd * K(0.5), slopeLost);
    T step = power * grown;
    lostEven += step;
    lostOdd = fma(step, rho, lostOdd);
    power *= square;
  }
  T missed = a[3 * sa] + b[3 * sb], slopeMissed = a[4 * sa] + b[4 * sb];
  *complement = scale * fma(missed, lostOdd, fma(apart, K(0.5), (a[sa] * b[sb]) * product));
  *slope = scale * fma(slopeMissed, power, slopeSum);
  *slopeComplement = scale * fma(slopeMissed, lostEven, slopeLost);
}
/** tanh x: expm1(2|x|) / (expm1(2|x|) + 2) turned around, so that nothing overflows. */
static T F(tanhOf)(T x) {
  T exponential, minusOne;
  F(expAndExpm1)(fabs(x) * K(-2), &exponential, &minusOne);
  return copysign(-minusOne / (minusOne + K(2)), x);
}
#endif
