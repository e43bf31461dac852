#include "common/config/keys.h"

#include <catch2/catch.hpp>

#include "common/config/units.h"
#include "common/config/yaml/document.h"

namespace weir::config {
namespace {

TEST_CASE("units: durations, sizes and rates need their unit") {
  CHECK(ParseDuration("250ms") == 250'000);
  CHECK(ParseDuration("7d") == int64_t{7} * 86'400'000'000);
  CHECK(ParseDuration("0s") == 0);
  for (const char* bad :
       {"", "10", "s", "-1s", "1.5s", "10 s", "10S", "99999999999999999999s", "9000000000000h"}) {
    INFO(bad);
    CHECK_FALSE(ParseDuration(bad).has_value());
  }
  CHECK(ParseSize("64KiB") == 65536);
  CHECK_FALSE(ParseSize("64KB").has_value());
  CHECK(ParseRate("20000/s") == 20000);
  CHECK_FALSE(ParseRate("0/s").has_value());
  CHECK_FALSE(ParseRate("5").has_value());
  CHECK(DurationText(90'000'000) == "90s");
  CHECK(DurationText(60'000'000) == "1m");
  CHECK(DurationText(0) == "0s");
  CHECK(SizeText(65536) == "64KiB");
}

TEST_CASE("nearest: slips are found, other words are not") {
  const std::vector<std::string> names = {"checkpoint", "interval", "max_parallelism", "path"};
  CHECK(Nearest("intervall", names) == "interval");
  CHECK(Nearest("chekcpoint", names) == "checkpoint");
  CHECK(Nearest("maxParallelism", names) == "max_parallelism");
  CHECK(Nearest("pth", names) == "path");
  CHECK(Nearest("banana", names).empty());
  CHECK(Nearest("", names).empty());
  CHECK(Nearest(std::string(100'000, 'x'), names).empty());
}

std::vector<std::string> Messages(const std::vector<KeySpec>& keys, std::string_view yaml) {
  Diagnostics diagnostics;
  const std::optional<Value> value = ParseYaml(yaml, &diagnostics);
  REQUIRE(value.has_value());
  Section(&*value, keys, "`x`", {1, 1}, &diagnostics).Check();
  std::vector<std::string> messages;
  for (const Diagnostic& d : diagnostics.errors()) messages.push_back(d.message);
  return messages;
}

TEST_CASE("section: unknown, missing and mistaken keys are all reported") {
  const std::vector<KeySpec> keys = {
      {.name = "interval", .kind = KeyKind::kDuration, .default_text = "10s", .min = 1000},
      {.name = "keep", .kind = KeyKind::kInt, .default_text = "3", .min = 1, .max = 9},
      {.name = "mode", .kind = KeyKind::kEnum, .choices = {"fast", "safe"}},
      {.name = "path", .required = true}};
  using Messages_ = std::vector<std::string>;
  CHECK(Messages(keys, "intervall: 1s\nkeep: 10\nmode: save\n") ==
        Messages_{"unknown key `intervall` in `x` (did you mean `interval`?)",
                  "`keep` must be between 1 and 9, not `10`",
                  "`mode` must be one of fast, safe, not `save` (did you mean `safe`?)",
                  "key `path` is missing in `x`"});
  CHECK(Messages(keys, "interval: 10\npath: [a]\nkeep: '3'\n") ==
        Messages_{"`interval` must be a duration such as 250ms, 10s or 1m, not `10`",
                  "`path` must be a string, not a list", "`keep` must be a whole number, not `3`"});
  CHECK(Messages(keys, "path: 5\ninterval: 1us\n") ==
        Messages_{"`interval` must be at least 1ms, not `1us`"});
  CHECK(Messages(keys, "[1]") == Messages_{"`x` must be a map, not a list"});
}

TEST_CASE("section: getters give the value, or the default where it is absent or wrong") {
  const std::vector<KeySpec> keys = {
      {.name = "interval", .kind = KeyKind::kDuration, .default_text = "10s"},
      {.name = "mode", .kind = KeyKind::kEnum, .default_text = "safe", .choices = {"fast", "safe"}},
      {.name = "hosts", .kind = KeyKind::kStringList}};
  Diagnostics diagnostics;
  const std::optional<Value> value = ParseYaml("interval: soon\nhosts: a\n", &diagnostics);
  const Section section(&*value, keys, "x", {}, &diagnostics);
  CHECK(section.Duration("interval") == 10'000'000);
  CHECK(section.Choice("mode") == 1);
  CHECK(section.StringList("hosts") == std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace weir::config
