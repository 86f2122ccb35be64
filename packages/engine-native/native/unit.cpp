// The code of one instruction set in one precision. build.mjs compiles this file once for each, with TESSERA_ISA (the
// namespace), TESSERA_REAL and the compiler's flags for the instruction set.
#include "cnn.h"
#include "fcn.h"
#include "read-in.h"

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(what) JOIN(JOIN(tessera, what), JOIN(TESSERA_ISA, TESSERA_REAL))

extern "C" int NAME(fcn)(const FcnTile& tile) { return TESSERA_ISA::fcnOf<TESSERA_REAL>(tile); }
extern "C" int NAME(cnn)(const CnnTile& tile) { return TESSERA_ISA::cnnOf<TESSERA_REAL>(tile); }
extern "C" int NAME(registers)(const RegisterTask& task) { return TESSERA_ISA::registersOf<TESSERA_REAL>(task); }
#ifdef TESSERA_READ_IN
extern "C" int NAME(readIn)(const ReadInTask& task) { return TESSERA_ISA::readInOf(task); }
#endif

extern "C" void NAME(elementary)(int which, const TESSERA_REAL* x, TESSERA_REAL* y, int count) {
  using namespace TESSERA_ISA;
  typedef Simd<TESSERA_REAL> S;
  for (int first = 0; first < count; first += S::lanes) {
    S::V v{}, exponential, minusOne, ignored, result{};
    int here = smaller(S::lanes, count - first);
    for (int i = 0; i < here; i++) v[i] = x[first + i];
    if (which == 0) result = signedAtan<S>(v, S::all(1));
    else if (which == 1) Abrelu<S>::segment(S(), v, S::sqrt(v), result, ignored);
    else if (which == 2) Abrelu<S>::segment(S(), v, S::sqrt(v), ignored, result);
    else if (which == 5) result = tanhOf<S>(v);
    else {
      expAndExpm1<S>(v, exponential, minusOne);
      result = which == 3 ? exponential : minusOne;
    }
    for (int i = 0; i < here; i++) y[first + i] = result[i];
  }
}
