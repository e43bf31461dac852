#include "tests/unit/taskmanager/operator/contract/window_job.h"

// Windows of processing time keep the contract of stateful operators, as far as it does not speak
// of time.

namespace weir::taskmanager::contract {
namespace {

/// Which window a row of processing time is in depends on when it came; that it is in one does not.
Contract ProcessingTime(Rng& rng) {
  const Keys& keys = RandomKeys(rng);
  const bool sliding = rng.Below(3) == 0;
  Contract contract;
  contract.nodes = Nodes(keys.yaml,
                         sliding ? "{sliding: 40ms, slide: 20ms, time: processing}"
                                 : "{tumbling: 20ms, time: processing}",
                         "", false);
  contract.check = [keys, sliding](const History& history, const std::vector<std::string>& rows) {
    std::map<std::string, int64_t> expected, counted;
    for (const Fed& fed : history) expected[keys.text(fed.row())] += sliding ? 2 : 1;
    std::set<std::string> windows;
    for (const std::string& row : rows) {
      const std::string window = WithoutLast(row, 3);
      INFO(row);
      CHECK(windows.insert(window).second);
      const std::string key = keys.yaml.empty() ? "" : WithoutLast(window, 2) + "|";
      counted[key] += std::stoll(row.substr(window.size() + 1));
    }
    CHECK(counted == expected);
  };
  return contract;
}

TEST_CASE("contract: windows of processing time", "[contract][processing]") {
  KeepAll(ProcessingTime, 40);
}

TEST_CASE("contract: windows of processing time end by the clock alone", "[contract][processing]") {
  for (const int parallelism : {1, 2}) {
    World world(
        {{"a", 0, {1, 7, "s", 1, 0}}, {"a", 0, {2, 7, "s", 2, 0}}, {"a", 1, {3, 7, "s", 3, 0}}}, 1);
    Cluster cluster;
    const std::string job = absl::StrCat(
        "version: 1\nname: t\nparallelism: ", parallelism, "\nstate: {backend: memory}\nsources:\n",
        SourceYaml("a"), Nodes("key_by: [k]", "{tumbling: 20ms, time: processing}", "", false));
    JobRun run(&world, &cluster, job, std::nullopt);
    world.Release(2);  // and the sources have not ended
    run.Settle();
    cluster.clock.now += 100'000;
    run.Settle();
    run.Checkpoint();
    REQUIRE(world.Visible("out").size() == 1);
    CHECK_THAT(world.Visible("out")[0].text, Catch::EndsWith("|2|3|s"));
  }
}

}  // namespace
}  // namespace weir::taskmanager::contract
