#include "common/security/secrets.h"

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"

namespace weir::security {
namespace {

using config::Value;

TEST_CASE("secrets: references are replaced wherever a value stands, once") {
  const testing::TemporaryFolder folder;
  folder.Write("password", "pa${secret:user}ss\n");
  folder.Write("user", "me\r\n");
  Value options = Value::Map(
      {{"username", {}, Value::String("${secret:user}")},
       {"list", {}, Value::List({Value::String("a-${secret:user}-${secret:password}"), Value::Int(5)})},
       {"plain", {}, Value::String("${env:X} $secret")}});
  CHECK(RefersToSecrets(options));
  REQUIRE(ResolveSecrets(folder.path(), &options).ok());
  CHECK(options.Find("username")->text == "me");
  CHECK(options.Find("list")->items[0].text == "a-me-pa${secret:user}ss");
  CHECK(options.Find("plain")->text == "${env:X} $secret");
  CHECK_FALSE(RefersToSecrets(Value::String("${secre:x}")));
}

TEST_CASE("secrets: what is wrong names the secret, never what is in a file") {
  const testing::TemporaryFolder folder;
  folder.Write("empty", "\n");
  folder.Write("good", "contents-of-good");
  folder.Write("huge", std::string(70'000, 'x'));
  for (const char* text : {"${secret:none}", "${secret:../tokens}", "${secret:.hidden}", "${secret:a/b}",
                           "${secret:}", "${secret:open", "${secret:empty}", "${secret:huge}",
                           "${secret:good}${secret:none}"}) {
    CAPTURE(text);
    Value value = Value::String(text);
    const absl::Status status = ResolveSecrets(folder.path(), &value);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()), !Catch::Contains("contents-of-good"));
    CHECK(value.text == text);
  }
  Value value = Value::String("${secret:good}");
  CHECK_THAT(std::string(ResolveSecrets("", &value).message()), Catch::Contains("secrets_dir"));
}

}  // namespace
}  // namespace weir::security
