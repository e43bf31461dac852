#include <set>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/contract/contract.h"

// What is forgotten after a ttl: top_n and deduplicate keep the contract of stateful operators.

namespace weir::taskmanager::contract {
namespace {

constexpr char kOut[] = "sinks:\n  out: {type: file, path: /y, format: {type: json}, input: w}\n";

/// Shorter than the stretch in which waiting rows share a namespace, about the sources' delay, and
/// longer than most.
int64_t RandomTtl(Rng& rng) {
  static constexpr int64_t kTtls[] = {kSecond / 20, kSecond, 3 * kSecond, 8 * kSecond,
                                      25 * kSecond};
  return kTtls[rng.Below(std::size(kTtls))];
}

bool ComesBefore(const Row& a, const Row& b) {
  const auto order = [](const Row& row) {
    return std::make_pair(row.ts, batch::HashKey(CanonicalBytes(row)));
  };
  return order(a) < order(b);
}

Contract NodesWithTtl(const std::string& type, int64_t ttl, const std::string& more) {
  Contract contract;
  contract.nodes =
      absl::StrCat("operators:\n  w:\n    type: ", type,
                   "\n    input: a\n    key_by: [k]\n    ttl: ", ttl / 1000, "ms\n", more, kOut);
  contract.quiet_only = true;
  // Times of milliseconds: entries of all ages lie in all stretches.
  contract.tick = 1000;
  return contract;
}

/// Calls `take` with the rows that the operator takes; the others, which came when the watermark was already `due` behind
/// their time, are late.
void TakeInTime(const History& history, int64_t due, Expected* expected,
                const std::function<void(const Fed&)>& take) {
  for (const Fed& fed : history) {
    if (fed.is_behind(fed.row().ts + due)) {
      ++expected->late;
    } else {
      take(fed);
    }
  }
}

Contract ForgetfulFirst(Rng& rng) {
  const int64_t ttl = RandomTtl(rng);
  Contract contract = NodesWithTtl("deduplicate", ttl, "    keep: first\n");
  contract.model = [ttl](const History& history) {
    struct Kept {
      const Row* first;
      int64_t last_time;
    };
    Expected expected;
    std::map<std::string, Kept> kept;
    TakeInTime(history, 1, &expected, [&](const Fed& fed) {
      const Row& row = fed.row();
      const auto [at, made] = kept.try_emplace(Text(row.k), Kept{&row, row.ts});
      if (made) return;
      Kept& one = at->second;
      if (fed.is_behind(one.last_time + ttl)) {
        expected.rows.push_back(Text(*one.first));
        one = {&row, row.ts};
      } else {
        if (ComesBefore(row, *one.first)) one.first = &row;
        one.last_time = std::max(one.last_time, row.ts);
      }
    });
    for (const auto& [key, one] : kept) expected.rows.push_back(Text(*one.first));
    return expected;
  };
  return contract;
}

TEST_CASE("contract: deduplicate forgets keys whose first row it had", "[contract][rank]") {
  KeepAll(ForgetfulFirst, 40);
}

Contract ForgetfulLast(Rng& rng) {
  const int64_t ttl = RandomTtl(rng);
  Contract contract = NodesWithTtl("deduplicate", ttl, "    keep: last\n");
  contract.key = [](const std::string& text) { return Values(text)[1]; };
  contract.model = [ttl](const History& history) {
    Expected expected;
    std::map<std::string, const Row*> kept;
    TakeInTime(history, ttl, &expected, [&](const Fed& fed) {
      // What is forgotten is older than any row that is not late.
      const Row*& best = kept[Text(fed.row().k)];
      if (best == nullptr || ComesBefore(*best, fed.row())) best = &fed.row();
    });
    for (const auto& [key, row] : kept) expected.rows.push_back(Text(*row));
    return expected;
  };
  return contract;
}

TEST_CASE("contract: deduplicate forgets keys whose last row it had", "[contract][rank]") {
  KeepAll(ForgetfulLast, 40);
}

Contract ForgetfulTopN(Rng& rng) {
  const int64_t ttl = RandomTtl(rng);
  const int64_t limit = 1 + static_cast<int64_t>(rng.Below(4));
  Contract contract = NodesWithTtl(
      "top_n", ttl,
      absl::StrCat("    order_by: [id desc]\n    limit: ", limit, "\n    rank: place\n"));
  contract.key = [](const std::string& text) {
    return Values(text)[1] + "|" + Values(text).back();
  };
  contract.model = [ttl, limit](const History& history) {
    struct Group {
      std::map<int64_t, const Row*, std::greater<>> rows;  // by id
      int64_t last_time = batch::kMinTimestamp;
    };
    Expected expected;
    std::map<std::string, Group> groups;
    std::map<std::pair<std::string, int64_t>, std::string> written;  // ranks outlive their group
    TakeInTime(history, ttl, &expected, [&](const Fed& fed) {
      const Row& row = fed.row();
      Group& group = groups[Text(row.k)];
      if (!group.rows.empty() && fed.is_behind(group.last_time + ttl)) group = Group();
      group.rows[row.id] = &row;
      group.last_time = std::max(group.last_time, row.ts);
      int64_t rank = 0;
      for (const auto& [id, one] : group.rows) {
        if (++rank > limit) break;
        written[{Text(row.k), rank}] = absl::StrCat(Text(*one), "|", rank);
      }
    });
    for (const auto& [key, text] : written) expected.rows.push_back(text);
    return expected;
  };
  return contract;
}

TEST_CASE("contract: top_n forgets groups", "[contract][rank]") { KeepAll(ForgetfulTopN, 40); }

TEST_CASE("contract: state with a ttl does not grow", "[contract][rank]") {
  for (const std::string type : {"deduplicate: first", "deduplicate: last", "top_n"}) {
    INFO(type);
    std::vector<Event> events;
    for (int64_t id = 0; id < 20'000; ++id)  // each of a key of its own
      events.push_back({"a", static_cast<int32_t>(id % 3), {id, id, "s", 1, id * kSecond / 10}});
    World world(std::move(events), 1);
    Cluster cluster;
    const Contract contract =
        type == "top_n"
            ? NodesWithTtl("top_n", 5 * kSecond,
                           "    order_by: [v]\n    limit: 2\n    rank: place\n")
            : NodesWithTtl("deduplicate", 5 * kSecond,
                           absl::StrCat("    keep: ", type.substr(type.find(' ') + 1), "\n"));
    JobRun run(
        &world, &cluster,
        absl::StrCat("version: 1\nname: t\nparallelism: 1\nstate: {backend: memory}\nsources:\n",
                     SourceYaml("a"), contract.nodes),
        std::nullopt);
    int64_t most_at_first = 0, most_later = 0;
    for (size_t released = 200; released <= 20'000; released += 200) {
      world.Release(released);
      run.Settle();
      int64_t& most = released <= 4'000 ? most_at_first : most_later;
      most = std::max(most, run.state_bytes());
    }
    CHECK(most_later <= most_at_first + most_at_first / 2);
  }
}

}  // namespace
}  // namespace weir::taskmanager::contract
