// Large pieces of memory, huge pages where the system has them, kept for the next call. New pages are dear: the system
// clears each, and a virtual machine's may have to be got from its host first, which took up to 5 ms for one of 2 MiB.
// What is kept is the system's to take back when memory is short (MADV_FREE), and no more pieces than calls held at once.
#include "pages.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

namespace {

const size_t page = 2 << 20;

struct Piece {
  void* items;
  size_t bytes;
  bool free;
};

/** All pieces, in use or not, the one given back last at the end: its contents may still be cached. */
struct Pieces {
  static const int most = 256;
  Piece all[most];
  int count = 0;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

  /** The free piece for `bytes`: the smallest of those that hold them, else the largest; -1 where none is free. */
  int best(size_t bytes) const {
    int found = -1;
    for (int i = count - 1; i >= 0; i--) {
      if (!all[i].free) continue;
      const size_t here = all[i].bytes, there = found < 0 ? 0 : all[found].bytes;
      if (found < 0 || (there < bytes ? here > there : here >= bytes && here < there)) found = i;
    }
    return found;
  }
  int of(void* items) const {
    int i = count - 1;
    while (i >= 0 && all[i].items != items) i--;
    return i;
  }
  Piece remove(int i) {
    const Piece piece = all[i];
    for (count--; i < count; i++) all[i] = all[i + 1];
    return piece;
  }
} pieces;

struct Locked {
  Locked() { pthread_mutex_lock(&pieces.mutex); }
  ~Locked() { pthread_mutex_unlock(&pieces.mutex); }
};

}  // namespace

void* takePages(size_t bytes) {
  bytes = (bytes + page - 1) / page * page;
  Locked locked;
  const int at = pieces.best(bytes);
  if (at >= 0 && pieces.all[at].bytes >= bytes) {
    pieces.all[at].free = false;
    return pieces.all[at].items;
  }
  // A piece too small is replaced: there are as many as were in use at once.
  if (at >= 0) free(pieces.remove(at).items);
  void* items = aligned_alloc(page, bytes);
  if (!items) return nullptr;
#ifdef MADV_HUGEPAGE
  madvise(items, bytes, MADV_HUGEPAGE);
#endif
  if (pieces.count < Pieces::most) pieces.all[pieces.count++] = {items, bytes, false};
  return items;
}

void givePages(void* items) {
  if (!items) return;
  Locked locked;
  const int at = pieces.of(items);
  if (at < 0) return free(items);
  Piece piece = pieces.remove(at);
  piece.free = true;
  pieces.all[pieces.count++] = piece;
#ifdef MADV_FREE
  // While nobody else can have taken it: what is written before this call may be lost.
  madvise(piece.items, piece.bytes, MADV_FREE);
#endif
}
