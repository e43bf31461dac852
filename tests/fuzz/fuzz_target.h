#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace weir::fuzz {

/// Reads bytes that nobody vouches for. It may refuse them in any way that is no crash; what it takes must keep the
/// target's own promises.
using Target = void (*)(std::string_view input);

/// Targets of this program, by name.
std::map<std::string, Target>& Targets();

struct Registration {
  Registration(const char* name, Target target) { Targets()[name] = target; }
};

/// A promise that a target makes of what was accepted.
inline void Expect(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace weir::fuzz

/// WEIR_FUZZ_TARGET(yaml, input) { … }: a program of libFuzzer's when built with WEIR_FUZZ, else one of those that
/// fuzz_replay runs.
#ifdef WEIR_FUZZ
#define WEIR_FUZZ_TARGET(name, input)                                                          \
  static void Run(std::string_view input);                                                     \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {                    \
    Run(std::string_view(reinterpret_cast<const char*>(data), size));                          \
    return 0;                                                                                  \
  }                                                                                            \
  static void Run(std::string_view input)
#else
#define WEIR_FUZZ_TARGET(name, input)                              \
  static void Run(std::string_view input);                         \
  static const ::weir::fuzz::Registration registration(#name, Run); \
  static void Run(std::string_view input)
#endif
