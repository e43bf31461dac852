#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/batch/batch.h"
#include "common/expression/expression.h"

namespace weir::expression::test {

/// Columns of the rows that the tests compute on, with three rows:
///   b boolean            true   false  NULL
///   i int not null       7      -3     0
///   n int                2      NULL   0
///   l bigint             5000000000  NULL  -1
///   d double             2.5    NULL   -0.5
///   m decimal(12,2)      10.25  NULL   -3.55
///   s string             hello  NULL   Zażółć gęślą jaźń
///   t timestamp          2026-01-31 10:20:30.123456  NULL  1969-12-31 23:59:59.999999
///   dt date              2024-02-29  NULL  1969-12-31
///   shop.name, end       strings with names that need care: 'a', NULL, 'c'
batch::SchemaPtr Schema();
batch::Batch Rows();

/// The value of `text` in row 0 (or another one), `error: …`, or `problem: …` when it does not
/// compile.
std::string Value(std::string_view text, int64_t row = 0);
/// The values of all rows, joined by ` | `.
std::string Values(std::string_view text);
/// The type, as in a job file.
std::string Type(std::string_view text);
/// Why it does not compile: `OFFSET+LENGTH: message`; empty when it does.
std::string ProblemOf(std::string_view text);

}  // namespace weir::expression::test
