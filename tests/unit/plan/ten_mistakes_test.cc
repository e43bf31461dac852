#include <catch2/catch.hpp>

#include "common/config/yaml/document.h"
#include "common/job/yaml/job_reader.h"
#include "common/plan/plan.h"
#include "tests/support/test_connectors.h"

namespace weir::plan {
namespace {

TEST_CASE(
    "lint: ten different mistakes are all reported at once, each with its place and the nearest "
    "name") {
  const absl::StatusOr<std::string> text =
      config::ReadTextFile(WEIR_TEST_DATA "/ten_mistakes.yaml");
  REQUIRE(text.ok());
  config::Diagnostics diagnostics;
  const std::optional<job::JobSpec> spec =
      job::ReadJob(*text, {}, testing::TestCatalog(), &diagnostics);
  REQUIRE(spec.has_value());
  CHECK(MakePlan(std::make_shared<job::JobSpec>(*spec), testing::TestCatalog(), &diagnostics) ==
        nullptr);
  CHECK(config::Render("ten.yaml", *text, diagnostics) ==
        R"lint(ten.yaml:4:1: error: unknown key `guarante` in the job (did you mean `guarantee`?)
  guarante: exactly_once
  ^
ten.yaml:5:14: error: `parallelism` must be a whole number, not `two`
  parallelism: two
               ^
ten.yaml:7:13: error: `interval` must be a duration such as 250ms, 10s or 1m, not `10`
    interval: 10
              ^
ten.yaml:8:3: error: duplicate key `interval` (first in line 7)
    interval: 10s
    ^
ten.yaml:15:13: error: `strng not null` is no type for column `user` (did you mean `string`?): boolean, int, bigint, double, decimal(p,s), string, bytes, timestamp, date, each optionally `not null`
        user: strng not null
              ^
ten.yaml:30:13: error: the window of 1m must be a multiple of its slide of 25s
      window: {sliding: 1m, slide: 25s}
              ^
ten.yaml:32:14: error: sum needs a number, its argument is string
        total: sum(payer)
               ^
ten.yaml:36:12: error: unknown column `amout`; did you mean `amount`?
      where: amout > 100
             ^
ten.yaml:39:12: error: no source or operator is called `transaction` (did you mean `transactions`?)
      input: transaction
             ^
ten.yaml:44:11: error: no sink is of type `fiel` (did you mean `file`?); there are file, print
      type: fiel
            ^
)lint");
}

}  // namespace
}  // namespace weir::plan
