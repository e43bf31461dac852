// The contract of the simulator's Kafka: runs scripts on the model and on a real broker and compares what both answer.
//
//   weir_kafka_contract --list                                     names; each needs a topic `contract-NAME`, two
//   partitions weir_kafka_contract --model [NAME...]                          what the model answers
//   weir_kafka_contract --seeds N                                  whether chance changes what the model answers
//   weir_kafka_contract --brokers HOST:PORT [--version N] NAME...  both; exit code 1 when they differ
//
// `--version`: the transaction.version of the model (2). `--seed`: of the model. A script that needs the broker killed
// and started again prints RESTART and waits for a line on standard input.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kafka/contract/subject.h"

namespace weir::taskmanager::kafka::contract {
namespace {

void Print(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

bool Compare(const NamedScript& named, const std::string& brokers, int version, uint64_t seed) {
  const std::string topic = absl::StrCat("contract-", named.name);
  ConnectionOptions connection;
  connection.brokers = {brokers};
  std::vector<std::string> real;
  const std::unique_ptr<Subject> subject = MakeRealSubject(connection);
  named.script(*subject, topic, &real);
  const std::vector<std::string> model = RunOnModel(named.script, topic, version, seed);
  bool same = true;
  for (size_t i = 0; i < std::max(real.size(), model.size()); ++i) {
    const std::string& of_real = i < real.size() ? real[i] : "(nothing)";
    const std::string& of_model = i < model.size() ? model[i] : "(nothing)";
    if (of_real == of_model) continue;
    same = false;
    Print(absl::StrCat(named.name, ", step ", i + 1, ":\n  broker: ", of_real, "\n  model:  ", of_model));
  }
  Print(absl::StrCat(named.name, ": ", same ? "the same" : "DIFFERENT", ", ", real.size(), " answers"));
  return same;
}

/// What the model answers must not depend on how long its requests take.
bool SameForSeeds(const NamedScript& named, uint64_t seeds) {
  const std::string topic = absl::StrCat("contract-", named.name);
  const std::vector<std::string> first = RunOnModel(named.script, topic, 2, 1);
  for (uint64_t seed = 2; seed <= seeds; ++seed) {
    const std::vector<std::string> other = RunOnModel(named.script, topic, seed % 2 == 0 ? 0 : 2, seed);
    if (other == first) continue;
    const auto [at, with] = std::mismatch(first.begin(), first.end(), other.begin(), other.end());
    Print(absl::StrCat(named.name, ", seed ", seed, ": ", with == other.end() ? "(nothing)" : *with,
                       "\n  seed 1: ", at == first.end() ? "(nothing)" : *at));
    return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  std::string brokers;
  int version = 2;
  uint64_t seed = 1, seeds = 0;
  bool model = false;
  std::set<std::string> names;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    if (name == "--brokers") {
      brokers = value();
    } else if (name == "--version") {
      version = std::atoi(value().c_str());
    } else if (name == "--seed") {
      seed = static_cast<uint64_t>(std::atoll(value().c_str()));
    } else if (name == "--seeds") {
      seeds = static_cast<uint64_t>(std::atoll(value().c_str()));
    } else if (name == "--model") {
      model = true;
    } else if (name == "--list") {
      for (const NamedScript& named : Scripts()) Print(named.name);
      return 0;
    } else {
      names.insert(name);
    }
  }
  bool same = true;
  for (const NamedScript& named : Scripts()) {
    if (!names.empty() && !names.contains(named.name)) continue;
    if (seeds > 0) {
      same = (named.slow || SameForSeeds(named, seeds)) && same;
      continue;
    }
    if (!model) {
      same = Compare(named, brokers, version, seed) && same;
      continue;
    }
    Print(absl::StrCat("---- ", named.name));
    for (const std::string& line : RunOnModel(named.script, absl::StrCat("contract-", named.name), version, seed)) {
      Print(line);
    }
  }
  return same ? 0 : 1;
}

}  // namespace
}  // namespace weir::taskmanager::kafka::contract

int main(int argc, char** argv) { return weir::taskmanager::kafka::contract::Main(argc, argv); }
