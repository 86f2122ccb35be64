// Memory of one call: cache-line aligned, zeroed, freed at the end of the scope.
#pragma once
#include <stdlib.h>
#include <string.h>

namespace TESSERA_ISA {

template <class T> class Buffer {
 public:
  explicit Buffer(size_t count) {
    size_t bytes = (count * sizeof(T) + 127) / 64 * 64;
    items = (T*)aligned_alloc(64, bytes);
    if (items) memset(items, 0, bytes);
  }
  ~Buffer() { free(items); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  operator T*() const { return items; }
  bool missing() const { return !items; }

 private:
  T* items;
};

inline int roundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
inline int smaller(int a, int b) { return a < b ? a : b; }
inline int larger(int a, int b) { return a > b ? a : b; }

}  // namespace TESSERA_ISA
