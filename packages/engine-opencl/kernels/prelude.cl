// What every program begins with. The host defines, before this text:
//   HAS_DOUBLE          1 where the device computes in double precision
//   REAL_DOUBLE         1 where pairs are computed in double precision
//   ACTIVATION          one of the numbers below
// Two types: `real`, that of pairs and results, and `wide`, that of what depends on one image alone: double where there is one.
// Nothing is contracted but what says fma, so that a pair has the same bits wherever the compiler finds it.
#pragma OPENCL FP_CONTRACT OFF
#if HAS_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double wide;
#else
typedef float wide;
#endif
#if REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#define IDENTITY 0
#define ABRELU 1
#define ERF 2
#define GELU 3
#define SIN 4
#define RBF 5
#define TANH 6

// A network's numbers (network-numbers.ts): sw2 / f^2 (f = 1 for fcn) is in the activation's numbers already.
#define BIAS 0
#define REFERENCE 1
#define WEIGHT 2
#define NUMBERS 3

#define PI_ 3.14159265358979323846
#define TAN_30 0.57735026918962576451
#define ROOT_3 1.7320508075688772935
#define THIRD_PI 1.0471975511965977462
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
