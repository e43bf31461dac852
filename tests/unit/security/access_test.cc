#include "common/security/access.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "common/security/refusals.h"
#include "tests/support/temporary_folder.h"

namespace weir::security {
namespace {

constexpr char kTokens[] =
    "admin ops admin-0123456789\nread_only eye reads-0123456789\ntaskmanager tms tasks-0123456789\n";

absl::StatusCode Ask(Access& access, const std::string& authorization, Role needed) {
  return access.Admit(authorization, needed, "cancel", "peer").status().code();
}

TEST_CASE("access: each role is good for its own calls, an admin may read too") {
  const testing::TemporaryFolder folder;
  auto access = Access::Open(folder.Write("tokens", kTokens));
  REQUIRE(access.ok());
  using Code = absl::StatusCode;
  const std::string admin = "Bearer admin-0123456789", reader = "Bearer reads-0123456789",
                    tasks = "Bearer tasks-0123456789";
  CHECK(Ask(**access, admin, Role::kAdmin) == Code::kOk);
  CHECK(Ask(**access, admin, Role::kReadOnly) == Code::kOk);
  CHECK(Ask(**access, admin, Role::kTaskManager) == Code::kPermissionDenied);
  CHECK(Ask(**access, reader, Role::kReadOnly) == Code::kOk);
  CHECK(Ask(**access, reader, Role::kAdmin) == Code::kPermissionDenied);
  CHECK(Ask(**access, reader, Role::kTaskManager) == Code::kPermissionDenied);
  CHECK(Ask(**access, tasks, Role::kTaskManager) == Code::kOk);
  CHECK(Ask(**access, tasks, Role::kReadOnly) == Code::kPermissionDenied);
  CHECK(Ask(**access, tasks, Role::kAdmin) == Code::kPermissionDenied);
}

TEST_CASE("access: no token and a wrong one are refused, counted, and not quoted") {
  const testing::TemporaryFolder folder;
  auto access = Access::Open(folder.Write("tokens", kTokens));
  REQUIRE(access.ok());
  const int64_t before = Refused(Refusal::kNoCredential);
  for (const char* wrong : {"", "Bearer ", "Bearer not-a-token-there-is", "admin-0123456789", "Basic x"}) {
    CAPTURE(wrong);
    const auto who = (*access)->Admit(wrong, Role::kReadOnly, "status", "peer");
    CHECK(who.status().code() == absl::StatusCode::kUnauthenticated);
    CHECK_THAT(std::string(who.status().message()), !Catch::Contains("not-a-token-there-is"));
  }
  CHECK(Refused(Refusal::kNoCredential) == before + 5);
}

TEST_CASE("access: without a file everybody may do everything") {
  const auto access = Access::ForAll();
  CHECK_FALSE(access->asks());
  CHECK(Ask(*access, "", Role::kTaskManager) == absl::StatusCode::kOk);
}

TEST_CASE("access: who is admitted is told") {
  const testing::TemporaryFolder folder;
  auto access = Access::Open(folder.Write("tokens", kTokens));
  REQUIRE(access.ok());
  std::vector<std::string> seen;
  (*access)->OnAdmitted([&](std::string_view peer) { seen.emplace_back(peer); });
  CHECK((*access)->Admit("Bearer reads-0123456789", Role::kReadOnly, "list", "a").ok());
  CHECK_FALSE((*access)->Admit("Bearer reads-0123456789", Role::kAdmin, "stop", "b").ok());
  CHECK(seen == std::vector<std::string>{"a"});
}

TEST_CASE("access: a file that changes is read again, a wrong one is not") {
  const testing::TemporaryFolder folder;
  auto access = Access::Open(folder.Write("tokens", kTokens));
  REQUIRE(access.ok());
  auto becomes = [&](const char* token, absl::StatusCode code) {
    for (int i = 0; i < 500; ++i) {
      if (Ask(**access, token, Role::kAdmin) == code) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  };
  folder.Replace("tokens", "admin ops other-0123456789\n");
  CHECK(becomes("Bearer other-0123456789", absl::StatusCode::kOk));
  CHECK(Ask(**access, "Bearer admin-0123456789", Role::kAdmin) == absl::StatusCode::kUnauthenticated);
  folder.Replace("tokens", "what is this\n");
  CHECK(Ask(**access, "Bearer other-0123456789", Role::kAdmin) == absl::StatusCode::kOk);
  folder.Replace("tokens", "admin ops third-0123456789\n");
  CHECK(becomes("Bearer third-0123456789", absl::StatusCode::kOk));
}

TEST_CASE("access: a file that is missing or wrong at the start is an error") {
  const testing::TemporaryFolder folder;
  CHECK_FALSE(Access::Open(folder.PathOf("none")).ok());
  CHECK_FALSE(Access::Open(folder.Write("empty", "")).ok());
}

}  // namespace
}  // namespace weir::security
