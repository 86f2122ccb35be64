// Runs independent units of work on a few threads of its own; with one thread, on the caller's.
#include <pthread.h>
#include "task.h"

namespace {

struct Shared {
  WorkUnit work;
  const void* context;
  int units, next, outcome;
};

void* takeUnits(void* argument) {
  Shared& shared = *(Shared*)argument;
  for (;;) {
    int unit = __atomic_fetch_add(&shared.next, 1, __ATOMIC_RELAXED);
    if (unit >= shared.units || __atomic_load_n(&shared.outcome, __ATOMIC_RELAXED) != DONE) return nullptr;
    int outcome = shared.work(shared.context, unit);
    if (outcome != DONE) __atomic_store_n(&shared.outcome, outcome, __ATOMIC_RELAXED);
  }
}

}  // namespace

int runUnits(WorkUnit work, const void* context, int units, int threads) {
  const int most = 64;
  Shared shared = {work, context, units, 0, DONE};
  pthread_t helpers[most];
  int started = 0;
  while (started < threads - 1 && started < units - 1 && started < most) {
    if (pthread_create(&helpers[started], nullptr, takeUnits, &shared) != 0) break;
    started++;
  }
  takeUnits(&shared);
  for (int i = 0; i < started; i++) pthread_join(helpers[i], nullptr);
  return shared.outcome;
}
