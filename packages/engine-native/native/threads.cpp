// Runs independent units of work on a few threads of its own; with one thread, on the caller's.
#include <pthread.h>
#include <sched.h>
#include "task.h"

namespace {

#if defined(__GLIBC__)
/**
 * Where helpers begin: on any core the caller may use but its own. Linux puts a new thread beside its maker while the other
 * cores are just going idle, and lets it wait there for milliseconds, which is as long as a small tile takes.
 */
struct Cores {
  cpu_set_t all, others;
  bool known;
  Cores() : known(sched_getaffinity(0, sizeof all, &all) == 0) {
    const int own = sched_getcpu();
    others = all;
    if (known && own >= 0) CPU_CLR(own, &others);
    known &= CPU_COUNT(&others) > 0;
  }
  void startElsewhere(pthread_attr_t* attributes) const {
    if (known) pthread_attr_setaffinity_np(attributes, sizeof others, &others);
  }
  /** A helper that has begun goes where it likes. */
  void release() const {
    if (known) sched_setaffinity(0, sizeof all, &all);
  }
};
#else
struct Cores {
  void startElsewhere(pthread_attr_t*) const {}
  void release() const {}
};
#endif

struct Shared {
  WorkUnit work;
  const void* context;
  int units, next, outcome;
  Cores cores;
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

void* help(void* argument) {
  ((Shared*)argument)->cores.release();
  return takeUnits(argument);
}

}  // namespace

int runUnits(WorkUnit work, const void* context, int units, int threads) {
  const int most = 64;
  Shared shared = {work, context, units, 0, DONE, {}};
  pthread_t helpers[most];
  pthread_attr_t attributes;
  int started = 0;
  if (threads > 1 && units > 1 && pthread_attr_init(&attributes) == 0) {
    shared.cores.startElsewhere(&attributes);
    while (started < threads - 1 && started < units - 1 && started < most) {
      if (pthread_create(&helpers[started], &attributes, help, &shared) != 0) break;
      started++;
    }
    pthread_attr_destroy(&attributes);
  }
  takeUnits(&shared);
  for (int i = 0; i < started; i++) pthread_join(helpers[i], nullptr);
  return shared.outcome;
}
