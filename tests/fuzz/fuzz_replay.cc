// Runs every input of the corpus through its target, and some damaged ones: what was found once stays found, also where
// no fuzzer is at hand. fuzz_replay CORPUS
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "tests/fuzz/fuzz_target.h"

namespace weir::fuzz {

std::map<std::string, Target>& Targets() {
  static auto* const targets = new std::map<std::string, Target>;
  return *targets;
}

namespace {

constexpr int kDamaged = 30;  // of each input

std::vector<std::string> InputsOf(const std::string& folder) {
  std::vector<std::string> paths, inputs;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

std::string Damaged(std::string bytes, Rng& rng) {
  for (uint64_t left = 1 + rng.Below(4); left > 0 && !bytes.empty(); --left) {
    const size_t at = rng.Below(bytes.size());
    switch (rng.Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.Below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(rng.Next());
        break;
      case 2:
        bytes.erase(at, 1 + rng.Below(8));
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, 1 + rng.Below(16)));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

// In memory of its very size, so that a sanitizer sees each byte read behind it.
void RunOn(Target target, const std::string& input) {
  const std::unique_ptr<char[]> bytes(new char[input.size()]);
  std::copy(input.begin(), input.end(), bytes.get());
  target(std::string_view(bytes.get(), input.size()));
}

}  // namespace
}  // namespace weir::fuzz

int main(int argc, char** argv) {
  using namespace weir::fuzz;
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_replay CORPUS\n");
    return 2;
  }
  weir::Rng rng(1);
  int bare = 0;
  for (const auto& [name, target] : Targets()) {
    const std::vector<std::string> inputs = InputsOf(std::string(argv[1]) + "/" + name);
    std::printf("%s: %zu inputs\n", name.c_str(), inputs.size());
    std::fflush(stdout);
    bare += inputs.empty() ? 1 : 0;
    RunOn(target, "");
    for (const std::string& input : inputs) {
      RunOn(target, input);
      for (int i = 0; i < kDamaged; ++i) RunOn(target, Damaged(input, rng));
    }
  }
  if (bare > 0) std::printf("%d targets have no corpus\n", bare);
  return bare > 0 || Targets().empty() ? 1 : 0;
}
