#pragma once

namespace weir {

/// Asks for the cache line at `at`, which will be read or written soon. Thread: any.
///
/// Why: GCC takes a function that does nothing but __builtin_prefetch for one without effects, and drops calls of it that
///      were not inlined by then. A volatile statement, which costs nothing, keeps them.
inline void Prefetch(const void* at) {
  __builtin_prefetch(at);
  asm volatile("");
}

}  // namespace weir
