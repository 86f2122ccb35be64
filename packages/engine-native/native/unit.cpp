// The code of one instruction set in one precision. build.mjs compiles this file once for each, with TESSERA_ISA (the
// namespace), TESSERA_REAL and the compiler's flags for the instruction set.
#include "cnn.h"
#include "fcn.h"
#include "gram.h"

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(what) JOIN(JOIN(tessera, what), JOIN(TESSERA_ISA, TESSERA_REAL))

extern "C" int NAME(fcn)(const FcnTile& tile) { return TESSERA_ISA::fcnOf<TESSERA_REAL>(tile); }
extern "C" int NAME(cnn)(const CnnTile& tile) { return TESSERA_ISA::cnnOf<TESSERA_REAL>(tile); }
#ifdef TESSERA_GRAM
extern "C" int NAME(gram)(const GramTask& task) { return TESSERA_ISA::gramOf(task); }
extern "C" int NAME(variances)(const double* images, int count, int inputs, double* variance) {
  return TESSERA_ISA::variancesOf(images, count, inputs, variance);
}
#endif

extern "C" void NAME(elementary)(int which, const TESSERA_REAL* x, TESSERA_REAL* y, int count) {
  using namespace TESSERA_ISA;
  typedef Simd<TESSERA_REAL> S;
  for (int first = 0; first < count; first += S::lanes) {
    S::V v{}, exponential, minusOne, result{};
    int here = smaller(S::lanes, count - first);
    for (int i = 0; i < here; i++) v[i] = x[first + i];
    if (which == 0) result = asinOf<S>(v, rootOfComplement<S>(v));
    else if (which == 1) result = acosOf<S>(v, rootOfComplement<S>(v));
    else if (which == 4) result = tanhOf<S>(v);
    else {
      expAndExpm1<S>(v, exponential, minusOne);
      result = which == 2 ? exponential : minusOne;
    }
    for (int i = 0; i < here; i++) y[first + i] = result[i];
  }
}
