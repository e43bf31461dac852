#include "tests/unit/taskmanager/operator/contract/random_query.h"

#include <cstdlib>

#include "tests/unit/taskmanager/operator/operator_harness.h"

// Jobs of several operators give the same rows, whatever the parallelism, the checkpoints, the
// crashes and the memory for state: each is its own reference.

namespace weir::taskmanager::contract {
namespace {

TEST_CASE("contract: random queries give the same rows however they are run", "[contract][query]") {
  uint64_t runs = 50;
  if (const char* wanted = std::getenv("WEIR_CONTRACT_RUNS"))
    runs = std::strtoull(wanted, nullptr, 10);
  size_t with_rows = 0;
  for (uint64_t seed = 1; seed <= runs; ++seed) {
    Rng rng(seed);
    const RandomQuery query = MakeRandomQuery(rng, 1 + static_cast<int>(rng.Below(4)));
    Contract contract;
    contract.nodes = query.nodes;
    contract.sources = query.sources;
    contract.table = {{-1, "zero"}, {0, "none"}, {1, "one"}, {2, "two"}, {1'000'002, "key"}};
    contract.late_allowed = false;
    contract.keys = 4;
    std::vector<std::string> rows;
    contract.check = [&](const History&, const std::vector<std::string>& written) {
      rows = query.Settled(written);
    };
    Keep(contract, seed, {.mode = Mode::kRacing, .parallelism = 1, .calm = true});
    const std::vector<std::string> wanted = std::move(rows);
    with_rows += wanted.empty() ? 0 : 1;
    const Setting others[] = {
        {.mode = Mode::kRacing, .parallelism = 3, .schedule = 1},
        {.mode = Mode::kRacing,
         .backend = seed % 4 == 0 ? "rocksdb" : "memory",
         .state_memory = 16 << 10,
         .schedule = 2},
        {.mode = Mode::kQuiet, .schedule = 3},
    };
    for (const Setting& other : others) {
      Keep(contract, seed, other);
      INFO("seed " << seed << ", played otherwise: " << other.schedule << "\n" << query.nodes);
      CheckSameRows(std::move(rows), wanted);
    }
  }
  CHECK(with_rows * 10 >= runs * 7);
}

}  // namespace
}  // namespace weir::taskmanager::contract
