#include "common/security/token_table.h"

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"

namespace weir::security {
namespace {

TEST_CASE("token table: tokens, hashes, comments") {
  const auto table = TokenTable::Parse(
      "# who may what\n"
      "admin ops 0123456789abcdef  # the team's\n"
      "\n"
      "read-only grafana sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
      "taskmanager tms fedcba9876543210\n",
      "f");
  REQUIRE(table.ok());
  REQUIRE(table->size() == 3);
  REQUIRE(table->Find("0123456789abcdef") != nullptr);
  CHECK(table->Find("0123456789abcdef")->name == "ops");
  CHECK(table->Find("0123456789abcdef")->role == Role::kAdmin);
  REQUIRE(table->Find("test") != nullptr);  // by its hash
  CHECK(table->Find("test")->role == Role::kReadOnly);
  CHECK(table->Find("0123456789abcde") == nullptr);
  CHECK(table->Find("0123456789abcdef0") == nullptr);
  CHECK(table->Find("") == nullptr);
  CHECK(table->Own(Role::kTaskManager) == "fedcba9876543210");
  CHECK(table->Own(Role::kAdmin).empty());
}

TEST_CASE("token table: what is wrong is said with its line, without the token") {
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"", "no token in it"},
           {"# nothing\n", "no token in it"},
           {"admin ops\n", "f:1: a line must be"},
           {"\nroot ops 0123456789abcdef\n", "f:2: the role must be"},
           {"admin ops short-secret\n", "f:1: a token needs at least 16"},
           {"admin ops sha256:beef-secret\n", "f:1: `sha256:` needs 64"},
           {"admin a 0123456789abcdef\nread_only b 0123456789abcdef\n", "f:2: the same token"}}) {
    CAPTURE(text);
    const auto table = TokenTable::Parse(text, "f");
    REQUIRE(table.status().code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(table.status().message()), Catch::Contains(part));
    CHECK_THAT(std::string(table.status().message()), !Catch::Contains("secret"));
  }
}

TEST_CASE("client token: alone in a file, or a line of a token file, never a hash") {
  const testing::TemporaryFolder folder;
  CHECK(*LoadClientToken(folder.Write("a", "# mine\n  0123456789abcdef \n")) == "0123456789abcdef");
  CHECK(*LoadClientToken(folder.Write("b", "admin ops 0123456789abcdef\n")) == "0123456789abcdef");
  CHECK_FALSE(LoadClientToken(folder.Write("c", "admin ops sha256:00\n")).ok());
  CHECK_FALSE(LoadClientToken(folder.Write("d", "\n")).ok());
  CHECK_FALSE(LoadClientToken(folder.PathOf("none")).ok());
}

}  // namespace
}  // namespace weir::security
