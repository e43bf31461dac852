#include "taskmanager/connector/kafka/transaction/marker_groups.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/unit/kafka/transaction/recovery_fixture.h"

namespace weir::taskmanager::kafka::testing {
namespace {

using Names = std::vector<std::string>;

struct FakeGroups final : MarkerGroups {
  absl::StatusOr<Names> List(const std::string& prefix, SteadyMicros) override {
    if (!list_error.ok()) return list_error;
    Names found;
    for (const std::string& name : groups) {
      if (name.starts_with(prefix)) found.push_back(name);
    }
    return found;
  }
  absl::Status Delete(const std::string& group, SteadyMicros) override {
    ++deletes;
    if (group == failing) return error;
    groups.erase(std::remove(groups.begin(), groups.end(), group), groups.end());
    return absl::OkStatus();
  }
  Names groups;
  std::string failing;
  absl::Status list_error, error;
  int deletes = 0;
};

struct Fixture {
  MarkerCleaner Cleaner(int64_t attempt, int64_t keep_from) {
    return MarkerCleaner({kJob, Attempt{attempt}, "out", Attempt{keep_from}}, &groups, &clock);
  }
  KafkaModel clock;
  FakeGroups groups;
};

TEST_CASE("markers of attempts that no retained checkpoint is of are deleted, and no others") {
  Fixture f;
  const Names kept = {Tid(4, 0, 0), Tid(7, 1, 2), Tid(9, 0, 0), Tid(1, 0, 0, kFormerJob),
                      ToString({kJob, "out2", Attempt{1}, 0, 0}), kJob.value + "/out/1/x/0", "somebody"};
  f.groups.groups = kept;
  f.groups.groups.insert(f.groups.groups.begin(), {Tid(1, 0, 0), Tid(3, 1, 7)});
  CHECK(*f.Cleaner(9, 4).Clean() == 2);
  CHECK(f.groups.groups == kept);
  CHECK(*f.Cleaner(9, 4).Clean() == 0);
}

TEST_CASE("without a retained checkpoint nothing is deleted; never of the running attempt or a later one") {
  Fixture f;
  const Names all = {Tid(1, 0, 0), Tid(2, 0, 0), Tid(5, 0, 0)};
  f.groups.groups = all;
  CHECK(*f.Cleaner(9, 0).Clean() == 0);
  CHECK(f.groups.groups == all);
  CHECK(*f.Cleaner(2, 9).Clean() == 1);
  CHECK(f.groups.groups == Names{Tid(2, 0, 0), Tid(5, 0, 0)});
}

TEST_CASE("a group that cannot be deleted does not keep the others; a broker that is away does") {
  Fixture f;
  f.groups.groups = {Tid(1, 0, 0), Tid(1, 0, 1), Tid(2, 0, 0)};
  f.groups.failing = Tid(1, 0, 0);
  f.groups.error = absl::PermissionDeniedError("DELETE on group");
  const auto refused = f.Cleaner(9, 9).Clean();
  CHECK(absl::IsPermissionDenied(refused.status()));
  CHECK(std::string(refused.status().message()).find(Tid(1, 0, 0)) != std::string::npos);
  CHECK(f.groups.groups == Names{Tid(1, 0, 0)});
  f.groups.groups = {Tid(1, 0, 0), Tid(1, 0, 1)};
  f.groups.error = absl::UnavailableError("away");
  f.groups.deletes = 0;
  CHECK(absl::IsUnavailable(f.Cleaner(9, 9).Clean().status()));
  CHECK(f.groups.deletes == 1);
  f.groups.list_error = absl::UnavailableError("away");
  CHECK(absl::IsUnavailable(f.Cleaner(9, 9).Clean().status()));
}

}  // namespace
}  // namespace weir::taskmanager::kafka::testing
