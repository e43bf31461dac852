#include "tests/simulation/scheduler/trace.h"

namespace weir::trace {

void Trace::Mix(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  Mix(hash);
}

void Trace::Note(std::string_view text) const {
  if (out_ != nullptr) std::fprintf(out_, "%41s%.*s\n", "", static_cast<int>(text.size()), text.data());
}

void Trace::Print(SteadyMicros now, std::string_view who, const std::string& text) const {
  std::fprintf(out_, "[%5d.%06d] %-24.*s %s\n", static_cast<int>(now / 1'000'000), static_cast<int>(now % 1'000'000),
               static_cast<int>(who.size()), who.data(), text.c_str());
}

}  // namespace weir::trace
