// The code of one instruction set. build.mjs compiles this file once for each, with TESSERA_ISA (the namespace) and the
// compiler's flags for the instruction set.
#include "graded.h"
#include "strip.h"

#define JOIN2(a, b) tessera_analysis_##a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(what) JOIN(what, TESSERA_ISA)

extern "C" int64_t NAME(packedLength)(int size, int columns) { return TESSERA_ISA::packedLengthOf(size, columns); }
extern "C" void NAME(pack)(const PackTask& task) { TESSERA_ISA::packOf(task); }
extern "C" int NAME(strip)(const StripTask& task) { return TESSERA_ISA::stripOf(task); }
extern "C" void NAME(scan)(const double* matrix, int size, Scan& found) { TESSERA_ISA::scanRows(matrix, size, found, 0); }
extern "C" int NAME(grade)(GradeTask& task) { return TESSERA_ISA::gradeOf(task); }
extern "C" void NAME(multiply)(const double* matrix, int size, const double* x, double* product) { TESSERA_ISA::multiplyOf(matrix, size, x, product); }
extern "C" void NAME(subtractRankTwo)(double* matrix, int size, const double* z, const double* y) { TESSERA_ISA::subtractRankTwoOf(matrix, size, z, y); }
